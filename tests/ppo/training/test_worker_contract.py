"""What a trainer owes the store: one contract for the real worker, on the tiny model, and for the fake one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from ppo.reward.evaluation.report import HeadReport
from ppo.training import round_recipe, training_steps
from ppo.training.worker import Worker
from rater_data.errors import RateloopError
from rater_data.lifecycle import Job
from rater_data.round_settings import FIRST_RESPONSES
from rater_data.store import Store
from tests import fake_worker
from tests.ppo.training.test_ring import opened, rated  # noqa: F401 - a fixture
from tests.rater_data.store_world import open_store, rate_next

REFUSAL = "Chance."
ERROR = "The machine caught fire."
PROGRESS = {"phase", "done", "total", "eta_s", "note", "moved_at"}
STEP = {
    "step",
    "score",
    "rating",
    "reward",
    "kl",
    "entropy",
    "explained_variance",
    "length",
    "eos_share",
    "lights",
}
UPDATE = {"clip_frac"}  # of a step that updated anything
LIGHT = {"rule", "ok", "value", "limit", "says"}
GATE = {field.name for field in fields(HeadReport)} | {"ratings", "overridden"}
METRICS = {"kl", "kl_se", "length", "eos_share", "distinct_2", "share", "steps", "seconds", "sample"}
METRICS |= {"expected_rating", "expected_low", "expected_high", "expected_of_base"}
METRICS |= {"expected_change", "expected_change_error"}


@dataclass
class Trainer:
    """A home whose round 1 is sealed and queued for training, and whoever trains there."""

    store: Store
    run_one: Callable[[Callable[[Job, dict[str, Any]], None] | None], Job | None]
    refuse: Callable[[bool], None]
    """Whether the gate refuses."""
    break_it: Callable[[bool], None]
    """Whether the training ends with ERROR."""


def fake_trainer(folder) -> Iterator[Trainer]:
    store = open_store(folder)
    settings: dict[str, Any] = {"quota": 12, "overlap": 1, "steps": 3, "pause": 0}

    def change(**values: Any) -> None:
        settings.update(values)
        store.set_setting("fake", settings)

    change()
    store.enqueue("generate", {})
    fake_worker.run_one(store)
    rater = store.add_user("ann", "rater")
    for score in (2, 9, 4, 7, 3, 8, 5, 6, 2, 9, 4, 7):
        rate_next(store, rater, score)
    store.start_training(1, "tester")
    yield Trainer(
        store,
        lambda show=None: fake_worker.run_one(store, "fake", show),
        lambda refuses: change(gate=REFUSAL if refuses else None),
        lambda breaks: change(fail=ERROR if breaks else None),
    )
    store.close()


def real_trainer(rated_home, folder, monkeypatch) -> Iterator[Trainer]:
    monkeypatch.setattr("ppo.training.worker.REPORT_S", 0.0)
    fit, rollouts = round_recipe._fit, training_steps.ppo_on_rollouts

    def refuse(refuses: bool) -> None:
        def refusing(*args):
            head, report = fit(*args)
            return head, replace(report, passed=False, reason=REFUSAL)

        monkeypatch.setattr(round_recipe, "_fit", refusing if refuses else fit)

    def break_it(breaks: bool) -> None:
        def breaking(*_args, **_kwargs):
            raise RateloopError(ERROR)

        monkeypatch.setattr(training_steps, "ppo_on_rollouts", breaking if breaks else rollouts)

    with opened(rated_home, folder) as home:

        def run_one(show=None) -> Job | None:
            return Worker(home.store, lambda: home.engine, show).run_one()

        yield Trainer(home.store, run_one, refuse, break_it)


@pytest.fixture(params=["real", "fake"])
def trainer(request, tmp_path, monkeypatch):
    if request.param == "fake":
        yield from fake_trainer(tmp_path / "home")
    else:
        yield from real_trainer(request.getfixturevalue("rated"), tmp_path / "home", monkeypatch)


def is_lineage_whole(store: Store, number: int) -> None:
    """A version as every trainer leaves it, and all that was kept with it."""
    version = store.current_version()
    assert (version.number, version.parent) == (number, number - 1)
    assert version.folder == f"versions/{number:04d}"
    assert len(version.sha256) == 64
    assert version.metrics.keys() >= METRICS
    assert store.version(number - 1).status == "kept"
    before, after = store.samples(number - 1), store.samples(number)
    assert after and [(s.prompt_id, s.seed) for s in before] == [(s.prompt_id, s.seed) for s in after]


def test_what_generating_leaves(trainer):
    store = trainer.store
    round_ = store.round(1)
    assert (store.version(0).parent, store.version(0).folder) == (None, "")
    assert round_.version_number == 0 and round_.config["quota"] > 0
    responses = store.responses(1)
    assert len(responses) >= round_.config["quota"]
    assert [r.slot for r in responses] == list(range(len(responses)))
    for response in responses:
        assert response.version_number == 0 and response.prompt_ids and response.token_ids
        assert len(response.token_ids) == len(response.logprobs)
        assert response.finish_reason in ("eos", "length")
    job = store.newest_job("generate")
    assert (job.state, job.result) == ("done", {"round": 1})
    (waited,) = store.setting(FIRST_RESPONSES)
    assert 0 < waited <= job.updated_at - job.created_at + 0.1, "told to who waits for the next ones"


def test_a_training_from_seal_to_the_next_round(trainer):
    store, seen = trainer.store, []

    def show(job: Job, progress: dict[str, Any]) -> None:
        seen.append((store.round(1).state, progress.keys()))

    job = trainer.run_one(show)
    assert (job.kind, job.state, job.result) == ("train", "done", {"round": 1, "state": "published"})
    states = list(dict.fromkeys(state for state, _ in seen))
    assert states[-1] == "training" and set(states) <= {"sealed", "training"}
    assert all(keys == PROGRESS for _, keys in seen)
    round_ = store.round(1)
    assert (round_.state, round_.published_version) == ("published", 1)
    assert round_.gate.keys() == GATE
    assert round_.gate["passed"] and not round_.gate["overridden"]
    assert round_.gate["ratings"] == len([r for r in store.snapshot(1) if r.response.stratum != "holdout"])
    assert str(round_.gate["ratings"]) in round_.decision
    is_lineage_whole(store, 1)
    steps = store.steps(1)
    assert [s["step"] for s in steps] == list(range(len(steps))) and len(steps) >= 2
    for step in steps:
        assert step.keys() >= STEP
        assert all(light.keys() == LIGHT for light in step["lights"]) and step["lights"]
    assert all(step.keys() >= UPDATE and step["samples"] for step in steps[1:])
    assert all(s.keys() == {"prompt", "text"} for step in steps[1:] for s in step["samples"])
    assert trainer.run_one(None).kind == "generate", "raters never run dry"
    assert (store.round().number, store.round().state, store.round().version_number) == (2, "rating", 1)


def test_a_refusal_and_the_operator_who_overrules_it(trainer):
    store = trainer.store
    trainer.refuse(True)
    job = trainer.run_one(None)
    assert (job.state, job.result) == ("done", {"round": 1, "state": "refused"})
    round_ = store.round(1)
    assert (round_.state, round_.decision) == ("refused", REFUSAL)
    assert round_.gate.keys() == GATE and not round_.gate["passed"]
    assert store.current_version().number == 0
    store.cancel(store.active_job("generate").id, "tester")  # overruled before the next round begins
    store.start_training(1, "tester", override=True)
    assert trainer.run_one(None).result == {"round": 1, "state": "published"}
    assert store.round(1).gate["overridden"] and not store.round(1).gate["passed"]
    is_lineage_whole(store, 1)


def test_a_cancel_in_the_middle_leaves_the_last_good_version_and_a_round_to_train_again(trainer):
    store, steps_before = trainer.store, []

    def cancel_after_a_step(job: Job, progress: dict[str, Any]) -> None:
        if progress["phase"] == "PPO on rollouts" and progress["done"] >= 1 and not steps_before:
            steps_before.extend(store.steps(1))
            store.cancel(job.id, "tester")

    job = trainer.run_one(cancel_after_a_step)
    assert steps_before, "it was in the middle"
    assert (job.state, job.error) == ("cancelled", "The operator stopped it.")
    assert (store.round(1).state, store.round(1).decision) == ("failed", "The operator stopped it.")
    assert store.current_version().number == 0 and len(store.versions()) == 1
    assert store.active_job() is None
    store.start_training(1, "tester")
    assert trainer.run_one(None).result == {"round": 1, "state": "published"}
    is_lineage_whole(store, 1)


def test_an_error_fails_job_and_round_and_train_can_be_pressed_again(trainer):
    store = trainer.store
    trainer.break_it(True)
    job = trainer.run_one(None)
    assert job.state == "failed" and ERROR in job.error
    assert store.round(1).state == "failed" and ERROR in store.round(1).decision
    assert store.current_version().number == 0
    trainer.break_it(False)
    store.start_training(1, "tester")
    assert trainer.run_one(None).result == {"round": 1, "state": "published"}
