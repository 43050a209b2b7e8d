"""LangChain: the graph as a tool of an agent, and as the first step of a chain.

    pip install 'polycypher[langchain]'

For an agent: `create_agent(model="…", tools=[tool])` of the package `langchain`.
"""

from langchain_core.prompts import PromptTemplate

from polycypher import Translator, connect
from polycypher.integrations.langchain import PolycypherTool, graph_runnable

with Translator.load("nano") as translator, connect("demo") as graph:
    tool = PolycypherTool(translator=translator, store=graph)
    call = {"name": tool.name, "args": {"question": "Kaç film var?"}, "id": "1", "type": "tool_call"}
    print(tool.invoke(call).content)

    chain = graph_runnable(translator, graph) | PromptTemplate.from_template("Say in one sentence: {rows}")
    print(chain.invoke("¿Qué películas dirigió Clint Eastwood?").to_string())
