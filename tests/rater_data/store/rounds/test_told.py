"""What the model was told in a round: which guidelines go with it, and that a change of it is on record."""

import pytest

from rater_data.round_settings import ROUND_CONFIG
from tests.rater_data.store_world import open_store, start_round, version

pytestmark = pytest.mark.usefixtures("backend")


def test_the_first_guideline_is_of_what_is_rated(tmp_path):
    store = open_store(tmp_path / "home")
    store.add_version(version(0, status="current"))
    assert "one answer" in store.guideline()[1]
    store.set_setting(ROUND_CONFIG, {"sample": {"prompt_format": "plain"}})
    assert "how well the text goes on" in store.guideline()[1], "what the first round will ask"
    number = start_round(store, 0, 1, sample={"prompt_format": "chat"})
    assert "one answer" in store.guideline()[1], "of the open round, whatever the next one asks"
    store.set_round_state(number, "rolled_back")
    start_round(store, 0, 1, sample={"prompt_format": "plain"})
    assert "how well the text goes on" in store.guideline()[1]
    store.close()


def test_a_round_that_tells_the_model_something_else_says_so(tmp_path):
    store = open_store(tmp_path / "home")
    store.add_version(version(0, status="current"))
    for sample in (
        None,
        {"system": "Be brief."},
        {"system": "Be brief."},
        {"system": "x", "prompt_format": "plain"},
        {},
    ):
        number = start_round(store, 0, 1, sample=sample)
        store.set_round_state(number, "rolled_back")
    data = [event.data for event in reversed(store.events()) if event.what.startswith("started round")]
    assert [{k: v for k, v in d.items() if k != "version"} for d in data] == [
        {},
        {"sample.system": "Be brief."},
        {},
        {"sample.system": "", "sample.prompt_format": "plain"},
        {"sample.prompt_format": "chat"},
    ]
    store.close()
