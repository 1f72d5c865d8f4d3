"""A prompt of the operator's own, answered by one or two versions."""

from __future__ import annotations

import pytest

from app.console.state.prompt_trials import find_latest_trial, try_prompt
from rater_data.errors import BadInput, Busy
from rater_data.records import User
from rater_data.round_settings import Told
from rater_data.store import Store
from tests import fake_worker

NONE = (None, None)


def test_without_a_choice_the_version_in_use_and_its_parent_answer(store: Store, op: User) -> None:
    with pytest.raises(BadInput, match="no such version"):
        try_prompt(store, op, "What is rain?", NONE)
    store.add_version(fake_worker.version(0, None, "current"))
    try_prompt(store, op, " What is rain? ", NONE)
    job = store.claim("fake", kinds=("try",))
    assert job.payload["versions"] == [0]
    assert job.payload["messages"] == [{"role": "user", "content": "What is rain?"}]
    with pytest.raises(Busy):
        try_prompt(store, op, "And snow?", NONE)


def test_chosen_versions_answer_once_each(store: Store, op: User) -> None:
    store.add_version(fake_worker.version(0, None, "current"))
    store.add_version(fake_worker.version(1, 0, "kept"))
    store.add_version(fake_worker.version(2, 1, "candidate"))
    for text in ("", " ", "x" * 8001):
        with pytest.raises(BadInput, match="1 to 8000 characters"):
            try_prompt(store, op, text, (1, 0))
    with pytest.raises(BadInput, match="no such version"):
        try_prompt(store, op, "What is rain?", (2, 0))
    assert find_latest_trial(store) is None
    try_prompt(store, op, "What is rain?", (1, 1))
    trial = find_latest_trial(store)
    assert (trial.prompt, trial.waiting, trial.answers) == ("What is rain?", "Waiting for the trainer …", ())
    job = store.claim("fake", kinds=("try",))
    assert job.payload["versions"] == [1]
    assert find_latest_trial(store).waiting == "The versions are answering …"
    store.finish(job.id, "fake", {"answers": [{"version": 1, "text": "Wet.", "ended": True}]})
    trial = find_latest_trial(store)
    assert (trial.waiting, trial.answers, trial.error) == ("", ((1, "Wet.", True),), None)
    assert trial.told == Told()
    try_prompt(store, op, "The film", (1, None))
    result = {
        "answers": [{"version": 1, "text": " ends.", "ended": True}],
        "sample": {"prompt_format": "plain"},
    }
    store.finish(store.claim("fake", kinds=("try",)).id, "fake", result)
    assert find_latest_trial(store).told == Told("", True)


def test_a_trial_waits_for_the_round_and_tells_why_it_failed(store: Store, op: User) -> None:
    store.add_version(fake_worker.version(0, None, "current"))
    store.enqueue("generate", {})
    store.claim("fake", kinds=("generate",))
    try_prompt(store, op, "What is rain?", NONE)
    assert find_latest_trial(store).waiting == "The trainer is writing responses; your prompt is next."
    store.fail(store.claim("fake", kinds=("try",)).id, "fake", "Out of memory.")
    assert find_latest_trial(store).error == "Out of memory."
