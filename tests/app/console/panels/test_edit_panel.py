"""Better answers beside the original: what is marked, and that hostile text stays text."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from app.console.panels import edit_panel
from app.console.state.console_state import ConsoleCaches, ConsoleState
from app.console.state.round_verdicts import RoundVerdicts
from rater_data.records import Edit, User
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import HOSTILE, OFF


def test_words_that_went_and_came() -> None:
    before, after = edit_panel.marked_words("It takes ten minutes.", "It takes twelve long minutes.")
    assert before == "It takes <del>ten</del> minutes."
    assert after == "It takes <ins>twelve long</ins> minutes."
    assert edit_panel.marked_words("", "a") == ("<em>(nothing written)</em>", "<ins>a</ins>")


@settings(max_examples=60)
@given(first=st.text(max_size=60), second=st.text(max_size=60))
def test_whatever_is_written_nothing_is_lost_and_nothing_is_a_tag(first: str, second: str) -> None:
    for text, side, tag in zip(
        (first, second), edit_panel.marked_words(first, second), ("del", "ins"), strict=True
    ):
        plain = re.sub(f"</?{tag}>", "", side)
        assert "<" not in plain or not text
        assert not text or unescape(plain) == edit_panel.spell_out_invisible(text)


def test_the_operator_sees_who_wrote_what_in_place_of_what(store: Store, op: User) -> None:
    fake_worker.generate(store, {"texts": [HOSTILE, "Fine."], "overlap": 3})
    empty = ConsoleState(store, OFF, ConsoleCaches(RoundVerdicts()))
    assert edit_panel.better_answers(empty.better_answers) == ""
    for name in ("Ann <b>", "Ben"):
        rater = store.add_user(name, "rater")
        card = store.next_card(rater.id)
        edit = Edit(
            response_id=card.response_id, rater_id=rater.id, text=f"{HOSTILE} {name}!", given_at=9.0, key=name
        )
        store.save_edit(edit)
    store.set_excluded(rater.id, True, "op")
    html = edit_panel.better_answers(ConsoleState(store, OFF, ConsoleCaches(RoundVerdicts())).better_answers)
    assert "2 better answers this round" in html and "Ben, " in html and html.count("does not count") == 1
    assert "Ann &lt;b&gt;" in html and "<script" not in html and "<img" not in html and "<b>" not in html
