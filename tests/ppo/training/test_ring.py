"""The whole ring on the tiny model, through the real store and the worker's code."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from ppo.config import Config, PlanConfig, SampleConfig
from ppo.demo.demo import Demo, DemoConfig
from ppo.progress import Progress
from ppo.reward.evaluation import report
from ppo.reward.judgements import of_scores
from ppo.training import better_answers, round_recipe, store_tensors, training_steps
from ppo.training.engine import Engine
from ppo.training.worker import Worker
from rater_data.artifacts.objects import ObjectArtifacts
from rater_data.errors import RateloopError
from rater_data.overview.next_step import EARLIER_RATINGS_LABEL
from rater_data.overview.round_overview import read_overview
from rater_data.overview.trainer_status import WorkerStatus
from rater_data.records import Edit
from rater_data.store import Store
from tests.app.helpers import serving, wait_until
from tests.browser.helpers import chromium, signed_in, wait_for_card
from tests.rater_data.artifacts.object_store import ObjectStore

# Answers of at most 24 bytes, as many steps as it takes to see the rating move
CONFIG = replace(Config(), precision="fp32", sample=SampleConfig(max_new_tokens=24))
CONFIG = replace(CONFIG, ppo=replace(CONFIG.ppo, steps=3), plan=PlanConfig(ratings=48))


NO_UPDATE = {"score": 0.0, "kl": 0.0, "updates": 0.0}


def short(_prompt, response):
    """A taste that a tiny model can learn in a round: shorter is better."""
    return 10 - len(response) / 2.5


def demo(home, rater=short, rounds=1, **settings):
    wanted = DemoConfig(rounds=rounds, ratings=48, noise=0.5, evaluated_per_prompt=2, **settings)
    return Demo(home, "tiny", "cpu", rater, wanted, CONFIG, log=lambda _line: None)


def test_the_ring_turns_and_the_model_learns(tmp_path):
    run = demo(tmp_path, rounds=2)
    rows = run.run()["rounds"]
    assert [r["round"] for r in rows] == [0, 1, 2]
    assert [r["version"] for r in rows] == [0, 1, 2]
    assert rows[0]["kl"] == 0
    assert rows[2]["true_mean"] > rows[0]["true_mean"] + 1
    assert rows[2]["helped"] or rows[1]["helped"]
    for row in rows[1:]:
        assert row["kl"] <= CONFIG.ppo.kl_ceiling + 3
        assert {"PPO on rollouts", "PPO on ratings", "rate", "evaluate"} <= row["seconds"].keys()
    store = Store.open(tmp_path)
    # Which ratings made this sentence: every rating of the snapshot leads to its version
    assert len(store.snapshot(1)) == 48
    assert len(store.snapshot(2)) == 96
    steps = store.steps(1)
    assert steps[0]["kl"] == 0, "KL to the reference is 0 before the first update of version 1"
    assert all(s["ratio_gap"] <= 1e-4 for s in steps)
    assert steps[0]["sampling_gap"] < 1e-3
    assert store.round().state == "rating"
    assert {r.version_number for r in store.responses(3, "train")} == {2}
    assert {r.version_number for r in store.responses(3, "control")} == {1}
    assert len(store.samples(1)) == len(store.prompts("holdout"))
    # Where a sentence came from: what the base thinks of it, and what the head said of it
    for number in (1, 2, 3):
        written = store.responses(number)
        assert all(r.ref_logprob is not None and np.isfinite(r.ref_logprob) for r in written)
        assert all((r.head_score is None) == (number == 3) for r in written)
    assert all(r.ref_logprob == pytest.approx(sum(r.logprobs), abs=1e-4) for r in store.responses(1))
    moved = [sum(r.logprobs) - r.ref_logprob for r in store.responses(3, "train")]
    assert np.mean(moved) > 0.5, "a trained version's own words are likelier to it than to the base"
    assert {r.stratum for r in store.responses(2)} >= {"holdout", "anchor", "control"}
    store.close()


def test_a_flipped_taste_goes_the_other_way(tmp_path):
    rows = demo(tmp_path, flip=True, rater=lambda p, r: len(r) / 2.4).run()["rounds"]
    # The rater now likes short answers; measured with the unflipped taste the rating falls
    assert rows[1]["version"] == 1
    assert rows[1]["length"] < rows[0]["length"]


def test_a_rater_at_random_is_refused(tmp_path):
    # A twentieth of such rounds passes a gate of 5 %: 5 does, by the plan as it is now
    draw = random.Random(7)
    run = demo(tmp_path, rater=lambda _p, _r: draw.uniform(1, 10))
    start, row = run.run()["rounds"]
    assert (row["state"], row["version"], row["kl"]) == ("refused", 0, 0.0)
    assert row["length"] == start["length"], "the model stays as it was"


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """A home with a round that is rated, sealed and queued for training; tests take copies of it."""
    folder = tmp_path_factory.mktemp("rated") / "home"
    run = demo(folder)
    run.store = Store.open(folder)
    run._set_up()
    run._collect_ratings()
    run.store.start_training(1, "tester")
    run.store.close()
    return folder


@dataclass
class Opened:
    """A copy of the rated home with a worker on it."""

    store: Store
    engine: Engine
    worker: Worker


@contextlib.contextmanager
def opened(rated, folder):
    shutil.copytree(rated, folder)
    store = Store.open(folder)
    engine = Engine(folder, "tiny", "cpu", CONFIG)
    try:
        yield Opened(store, engine, Worker(store, lambda: engine))
    finally:
        store.close()


@pytest.fixture
def home(rated, tmp_path):
    with opened(rated, tmp_path / "home") as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(rated, tmp_path_factory):
    """What a training that nothing disturbed gives."""
    with opened(rated, tmp_path_factory.mktemp("straight") / "home") as made:
        assert made.worker.run_one().state == "done"
        sha256 = made.store.current_version().sha256
        return made.engine.policy.adapter_state(), made.store.steps(1), sha256


def test_a_training_that_dies_goes_on_elsewhere_where_it_was(home, undisturbed, monkeypatch, tmp_path):
    """Two machines and an object store, in which nothing can be renamed: each has its own cache."""

    class Died(BaseException):
        pass

    real = round_recipe._save_step

    def die_after_one(state, folder, config, head):
        real(state, folder, config, head)
        if state.step == 1:
            raise Died

    monkeypatch.setattr(round_recipe, "_save_step", die_after_one)
    files = ObjectStore()
    home.engine.artifacts = ObjectArtifacts(files, "/bucket/x", "s3://bucket/x", tmp_path / "one")
    with pytest.raises(Died):
        home.worker.run_one()
    monkeypatch.setattr(round_recipe, "_save_step", real)
    job = home.store.active_job("train")
    monkeypatch.setattr(
        time, "time", lambda now=time.time: now() + 3600
    )  # an hour later the heartbeat is stale
    kept = ObjectArtifacts(files, "/bucket/x", "s3://bucket/x", tmp_path / "other")
    engine = Engine(tmp_path / "elsewhere", "tiny", "cpu", CONFIG, artifacts=kept)
    done = Worker(home.store, lambda: engine).run_one()
    assert (done.id, done.state) == (job.id, "done")
    adapter, steps, sha256 = undisturbed
    version = home.store.current_version()
    assert (version.folder, version.sha256) == ("versions/0001", sha256)
    assert {path.split("/")[3] for path in files.find("/bucket/x")} == {"versions"}, "no checkpoint is left"
    assert list(kept.find_faults(version.folder, sha256)) == []
    assert not (home.engine.home / "versions").exists()
    assert len(steps) >= 2
    assert home.store.steps(1) == steps
    resumed = engine.policy.adapter_state()
    assert all(torch.equal(resumed[k], v) for k, v in adapter.items()), "bit for bit"


def hold_to(monkeypatch, limits):
    """Rounds are held to `limits` at their end, and to hardly any on their way; → adapters at both, once they ran."""
    monkeypatch.setattr(
        training_steps, "round_limits", lambda *_: training_steps.Limits(kl=100.0, distinct_2=0.0)
    )
    real = training_steps.shrink_to_limits
    ends = {}

    def hold(store, engine, config, start, _limits, *beside):
        ends.update(start=start.adapter, end=engine.policy.adapter_state())
        return real(store, engine, config, start, limits, *beside)

    monkeypatch.setattr(training_steps, "shrink_to_limits", hold)
    return ends


def test_beyond_a_limit_only_a_share_of_the_way_is_kept(home, monkeypatch):
    ends = hold_to(monkeypatch, training_steps.Limits(kl=0.3, distinct_2=0.0))
    assert home.worker.run_one().state == "done"
    metrics, got = home.store.current_version().metrics, home.engine.policy.adapter_state()
    assert 0.1 <= metrics["share"] <= 0.99
    assert metrics["kl"] <= 0.3
    for name, tensor in got.items():
        way = ends["end"][name] - ends["start"][name]
        assert torch.equal(tensor, ends["start"][name] + metrics["share"] * way)


def test_a_round_of_which_nothing_is_kept_makes_no_version(home, monkeypatch):
    """It would be the one before, and raters would compare the two."""
    ends = hold_to(monkeypatch, training_steps.Limits(kl=-1.0, distinct_2=0.0))
    job = home.worker.run_one()
    assert (job.state, job.result) == ("done", {"round": 1, "state": "refused"})
    assert any(not torch.equal(ends["end"][n], tensor) for n, tensor in ends["start"].items()), "PPO moved it"
    round_ = home.store.round(1)
    assert round_.kept_nothing and round_.gate["passed"] and round_.published_version is None
    assert "nothing is kept: the KL is" in round_.decision and "Version 0 stays in use." in round_.decision
    assert len(home.store.versions()) == 1 and len(home.store.steps(1)) > 1, "its curves can be looked at"
    assert not list(home.engine.home.glob("versions/*")) and not list(home.engine.home.glob("rounds/*/*"))
    assert home.worker.run_one().kind == "generate", "raters never run dry"
    assert (home.store.round().number, home.store.round().version_number) == (2, 0)
    assert {r.version_number for r in home.store.responses(2)} == {0}
    base = Engine(home.engine.home, "tiny", "cpu", CONFIG).policy.adapter_state()
    assert all(torch.equal(base[k], v) for k, v in home.engine.policy.adapter_state().items())
    step = read_overview(home.store, WorkerStatus(state="off")).next_step
    assert step.sentence.startswith(round_.decision + " The ratings of that round count on; ")
    assert step.alternative == EARLIER_RATINGS_LABEL and not step.alternative_overrides_gate


def test_a_round_that_had_no_room_for_a_step_makes_no_version(home, monkeypatch):
    monkeypatch.setattr(training_steps, "ppo_on_ratings", lambda *_: NO_UPDATE)
    monkeypatch.setattr(training_steps, "ppo_on_rollouts", lambda *_: None)
    assert home.worker.run_one().result == {"round": 1, "state": "refused"}
    assert "was reached before the first step. Version 0 stays in use." in home.store.round(1).decision


def test_where_nobody_rated_what_the_version_wrote_its_way_starts_at_what_it_writes(home, monkeypatch):
    """As after a roll-back: the rated responses are of other versions."""
    load, seen = store_tensors.load_sealed_ratings, []

    def load_without_own(*args):
        data = load(*args)
        return replace(data, on_policy=np.zeros_like(data.on_policy))

    def look(_store, _engine, _config, _round, _version, data, fitted, *_beside):
        seen.append((data, fitted))
        raise RateloopError("seen")

    monkeypatch.setattr(store_tensors, "load_sealed_ratings", load_without_own)
    monkeypatch.setattr(round_recipe, "_ppo", look)
    home.worker.run_one()
    (data, fitted), *_ = seen
    home.engine.load_version(home.store, 0)
    written = home.engine.measure_version(home.store, CONFIG, round_recipe.SAMPLE_SEED).features
    np.testing.assert_allclose(fitted.start, written.mean(0))
    assert not np.allclose(fitted.start, home.engine.reward_features(data, CONFIG, Progress(print)).mean(0))


def test_an_error_fails_the_round_and_train_can_be_pressed_again(home, monkeypatch):
    real = training_steps.ppo_on_rollouts
    monkeypatch.setattr(training_steps, "ppo_on_rollouts", lambda *_a, **_k: 1 / 0)
    job = home.worker.run_one()
    assert job.state == "failed"
    assert "ZeroDivisionError" in job.error
    assert home.store.round(1).state == "failed"
    assert home.store.current_version().number == 0
    monkeypatch.setattr(training_steps, "ppo_on_rollouts", real)
    home.store.start_training(1, "tester")
    assert home.worker.run_one().state == "done"
    assert home.store.current_version().number == 1


def test_a_training_cancelled_in_the_middle_ends_bit_for_bit_when_it_is_begun_again(
    home, undisturbed, monkeypatch
):
    monkeypatch.setattr("ppo.training.worker.REPORT_S", 0.0)
    asked = []

    def cancel_in_the_second_step(job, progress):
        if progress["phase"] == "PPO on rollouts" and progress["done"] == 1 and not asked:
            asked.append(home.store.cancel(job.id, "tester"))

    stopped = Worker(home.store, lambda: home.engine, cancel_in_the_second_step).run_one()
    assert asked and stopped.state == "cancelled"
    assert home.store.round(1).state == "failed"
    assert (home.store.current_version().number, len(home.store.versions())) == (0, 1)
    assert not (home.engine.home / "versions").exists(), "nothing of a version lies about"
    home.engine.load_version(home.store, 0)  # the last good version: what the cancelled steps moved is gone
    base = Engine(home.engine.home, "tiny", "cpu", CONFIG).policy.adapter_state()
    assert all(torch.equal(base[k], v) for k, v in home.engine.policy.adapter_state().items())
    home.store.start_training(1, "tester")
    assert home.worker.run_one().state == "done"
    adapter, steps, _ = undisturbed
    assert home.store.steps(1) == steps
    assert all(torch.equal(adapter[k], v) for k, v in home.engine.policy.adapter_state().items())


def test_a_refused_round_is_followed_by_more_and_can_be_overridden(home, monkeypatch):
    refusal = replace(
        report.cross_validate(np.zeros((0, 3)), of_scores(np.zeros(0), (1, 10)), np.zeros(0), 2, 0),
        reason="Chance.",
    )
    monkeypatch.setattr(
        round_recipe,
        "_fit",
        lambda d, f, e, c, n: (better_answers.fit_with_edits(d, f, *e, n), refusal),
    )
    home.worker.run_one()
    assert home.store.round(1).state == "refused"
    assert home.store.round(1).decision == "Chance."
    assert all(r.head_score is not None for r in home.store.responses(1))
    assert home.store.current_version().number == 0
    home.worker.run_one()
    assert home.store.round().number == 2, "raters do not run dry"
    assert {r.version_number for r in home.store.responses(2, "train")} == {0}
    rater = next(user for user in home.store.users() if user.role == "rater")
    card = home.store.next_card(rater.id)
    better = Edit(
        response_id=card.response_id, rater_id=rater.id, text="Better.", given_at=1.0, key="its own"
    )
    home.store.save_edit(better)
    home.store.start_training(2, "tester", override=True)  # the refused ratings are in its snapshot too
    home.worker.run_one()
    assert home.store.round(2).state == "published"
    gate, decision = home.store.round(2).gate, home.store.round(2).decision
    assert gate["overridden"] and gate["edits"] == 1
    assert decision.endswith("ratings and 1 better answer.")


@pytest.mark.long
def test_a_training_killed_with_9_ends_bit_for_bit_as_one_that_was_not(rated, tmp_path):
    """Two real processes on copies of one home, one of them killed after its first step and started again.

    A version's sha256 is over its adapter, value head, reward head, KL coefficient and step count; the optimizer and
    the random numbers are in it too, since every later update follows from them.
    """
    digests = []
    for name in ("straight", "killed"):
        home = shutil.copytree(rated, tmp_path / name)
        with contextlib.closing(Store.open(home)) as store:
            if name == "killed":
                with ended(subprocess.Popen(work_command(home), env=ONE_THREAD)) as first:
                    wait_for(lambda home=home: any((home / "rounds").glob("0001/step-0001/manifest.json")))
                    first.send_signal(signal.SIGKILL)
                    first.wait()
                assert store.current_version().number == 0, "killed in the middle, not at the end"
                forget_heartbeat(home)
            with ended(subprocess.Popen(work_command(home), env=ONE_THREAD)):
                wait_for(lambda: store.current_version().number == 1)
            assert len(store.steps(1)) == CONFIG.ppo.steps + 1
            digests.append(store.current_version().sha256)
    assert digests[0] == digests[1]


ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}


def work_command(home):
    return [sys.executable, "-m", "ppo", "work", "--home", str(home), "--model", "tiny", "--device", "cpu"]


def forget_heartbeat(home):
    """As if a minute had gone by since the worker's last sign of life."""
    with sqlite3.connect(home / "rateloop.db") as file:
        file.execute("UPDATE jobs SET heartbeat_at = 0 WHERE state = 'running'")
    file.close()


@contextlib.contextmanager
def ended(process):
    """The process is gone afterwards, however the test went."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition, limit_s=120.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def test_ratings_of_holdout_prompts_never_reach_the_head(home):
    data = store_tensors.load_sealed_ratings(home.store, home.engine.base, 1, 0, home.engine.config.sample)
    holdout = {p.id for p in home.store.prompts("holdout")}
    assert not holdout & set(data.prompts.tolist())
    assert len(data.ids) > 0


def test_every_rating_of_a_response_reaches_the_head_as_it_was_given(home):
    counted = [r for r in home.store.snapshot(1) if r.prompt.split != "holdout"]
    told = sorted((r.response.id, r.rating.rater_id, r.rating.score) for r in counted)
    assert len({r for r, _, _ in told}) < len({(r, s) for r, _, s in told}), (
        "several raters, of several minds"
    )
    data = store_tensors.load_sealed_ratings(home.store, home.engine.base, 1, 0, home.engine.config.sample)
    assert list(data.ids) == sorted({r for r, _, _ in told})
    found = data.judgements
    ids, raters = np.array(data.ids)[found.row], np.array(found.rater_ids)[found.rater]
    assert sorted(zip(ids.tolist(), raters.tolist(), found.said.tolist(), strict=True)) == told
    assert data.count == len(counted)


# ---- in a real browser: nobody plays a part

# Seconds that a trainer, at the lowest priority, may take on a machine that does other things, too
BUSY = 200.0


@pytest.mark.browser
def test_the_real_trainer_learns_from_what_was_typed(tmp_path: Path) -> None:
    """Nothing played: the tiny model writes, a person rates by keys, the console trains, the new version writes."""
    small = {
        "precision": "fp32",
        "sample": {"max_new_tokens": 24},
        "plan": {"ratings": 32},
        "ppo": {"steps": 2},
    }
    with chromium() as browser, serving(tmp_path, worker=True, rounds=small) as live:
        store = live.store
        operator, ann = store.add_user("op", "operator"), store.add_user("ann", "rater")
        wait_until(lambda: (found := store.round()) and found.state == "rating", "the first responses", BUSY)
        with signed_in(browser, live, operator) as (_, console), signed_in(browser, live, ann) as (_, rating):
            wait_for_card(rating)
            while not store.round_progress().complete:
                ratings, text = store.count_ratings(), store.next_card(ann.id).text
                score = min(10, max(1, round(10 - len(text) / 2.5)))  # the shorter the better
                rating.wait_for_timeout(160)  # the same key twice at once would be one press
                rating.keyboard.press(str(score % 10))
                wait_until(lambda ratings=ratings: store.count_ratings() > ratings, "the rating")
            train = console.get_by_role("button", name="Train round 1")
            expect(train).to_be_enabled()
            train.click()
            wait_until(
                lambda: store.round().number == 2 and store.round().state == "rating", "the next round", BUSY
            )
            wait_for_card(rating)
            card = store.next_card(ann.id)
            assert store.current_version().number == 1
            written = {(one.stratum, one.version_number) for one in store.responses(2)}
            assert {("train", 1), ("control", 0)} <= written, "the version before wrote the control arm"
            as_written = rating.locator("[data-act=raw]")
            if as_written.is_visible():  # random letters may happen to be markdown
                as_written.click()
            expect(rating.locator("[data-part=text]")).to_have_text(card.text)
            assert len(store.snapshot(1)) == 32
            assert (tmp_path / "versions" / "0001" / "adapter_model.safetensors").is_file()
            console.get_by_role("tab", name="Versions").click()
            expect(console.get_by_role("heading", name="Version 1")).not_to_have_count(0)
            assert console.errors == rating.errors == []
