"""ppo/tracking: every step, the gate and the version reach a tracker, and none of its troubles reaches a training."""

import os
import subprocess
import sys
import threading

import pytest

from ppo.tracking import run_thread
from ppo.tracking.trackers import TrackerChoice, log_texts
from ppo.tracking.tracking import Tracking, numbers_of, tag
from ppo.training.worker import Worker
from rater_data import checks
from rater_data.errors import BadInput
from rater_data.round_settings import SERVER_URL
from tests.paths import ROOT
from tests.ppo.tracking.stand_in import Choice
from tests.rater_data.store_world import make_world, version

EXTRAS = ROOT / ".venv" / "extras"  # `make check` puts the trackers there
STEP = {"kl": 1.5, "score": float("nan"), "nested": {"a b": 2}, "samples": [{"prompt": "p", "text": "```"}]}
LIGHTS = [{"rule": "KL is not negative", "ok": True}, {"rule": "responses end", "ok": False}]


@pytest.fixture
def store(tmp_path):
    made = make_world(tmp_path / "home", prompts=2)
    made.store.set_setting(SERVER_URL, "http://127.0.0.1:7860")
    yield made.store
    made.store.close()


@pytest.fixture
def log():
    return []


def record(tracking, store, log, step, **more):
    tracking.record_step(store, log.append, 1, step, {**STEP, "lights": LIGHTS, **more})


def test_a_step_is_in_the_store_and_in_the_run_of_its_round(store, log):
    choice = Choice()
    tracking = Tracking(choice)
    for step in (0, 1):
        record(tracking, store, log, step)
    tracking.close(log.append)
    (run, _, config), *told = choice.told[0], *choice.told[1:]
    assert run == "run" and choice.told[0][1] == "round-0001"
    assert (config["round"], config["from_version"], config["base_model"]) == (1, 0, "tiny")
    assert config["console"] == "http://127.0.0.1:7860"
    steps = [(step, values) for kind, step, values in told[:-1] if kind == "log" and "kl" in values]
    assert [step for step, _ in steps] == [0, 1]
    assert steps[1][1] == {
        "kl": 1.5,
        "nested/a_b": 2.0,
        "rules/KL_is_not_negative": 1.0,
        "rules/responses_end": 0.0,
    }
    (text,) = {values["samples"] for kind, _, values in told[:-1] if "samples" in values}
    assert "prompt:\n\n```text\np\n```" in text and "````text\n```\n````" in text
    assert told[-1] == ("finish",) and log == []
    assert [step["kl"] for step in store.steps(1)] == [1.5, 1.5]


def test_the_end_of_a_round_tells_gate_decision_and_version(store, log):
    choice = Choice()
    tracking = Tracking(choice)
    record(tracking, store, log, 3)
    published(store)
    tracking.end_round(store, log.append, 1)
    logged = [(step, values) for kind, step, values in choice.told[1:-1]]
    assert all(step == 3 for step, _ in logged)
    (values,) = (values for _, values in logged if "gate/spearman" in values)
    assert (values["gate/spearman_ci/low"], values["gate/passed"]) == (0.25, 1.0)
    assert (values["version/number"], values["version/kl"], values["version/seconds/PPO_on_rollouts"]) == (
        1,
        2.5,
        8,
    )
    assert "version/sample/temperature" not in values
    assert any("It was published." in values.get("decision", "") for _, values in logged)
    assert choice.told[-1] == ("finish",)


def published(store):
    with store.writing() as connection:
        from dataclasses import replace

        from rater_data.store.database import schema as t
        from rater_data.store.rounds.versions import insert_version

        metrics = {"kl": 2.5, "seconds": {"PPO on rollouts": 8}, "sample": {"temperature": 0.7}}
        insert_version(connection, replace(version(1, 0), metrics=metrics))
        gate = {"spearman": 0.5, "spearman_ci": [0.25, 0.75], "passed": True, "reason": "enough"}
        values = {"state": "published", "gate": gate, "decision": "It was published.", "published_version": 1}
        connection.execute(t.rounds.update().where(t.rounds.c.number == 1).values(**values))


def test_one_that_fails_in_the_middle_is_told_once_and_stops_nothing(store, log):
    choice = Choice(fails_at=1)
    tracking = Tracking(choice)
    for step in range(4):
        record(tracking, store, log, step)
    tracking.end_round(store, log.append, 1)
    assert len(log) == 1
    assert (
        "remembering is told nothing more of this round (ConnectionError: the tracker's server is gone)"
        in log[0]
    )
    assert len(store.steps(1)) == 4
    assert not any(step == 3 for kind, step, *_ in choice.told if kind == "log")


def test_one_that_hangs_is_not_waited_for(store, log, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(run_thread.RunThread.finish, "__defaults__", (0.05,))
    tracking = Tracking(Choice(fails_at=0, hangs=released))
    record(tracking, store, log, 0)
    record(tracking, store, log, 1)
    tracking.end_round(store, log.append, 1)
    released.set()
    assert log == [line for line in log if "has not taken everything" in line] and len(log) == 1
    assert len(store.steps(1)) == 2


def test_one_that_does_not_even_open(store, log):
    class Broken(Choice):
        def open(self, run, config):
            raise OSError("no login\nsee there")

    tracking = Tracking(Broken())
    record(tracking, store, log, 0)
    tracking.close(log.append)
    assert len(log) == 1 and "(OSError: no login)" in log[0]


def test_a_bug_of_ours_is_no_end_of_a_training_either(store, log):
    tracking = Tracking(Choice())
    tracking.record_step(store, log.append, 1, 0, {"lights": [{"wrong": 1}]})
    tracking.close(log.append)
    assert len(store.steps(1)) == 1 and "KeyError" in log[0]


def test_without_a_tracker_steps_go_to_the_store_alone(store):
    worker = Worker(store, lambda: None)
    job = store.enqueue("generate", {})
    worker._progress(job, threading.Event()).record_step(1, 0, {"kl": 1.0})
    assert len(store.steps(1)) == 1


def test_what_is_not_installed_or_not_known_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda _name: None)
    for kind, pin in checks.TRACKERS.items():
        with pytest.raises(BadInput, match=f"needs {kind}, which is not installed: pip install {pin}"):
            TrackerChoice(kind, tmp_path)
    with pytest.raises(BadInput, match="--track is one of trackio, tensorboard, wandb, mlflow"):
        TrackerChoice("aim", tmp_path)


def test_a_folder_of_that_name_is_no_tracker(tmp_path, monkeypatch):
    """wandb makes a folder `wandb` where it is started; Python takes it for a package."""
    (tmp_path / "wandb").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BadInput, match="wandb, which is not installed"):
        TrackerChoice("wandb", tmp_path)


def test_the_pins_are_those_of_the_file():
    text = (ROOT / "requirements-tracking.txt").read_text("utf-8")
    for kind in ("tensorboard", "trackio"):
        assert f"\n{checks.TRACKERS[kind]}\n" in text


def test_texts_are_a_table_where_there_are_tables_and_a_file_for_mlflow():
    class WithTables:
        name = "wandb"

        def log_table(self, name, columns, data, step):
            self.told = (name, columns, data, step)

    class MLflow:
        name = "mlflow"

        def log_artifact(self, path):
            with open(path, encoding="utf-8") as file:  # noqa: PTH123
                self.told = (path.rpartition("/")[2], file.read())

    with_tables, mlflow = WithTables(), MLflow()
    for tracker in (with_tables, mlflow):
        log_texts(tracker, "version/samples", ("prompt", "answer"), [("p", "a")], 3)
    assert with_tables.told == ("version/samples", ["prompt", "answer"], [["p", "a"]], 3)
    assert mlflow.told[0] == "version-samples-0003.md" and "answer:\n\n```text\na\n```" in mlflow.told[1]


@pytest.mark.long
@pytest.mark.skipif(not (EXTRAS / "trackio").is_dir(), reason="no trackers; `make check` fetches them")
def test_tensorboard_and_trackio_themselves():
    file = ROOT / "tests/ppo/tracking/real_trackers.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", str(file)]
    environment = os.environ | {"PYTHONPATH": str(EXTRAS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_numbers_by_their_paths():
    found = dict(
        numbers_of({"a": 1, "b": True, "c": "x", "d": None, "e": (1, 2.5), "f": float("inf")}, "gate/")
    )
    assert found == {"gate/a": 1.0, "gate/b": 1.0, "gate/e/low": 1.0, "gate/e/high": 2.5}
    assert tag("PPO on rollouts (new)") == "PPO_on_rollouts_new"
