"""What raters wrote in place of responses, beside the original, with the words that went and the words that came."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

from app.console.panels.elements import MAX_TEXT_LENGTH, format_time, h, quiet, section, shorten
from app.console.state.console_state import RoundEdits
from app.safe_html import spell_out_invisible
from rater_data.records import EditedResponse

WORDS = re.compile(r"\w+|\s+|[^\w\s]")
MAX_PROMPT = 200  # characters


def better_answers(shown: RoundEdits) -> str:
    """Nothing where nobody wrote one."""
    if not shown.latest:
        return ""
    articles = "".join(_beside_original(one, shown) for one in shown.latest)
    more = shown.total - len(shown.latest)
    told = "Each teaches the reward head that it is better than the response it replaces."
    rest = quiet(f"… and {more} more, which exports have too.") if more > 0 else ""
    title = f"{shown.total} better answer{'s' * (shown.total != 1)} this round"
    return section(title, told) + f'<div class="ops-pairs">{articles}{rest}</div>'


def _beside_original(one: EditedResponse, shown: RoundEdits) -> str:
    author = one.edit.rater_id
    note = f"by {shown.names.get(author, '?')}, {format_time(one.edit.given_at)}"
    note += ", who does not count" if author in shown.excluded else ""
    before, after = marked_words(one.response.text, one.edit.text)
    return (
        f'<article class="rl-panel ops-pair ops-edit"><h3 dir="auto">{h(shorten(one.prompt.text, MAX_PROMPT))}</h3>'
        f'<div><div><h4>Response</h4><p class="ops-text" dir="auto">{before}</p></div>'
        f'<div><h4>Better answer <small>{h(note)}</small></h4><p class="ops-text" dir="auto">{after}</p></div></div>'
        "</article>"
    )


@lru_cache(maxsize=200)  # the page is drawn every few seconds
def marked_words(original: str, edit: str) -> tuple[str, str]:
    """Both texts as HTML, escaped: what is in the first alone is in <del>, in the second alone in <ins>."""
    first, second = (WORDS.findall(spell_out_invisible(text[:MAX_TEXT_LENGTH])) for text in (original, edit))
    before, after = [], []
    for kind, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        old, new = h("".join(first[a:b])), h("".join(second[c:d]))
        if kind == "equal":
            before.append(old)
            after.append(new)
            continue
        before.append(f"<del>{old}</del>" if old else "")
        after.append(f"<ins>{new}</ins>" if new else "")
    ends = (" …" if len(text) > MAX_TEXT_LENGTH else "" for text in (original, edit))
    sides = ("".join(parts) + end for parts, end in zip((before, after), ends, strict=True))
    shown = tuple(side or "<em>(nothing written)</em>" for side in sides)
    return shown[0], shown[1]
