"""Markdown that people wrote, as HTML that can do nothing: rendered first, cleaned last, with a short list of tags.

No links, images, styles, ids or classes: nothing is loaded and nothing leads away.
"""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

BLOCKS = ("p", "br", "hr", "h1", "h2", "h3", "h4", "ul", "ol", "li", "pre", "blockquote")
TABLES = ("table", "thead", "tbody", "tr", "th", "td")
TAGS = {*BLOCKS, *TABLES, "strong", "em", "s", "del", "code"}
RENDERER = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def clean_html(markdown: str) -> str:
    return nh3.clean(RENDERER.render(markdown), tags=TAGS, attributes={}, link_rel=None)
