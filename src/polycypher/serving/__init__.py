"""Surfaces for others: REST, server-sent events, OpenAI-compatible chat, the web page, and MCP."""
