"""neo4j-graphrag: retrieve by questions in three languages.

    pip install 'polycypher[graphrag]'

For an answer in words: `GraphRAG(retriever=retriever, llm=OpenAILLM("gpt-5")).search(query_text=…)`.
"""

from polycypher import Translator, connect
from polycypher.integrations.neo4j_graphrag import PolycypherRetriever

with Translator.load("nano") as translator, connect("demo") as graph:
    retriever = PolycypherRetriever(translator, graph)
    for question in ("How many movies are there?", "¿Cuántas películas hay?", "Kaç film var?"):
        found = retriever.search(query_text=question)
        print(found.metadata["cypher"])
        for item in found.items:
            print(" ", item.content)
