"""Lists and dicts as Python, numpy and DuckDB print them: what pandas, `datasets` and others write into cells of a CSV.

A parser of its own, of values and nothing else: `ast.literal_eval` knows no numpy, and takes hundreds of times the
memory of what it reads. numpy puts no commas between the elements of an array, and leaves some out of long ones.
"""

import ast
import re
from typing import Any

MAX_DEPTH = 50
_STRING = r"""[uU]?(?:'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")"""
_TOKEN = re.compile(
    rf"\s*(?:(?P<string>{_STRING})|(?P<number>-?\d[\w.+-]*)|(?P<name>[A-Za-z_][\w.]*)|(?P<sign>[][{{}}():,=]))",
    re.DOTALL,
)
_CONSTANTS = {"True": True, "False": False, "None": None, "nan": float("nan")}
_BARE = re.compile(r"""\s*([^'"(),:=\[\]{}\\]+)""")
"""A text as DuckDB prints it without quotes: one without any sign that would need them."""
_CLOSING = {"[": "]", "(": ")"}
_ARRAYS = ("array", "np.", "numpy.")


def parse_literal(text: str) -> Any:
    """The value that a text spells, arrays as lists. Raises ValueError for anything that is no plain value."""
    parser = _Parser(text)
    value = parser.value(0)
    if text[parser.at :].strip():
        raise ValueError("something stands behind the value")
    return value


def parse_duckdb(text: str) -> Any:
    """The value that a text spells as DuckDB prints lists and structs: [{'role': user, 'content': 'Hi, you'}].

    Without quotes everything is a text but NULL. Raises ValueError for anything else.
    """
    parser = _DuckDbParser(text)
    value = parser.value(0)
    if text[parser.at :].strip():
        raise ValueError("something stands behind the value")
    return value


class _Parser:
    """Reads values from `at` on."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError("nested too deep")
        kind, token = self._next()
        if kind == "string":
            return ast.literal_eval(token.lstrip("uU"))
        if kind == "number":
            return float(token) if set(token) & set(".eE") else int(token)
        if kind == "name" and token in _CONSTANTS:
            return _CONSTANTS[token]
        if kind == "name" and token.startswith(_ARRAYS):
            return self._array(depth)
        if token in _CLOSING:
            return self._list(_CLOSING[token], depth)
        if token == "{":
            return self._dict(depth)
        raise ValueError(f"{token} is no value")

    def _list(self, end: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while not self._take(end):
            found.append(self.value(depth + 1))
            self._take(",")
        return found

    def _dict(self, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        while not self._take("}"):
            key = self.value(depth + 1)
            if not isinstance(key, str) or not self._take(":"):
                raise ValueError("a key has to be a text with a colon behind it")
            found[key] = self.value(depth + 1)
            if not self._take(",") and not self._take("}", look=True):
                raise ValueError("there is no comma between two keys")
        return found

    def _array(self, depth: int) -> Any:
        """array([…], dtype=object), or a number or text of numpy's: np.float64(1.0)."""
        if not self._take("("):
            raise ValueError("an array has to be in brackets")
        value = self.value(depth + 1)
        while self._take(","):
            if not self._take(")", look=True):
                self._next()
                if self._take("="):
                    self._next()
        if not self._take(")"):
            raise ValueError("an array is not closed")
        return value

    def _take(self, sign: str, *, look: bool = False) -> bool:
        """Whether this sign is next; it is then behind us, unless we only look."""
        match = _TOKEN.match(self.text, self.at)
        if match is None or match["sign"] != sign:
            return False
        if not look:
            self.at = match.end()
        return True

    def _next(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            raise ValueError("there is no value")
        self.at = match.end()
        return match.lastgroup, match[match.lastgroup]


class _DuckDbParser(_Parser):
    def value(self, depth: int) -> Any:
        bare = _BARE.match(self.text, self.at)
        if bare is not None and bare[1].strip():
            self.at = bare.end()
            return None if bare[1].strip() == "NULL" else bare[1].strip()
        token = _TOKEN.match(self.text, self.at)
        if token is not None and token["string"]:
            self.at = token.end()
            return re.sub(r"\\(.)", r"\1", token["string"][1:-1], flags=re.DOTALL)
        return super().value(depth)

    def _list(self, end: str, depth: int) -> list[Any]:
        """With a comma between any two: numpy's "..." is no text."""
        found: list[Any] = []
        while not self._take(end, look=True):
            found.append(self.value(depth + 1))
            if not self._take(",") and not self._take(end, look=True):
                raise ValueError("there is no comma between two values")
        self._take(end)
        return found
