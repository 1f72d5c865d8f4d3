"""Markdown that people and models wrote, as HTML that can do nothing: rendered first, cleaned last.

No links, images, styles, ids or classes: nothing is loaded and nothing leads away.
"""

from __future__ import annotations

import re

import nh3
from markdown_it import MarkdownIt

BLOCKS = ("p", "br", "hr", "h1", "h2", "h3", "h4", "ul", "ol", "li", "pre", "blockquote")
TABLES = ("table", "thead", "tbody", "tr", "th", "td")
TAGS = {*BLOCKS, *TABLES, "strong", "em", "s", "del", "code"}
MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
# A model's line breaks mean something; what it writes as HTML, links and images is shown as it wrote it
RESPONSE_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    .enable(["table", "strikethrough"])
    .disable(["link", "image", "autolink", "reference"])
)
# Characters that turn or hide the text around them are spelled out, so that a text is judged by what it says
INVISIBLE = re.compile("[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
MAX_RENDERED = 40_000  # characters; beyond it a response is shown as plain text
MAX_DISPLAYED = 60_000  # characters of a response that go to the page
PARAGRAPH_TAG = re.compile(r"</?(?:p|br)\s*/?>")


def render_markdown(text: str) -> str:
    return _clean(MARKDOWN.render(text))


def render_response(text: str) -> str | None:
    """A response as clean HTML; None when it has no formatting to show, or is too long to look for any."""
    if len(text) > MAX_RENDERED:
        return None
    html = _clean(RESPONSE_MARKDOWN.render(spell_out_invisible(text)))
    return html if "<" in PARAGRAPH_TAG.sub("", html) else None


def spell_out_invisible(text: str) -> str:
    """The text with its invisible characters written out, as in ⟨U+202E⟩."""
    return INVISIBLE.sub(lambda match: f"\u27e8U+{ord(match.group()):04X}\u27e9", text)


def display_text(text: str, max_length: int = MAX_DISPLAYED) -> str:
    """The text as a rater is shown it: invisible characters spelled out, and cut where nobody would read on."""
    if len(text) <= max_length:
        return spell_out_invisible(text)
    hidden = len(text) - max_length
    return f"{spell_out_invisible(text[:max_length])} … [{hidden:,} more characters are not shown]"


def _clean(html: str) -> str:
    return nh3.clean(html, tags=TAGS, attributes={}, link_rel=None)
