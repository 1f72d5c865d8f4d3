"""Records: what cannot be is refused when it is built, with a sentence."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rater_data.errors import BadInput
from rater_data.lifecycle import ROUND_STATES, next_states
from rater_data.records import Message, Prompt, split_of
from tests.rater_data.store_world import rating, response, version


@pytest.mark.parametrize(
    "changes",
    [
        {"score": 0},
        {"score": 11},
        {"score": math.nan},
        {"score": True},
        {"score": None},
        {"score": 5.5},
        {"scale": "stars"},
        {"verdict": "maybe"},
        {"key": " "},
        {"comment": "nul\0"},
        {"comment": "half \ud83d"},
        {"comment": None},
        {"flags": ("",)},
        {"active_ms": -1},
        {"active_ms": 1.5},
        {"position": 0},
        {"revision": 0},
        {"response_id": 0},
        {"rater_id": True},
        {"shown_at": math.inf},
        {"submitted_at": -1.0},
        # milliseconds where seconds are wanted
        {"submitted_at": 1_800_000_000_000.0},
    ],
)
def test_a_rating_that_cannot_be(changes):
    with pytest.raises(BadInput) as told:
        dataclasses.replace(rating(1, 1), **changes)
    assert str(told.value).endswith(".")


@pytest.mark.parametrize("verdict", ["skip", "cannot_judge", "broken", "unsafe"])
def test_only_rated_has_a_score(verdict):
    assert rating(1, 1, verdict=verdict).score is None
    with pytest.raises(BadInput, match="without a score"):
        dataclasses.replace(rating(1, 1), verdict=verdict)


@pytest.mark.parametrize(
    "changes",
    [
        {"logprobs": (-0.1,)},
        {"logprobs": (-0.1, math.nan, -0.2)},
        {"token_ids": (1, -2, 3)},
        {"prompt_ids": (1.5,)},
        {"temperature": -1.0},
        {"finish_reason": "stop"},
        {"stratum": "test"},
        {"overlap": 0},
        {"propensity": 1.5},
        {"slot": -1},
        {"seed": 2**63},
        {"text": None},
    ],
)
def test_a_response_that_cannot_be(changes):
    with pytest.raises(BadInput):
        dataclasses.replace(response(1, 0), **changes)


@pytest.mark.parametrize("folder", ["/etc", "../out", "a/../../b", "\\\\server\\share", "C:\\x", "C:x"])
def test_a_version_lies_inside_the_home(folder):
    with pytest.raises(BadInput, match="inside the home"):
        dataclasses.replace(version(1), folder=folder)


def test_a_version_comes_from_an_older_one():
    with pytest.raises(BadInput, match="older"):
        version(1, parent=1)


def test_prompts():
    chat = Prompt(messages=(Message(role="system", content="Be brief."), Message(role="user", content="Hi?")))
    assert chat.text == "Hi?"
    assert Prompt.of("Hi?").messages == (Message(role="user", content="Hi?"),)
    with pytest.raises(BadInput, match="ends with a message of the user"):
        Prompt(messages=(Message(role="user", content="Hi?"), Message(role="assistant", content="Yes.")))
    with pytest.raises(BadInput, match="at least one message"):
        Prompt(messages=())
    with pytest.raises(BadInput, match="empty"):
        Prompt.of(" \n")
    with pytest.raises(BadInput, match="split"):
        Prompt.of("Hi?", split="test")


def test_a_tenth_of_texts_is_holdout_and_always_the_same():
    splits = [split_of(f"What is {i}?") for i in range(4000)]
    # binomial: 400 ± 4 standard deviations
    assert 324 < splits.count("holdout") < 476
    assert splits == [split_of(f" What is {i}? ") for i in range(4000)]


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_is_a_prompt_or_refused_with_a_sentence(text):
    try:
        assert Prompt.of(text).text == text
    except BadInput as error:
        assert "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)
        assert str(error).endswith(".")


def test_rounds_go_where_the_design_says():
    wanted = {
        "generating": {"rating"},
        "rating": {"sealed"},
        "sealed": {"training", "failed"},
        "training": {"published", "refused", "failed"},
        "refused": {"rating", "training"},
        "failed": {"sealed"},
        "published": {"rolled_back"},
        "rolled_back": {"published"},
    }
    assert set(ROUND_STATES) == set(wanted)
    for state, targets in wanted.items():
        assert set(next_states(state)) - {"rolled_back"} == targets - {"rolled_back"}
    assert "rolled_back" not in next_states("training")
    with pytest.raises(BadInput):
        next_states("open")


def test_records_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        rating(1, 1).score = 9
