"""Cells of a CSV that no spreadsheet takes for a formula: written by exports, read back by imports."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
ESCAPE = "'"


def escape_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula. `unescape_cell` gives the text back."""
    return ESCAPE + text if text.startswith((*FORMULA_STARTS, ESCAPE)) else text


def unescape_cell(text: str) -> str:
    """The text of an escaped cell."""
    escaped = text.startswith(ESCAPE) and text[1:].startswith((*FORMULA_STARTS, ESCAPE))
    return text[1:] if escaped else text
