"""MCP: the tools as an agent's host calls them, by the official SDK's client.

pip install 'polycypher[mcp]'
"""

import asyncio
import os
import sys

from mcp import Client, StdioServerParameters

server = StdioServerParameters(
    command=sys.executable, args=["-m", "polycypher", "mcp", "--graph", "demo"], env=dict(os.environ)
)


async def main() -> None:
    async with Client(server) as client:
        for tool in (await client.list_tools()).tools:
            print(tool.name, "·", tool.title)
        answer = await client.call_tool("ask", {"question": "¿Qué películas dirigió Clint Eastwood?"})
        print(answer.structured_content["cypher"])
        print(answer.structured_content["rows"])


asyncio.run(main())
