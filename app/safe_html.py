"""Markdown that people wrote, as HTML that can do nothing: rendered first, cleaned last, with a short list of tags.

No links, images, styles, ids or classes: nothing is loaded and nothing leads away.
"""

from __future__ import annotations

import re

import nh3
from markdown_it import MarkdownIt

BLOCKS = ("p", "br", "hr", "h1", "h2", "h3", "h4", "ul", "ol", "li", "pre", "blockquote")
TABLES = ("table", "thead", "tbody", "tr", "th", "td")
TAGS = {*BLOCKS, *TABLES, "strong", "em", "s", "del", "code"}
RENDERER = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
# A model's line breaks mean something; what it writes as HTML, links and images is shown as it wrote it
ANSWERS = (
    MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    .enable(["table", "strikethrough"])
    .disable(["link", "image", "autolink", "reference"])
)
# Characters that turn or hide the text around them are named, so that a text is judged by what it says
UNSEEN = re.compile("[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
LONGEST_RENDERED = 40_000  # characters; beyond it a response is shown as plain text
LONGEST_SHOWN = 60_000  # characters of a response that go to the page
PLAIN = re.compile(r"</?(?:p|br)\s*/?>")


def clean_html(markdown: str) -> str:
    return _clean(RENDERER.render(markdown))


def answer_html(text: str) -> str | None:
    """A response as clean HTML; None when it has no formatting to show, or is too long to look for any."""
    if len(text) > LONGEST_RENDERED:
        return None
    html = _clean(ANSWERS.render(named(text)))
    return html if "<" in PLAIN.sub("", html) else None


def named(text: str) -> str:
    """The text with its unseen characters written out, as in ⟨U+202E⟩."""
    return UNSEEN.sub(lambda found: f"\u27e8U+{ord(found.group()):04X}\u27e9", text)


def readable(text: str, longest: int = LONGEST_SHOWN) -> str:
    """The text as a rater is shown it: unseen characters named, and what nobody would read to its end cut short."""
    if len(text) <= longest:
        return named(text)
    return f"{named(text[:longest])} … [{len(text) - longest:,} more characters are not shown]"


def _clean(html: str) -> str:
    return nh3.clean(html, tags=TAGS, attributes={}, link_rel=None)
