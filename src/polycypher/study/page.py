"""A report's blocks as one HTML page that loads nothing: pictures are in it, every text is escaped.

Knows nothing of results. Needs jinja2 (`pip install polycypher[study]`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

from polycypher.errors import UsageError
from polycypher.study.blocks import Block, Heading
from polycypher.study.tables import NOT_AVAILABLE, NOT_RUN


def as_html(blocks: Sequence[Block]) -> str:
    """The blocks as one HTML file that loads nothing: pictures are embedded, every text is escaped.

    Raises:
        UsageError: jinja2 is missing.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise UsageError(
            "the report needs jinja2; install it with: pip install 'polycypher[study]'"
        ) from error
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["look"] = _look
    environment.filters["embedded"] = lambda path: base64.b64encode(path.read_bytes()).decode("ascii")
    title = next((block.text for block in blocks if isinstance(block, Heading)), "Study")
    return environment.from_string(_PAGE).render(blocks=blocks, title=title)


def _look(cell: str) -> str:
    """The style class of a table's cell."""
    if cell in (NOT_AVAILABLE, NOT_RUN, "not measured"):
        return "missing"
    if cell in ("yes", "no"):
        return cell
    return "number" if re.fullmatch(r"[+-]?\d[^A-Za-z]*", cell) else "text"


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #5b6570; --line: #d8dde3;
  --band: #f4f6f8; --link: #0a5ea8; --yes: #00664a; --no: #a63f00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #14171a; --soft: #a0a9b3;
  --line: #363d45; --band: #1d2126; --link: #7ab8f0; --yes: #4fd1a5; --no: #ff9a5c; } }
body { margin: 0 auto; padding: 1rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; } a { color: var(--link); }
p { max-width: 48rem; } pre { padding: .6rem; background: var(--band); overflow-x: auto; }
.table { margin: 1rem 0 1.5rem; overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { padding: .2rem 0; text-align: left; font-weight: 600; }
caption small { display: block; color: var(--soft); font-weight: 400; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); } tbody th { font-weight: 500; }
tbody tr:hover { background: var(--band); }
.number { white-space: nowrap; } .text { min-width: 6rem; } .missing { color: var(--soft); }
.yes { color: var(--yes); font-weight: 700; } .no { color: var(--no); font-weight: 700; }
figure { margin: 1.2rem 0; } figcaption { color: var(--soft); font-size: .88rem; }
img { display: block; max-width: 100%; height: auto; padding: .5rem; border-radius: .4rem;
  box-sizing: border-box; background: #ffffff; }
</style>
</head>
<body>
{% for block in blocks %}
{% if block.kind == "heading" %}
<h{{ block.level }} id="{{ block.anchor }}">{{ block.text }}</h{{ block.level }}>
{% if block.level == 1 %}
<nav>
{% for other in blocks if other.kind == "heading" and other.level == 2 %}
<a href="#{{ other.anchor }}">{{ other.text }}</a>
{% endfor %}
</nav>
{% endif %}
{% elif block.kind == "paragraph" %}
<p>{{ block.text }}</p>
{% if block.code %}
<pre><code>{{ block.code }}</code></pre>
{% endif %}
{% elif block.kind == "bullets" %}
<ul>
{% for item in block.items %}
<li>{{ item }}</li>
{% endfor %}
</ul>
{% elif block.kind == "picture" %}
<figure>
<img alt="{{ block.caption }}" src="data:image/png;base64,{{ block.path | embedded }}">
<figcaption>{{ block.caption }}</figcaption>
</figure>
{% else %}
<div class="table" tabindex="0">
<table>
<caption>{{ block.title }}{% if block.note %}<small>{{ block.note }}</small>{% endif %}</caption>
<thead><tr>{% for cell in block.header %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in block.rows %}
<tr>
{% for cell in row %}
{% if loop.first %}
<th scope="row" dir="auto">{{ cell }}</th>
{% else %}
<td class="{{ cell | look }}" dir="auto">{{ cell }}</td>
{% endif %}
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endif %}
{% endfor %}
</body>
</html>
"""
