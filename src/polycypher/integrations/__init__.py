"""polycypher inside the libraries people already use; each module is one library's extra.

`neo4j_graphrag` has a retriever, `langchain` a tool and a runnable, `llama_index` a retriever. All are thin:
the question goes through `polycypher.ask`, with its guard and limits, and the answer takes the library's
form. Importing one without its library raises a `UsageError` that names the extra.
"""
