"""Texts of others in Markdown: they end no fence, span or table cell, and nothing in them is a link or HTML."""

import json
import re
import unicodedata

LONGEST = 1500  # characters of a text that is shown
_REPLACED = "\ufffd"


def span(text: str) -> str:
    """A short text as code within a line."""
    one_line = json.dumps(_visible(text), ensure_ascii=False)[1:-1]
    return f"`{one_line.replace('`', chr(39)).replace('|', '/')}`"


def fenced(text: str, language: str = "text") -> str:
    """A text as a block, exactly as it is but for what cannot be seen; its fence is longer than any in it."""
    text = _visible(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def shortened(text: str) -> str:
    """The beginning of a long text, with how much more there was."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text) - LONGEST} more characters)"


def _visible(text: str) -> str:
    """Without characters that turn the direction of what follows or that no page shows."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_REPLACED if _is_invisible(c) else c for c in text)


def _is_invisible(character: str) -> bool:
    # of the format characters: joiners and marks belong to scripts, overrides and isolates turn the text about
    hidden = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") and character not in "\n\t"
    return hidden or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
