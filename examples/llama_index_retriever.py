"""LlamaIndex: a query engine over the graph.

    pip install 'polycypher[llama-index]'

`MockLLM` only repeats what it is given, and needs no key; give your own model instead.
"""

from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine

from polycypher import Translator, connect
from polycypher.integrations.llama_index import PolycypherRetriever

with Translator.load("nano") as translator, connect("demo") as graph:
    retriever = PolycypherRetriever(translator, graph)
    for node in retriever.retrieve("Which movies did Clint Eastwood direct?"):
        print(node.text)
    engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM())
    print(engine.query("Clint Eastwood hangi filmleri yönetti?"))
