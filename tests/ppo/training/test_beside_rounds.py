"""What the worker does beside rounds: tries, a look at the reward head, samples while it trains; pairs teach, too."""

import os
import random
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from ppo.demo.demo import HONEST, ScriptedRater
from ppo.training import readiness
from ppo.training.readiness import EVERY, ReadinessCheck
from ppo.training.round_recipe import SAMPLE_SEED
from ppo.training.worker import Worker, release_jobs_of_dead_workers
from rater_data.errors import Busy
from rater_data.lifecycle import THEN_TRAIN
from rater_data.planning.basis import planned_values, read_costs, read_facts
from rater_data.planning.costs import RoundCosts
from rater_data.planning.estimate import ON_RATINGS, ON_ROLLOUTS, estimate_round
from rater_data.round_settings import RATER_REVIEW, READINESS, REFERENCE, ROUND_COSTS
from tests.ppo.training.test_ring import demo, short
from tests.rater_data.store_world import file_store


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A home after one round, rated by comparing."""
    home = tmp_path_factory.mktemp("pairs")
    run = demo(home, rater=short, scale="pair")
    rows = run.run()["rounds"]
    store = file_store(home)
    yield rows, store, run.worker.engine
    store.close()


def test_comparisons_teach_the_model(turned):
    rows, store, _ = turned
    assert rows[1]["version"] == 1 and rows[1]["state"] == "published"
    assert rows[1]["true_mean"] > rows[0]["true_mean"] + 0.5
    assert rows[1]["head_spearman"] > 0.2
    scales = {one.rating.scale for one in store.rated()}
    assert scales == {"pair"} and all(one.rating.other_id for one in store.rated())


def test_what_was_measured_at_the_end_of_a_round_is_known_at_the_next_ones(turned, monkeypatch):
    """Although the version before wrote some of the responses in between."""
    _, store, engine = turned
    config = engine.round_config(store)
    engine.load_version(store, 0)
    engine.load_version(store, 1)
    measured = engine.measure_policy(store, config, SAMPLE_SEED)
    with monkeypatch.context() as patched:
        patched.delattr(type(engine), "measure_policy")
        kept = engine.measure_version(store, config, SAMPLE_SEED)
    assert kept.metrics == measured.metrics and (kept.features == measured.features).all()


def test_samples_are_kept_while_it_trains(turned):
    _, store, _ = turned
    said = [step["samples"] for step in store.steps(1) if step["step"] > 0]
    assert said and all([s["prompt"] for s in one] == [s["prompt"] for s in said[0]] for one in said)
    assert len(said[0]) == 2
    assert len({one[0]["text"] for one in said}) > 1, "what it says changes"


def ask(store, versions, text="What is rain?"):
    messages = [{"role": "user", "content": text}]
    return store.enqueue("try", {"messages": messages, "versions": versions, "seed": 3})


def measured_costs(store, engine):
    """A trainer that has nothing to do, with its model in memory, measures."""
    worker = Worker(store, lambda: engine)
    worker.measure_costs()
    assert store.setting(ROUND_COSTS) is None, "without a model in memory nothing is loaded for it"
    assert worker.engine is engine
    worker.measure_costs()
    return worker, RoundCosts.from_json(store.setting(ROUND_COSTS))


def test_costs_are_measured_once_and_nothing_is_changed_by_it(turned):
    _, store, engine = turned
    assert store.round().state == "rating"
    policy = engine.policy
    before = policy.adapter_state() | dict(policy.value_head.state_dict())
    before = {name: values.clone() for name, values in before.items()}
    worker, costs = measured_costs(store, engine)
    after = policy.adapter_state() | dict(policy.value_head.state_dict())
    assert all(torch.equal(after[name], values) for name, values in before.items())
    assert costs.what[:3] == ("tiny", "cpu", "fp32") and "cores" in costs.machine
    assert min(costs.write_step_s, costs.read_token_s, costs.train_token_s) > 0
    assert 0 < costs.rest <= min(costs.write_peak, costs.train_peak) < costs.free
    assert 8 < costs.prompt_tokens < 257
    worker.measure_costs()
    Worker(store, lambda: engine).measure_costs()
    assert store.setting(ROUND_COSTS)["measured_at"] == costs.measured_at
    # On another machine, or by another release, anew
    store.set_setting(ROUND_COSTS, costs.to_json() | {"release": "0.0.1"})
    again = Worker(store, lambda: engine)
    assert again.engine and again.measure_costs() is None
    assert store.setting(ROUND_COSTS)["release"] == costs.release


def test_a_job_that_waits_ends_the_measuring(turned, monkeypatch):
    _, store, engine = turned
    store.set_setting(ROUND_COSTS, None)
    monkeypatch.setattr(readiness, "LOOK_FOR_JOBS_S", 0.0)
    worker = Worker(store, lambda: engine)
    assert worker.engine is engine
    job = ask(store, [0])
    worker.measure_costs()
    assert store.setting(ROUND_COSTS) is None
    assert worker.run_one().id == job.id
    worker.measure_costs()
    assert store.setting(ROUND_COSTS) is not None, "then there is time for it"


def test_what_a_training_took_corrects_what_the_next_is_said_to_take(turned):
    """A real training held against what its own costs say; told of it, they say just that."""
    _, store, engine = turned
    store.set_setting(ROUND_COSTS, None)
    worker = Worker(store, lambda: engine)
    assert worker.engine is engine
    worker.measure_costs()
    costs = replace(read_costs(store), measured_at=0.0)
    store.set_setting(ROUND_COSTS, costs.to_json())
    version, facts = store.version(1), read_facts(store, costs)
    reference = store.setting(REFERENCE)["metrics"]["length"]
    as_trained = replace(facts, length=(reference + version.metrics["length"]) / 2, limit=24, is_first=True)
    values = planned_values(store.round(1).config)
    took = version.metrics["seconds"]
    said = estimate_round(values, costs, replace(as_trained, ratios={})).phases
    for phase in (ON_RATINGS, ON_ROLLOUTS):
        assert 0.1 < took[phase] / said[phase] < 10, (
            "a tiny model: what is around its products counts as much"
        )
    assert facts.trainings == 1 and facts.spread >= 1.25
    steps = version.metrics["steps"] / values["ppo.steps"]
    told = estimate_round(values, costs, as_trained).phases
    assert told[ON_ROLLOUTS] * steps == pytest.approx(took[ON_ROLLOUTS])
    assert told[ON_RATINGS] == pytest.approx(took[ON_RATINGS])


def test_a_try_is_answered_by_every_version_asked(turned):
    _, store, engine = turned
    worker = Worker(store, lambda: engine)
    job = ask(store, [0, 1])
    with pytest.raises(Busy, match="another try"):
        ask(store, [0])
    assert store.active_job() is None, "a try keeps no round waiting"
    done = worker.run_one()
    assert (done.id, done.state) == (job.id, "done")
    answers = done.result["answers"]
    assert [a["version"] for a in answers] == [0, 1]
    assert all(isinstance(a["text"], str) and a["tokens"] > 0 for a in answers)
    ask(store, [1, 0])
    again = worker.run_one().result["answers"]
    assert sorted(again, key=lambda a: a["version"]) == answers, "one seed, one answer"
    ask(store, [7])
    assert "no version 7" in worker.run_one().error


def test_the_head_is_looked_at_while_people_rate(turned, monkeypatch):
    _, store, engine = turned
    worker = Worker(store, lambda: engine)
    worker.check_readiness()
    assert store.setting(READINESS)["round"] == 1, "nothing was rated in this round"
    assert store.responses(2) and not store.responses(2, "anchor"), "raters compare"
    rater = next(u for u in store.users() if u.role == "rater")
    run = demo(store.home, rater=short, scale="pair")
    run.store, run._noise = store, random.Random(1)
    person = ScriptedRater(rater, 0.0, HONEST)
    for _ in range(EVERY):
        store.submit(run._rate_card(person, store.next_card(rater.id)))
    worker.check_readiness()
    first = store.setting(READINESS)
    assert first["round"] == 2 and first["ratings"] == len(store.ratings_to_seal())
    assert {"passed", "reason", "spearman", "p_value"} <= first.keys()
    store.submit(run._rate_card(person, store.next_card(rater.id)))
    worker.check_readiness()
    assert store.setting(READINESS) == first, "one more rating is no reason to look again"
    check = ReadinessCheck()
    check._not_before = time.monotonic() + 60
    assert not check.is_due(store), "after a look that took long there is a pause"
    check._not_before = time.monotonic()
    assert check.is_due(store)
    review = store.setting(RATER_REVIEW)
    assert {row["rater_id"] for row in review["raters"]} == {row.rating.rater_id for row in store.rated()}
    assert all(row["shared"] + row["by_head"] > 0 for row in review["raters"])
    # Somebody who does not count any more is one
    store.set_excluded(rater.id, True, "op")
    worker.check_readiness()
    assert rater.id not in {row["rater_id"] for row in store.setting(RATER_REVIEW)["raters"]}
    assert store.setting(READINESS)["ratings"] < first["ratings"] == first["of"]
    # Of many ratings some are looked at, and how many there are is said
    monkeypatch.setattr(readiness, "MAX_RATINGS", 3 * EVERY)
    monkeypatch.setattr(readiness, "MAX_REVIEWED", 2 * EVERY)
    store.set_excluded(rater.id, False, "op")
    worker.check_readiness()
    kept, review = store.setting(READINESS), store.setting(RATER_REVIEW)
    assert 2 * EVERY < kept["ratings"] <= 3 * EVERY and EVERY < review["ratings"] <= 2 * EVERY
    assert kept["of"] == review["of"] == len(store.ratings_to_seal()) > 3 * EVERY
    assert rater.id in {row["rater_id"] for row in review["raters"]}, "the open round comes first"


def test_responses_asked_for_to_train_anew_are_followed_by_the_training(turned):
    """As the console asks for it: without the people who do not count any more, from a version that never knew them."""
    _, store, engine = turned
    rater = next(u for u in store.users() if u.role == "rater")
    store.set_excluded(rater.id, True, "op")
    assert store.lessons_of([rater.id]).before == 0
    store.roll_back(0, "op")
    store.enqueue("generate", {THEN_TRAIN: "op"})
    Worker(store, lambda: engine).run_one()
    job = store.active_job("train")
    assert job.payload == {"round": store.round().number, "override": False, "actor": "op"}
    assert rater.id not in {row.rating.rater_id for row in store.snapshot(job.payload["round"])}


def test_a_look_that_fails_is_told_and_keeps_nobody_from_work(turned, monkeypatch):
    _, store, _ = turned
    worker = Worker(store, lambda: 1 / 0)
    monkeypatch.setattr(ReadinessCheck, "is_due", lambda *_: True)
    worker.check_readiness()
    assert store.events(1)[0].what == "could not look at the reward head"
    assert "ZeroDivisionError" in store.events(1)[0].data["why"]


def test_jobs_of_dead_workers_of_this_machine_are_free_at_once(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    store = file_store(tmp_path)
    here = Worker(store, lambda: None).name.split(":")[0]
    for worker, free in (
        (f"{here}:{gone.pid}:7", True),
        (f"{here}:{os.getpid()}:7", False),
        (f"elsewhere:{gone.pid}:7", False),
        (f"{socket.gethostname()}-01234567:{gone.pid}:7", False),  # another machine of the same name
        (f"{here}:{gone.pid}", False),
        ("odd", False),
    ):
        job = store.enqueue("generate", {})
        assert store.claim(worker).id == job.id
        release_jobs_of_dead_workers(store)
        claimed = store.claim("next")
        assert (claimed is not None) == free, worker
        store.fail(job.id, "next" if free else worker, "over")
    store.close()
