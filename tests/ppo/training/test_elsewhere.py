"""A trainer that lives elsewhere: the server's home and the trainers' share a database and an artifact store alone."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile

import psycopg
import pytest
import torch
from safetensors.torch import load

from app.startup import announce_release, prepare_home
from ppo.config import Config
from ppo.training import worker as working
from ppo.training.engine import Engine
from ppo.training.worker import Presence, Worker, work
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.artifacts.opening import open_artifacts
from rater_data.cli.status_command import status_lines
from rater_data.errors import Missing, Refused
from rater_data.round_settings import RELEASE, ROUND_CONFIG
from rater_data.store import PatientStore, Store
from rater_data.store.database import patience
from rater_data.store.database.release import own_release
from rater_data.verify.home import verify
from tests.app.helpers import send_rating, serving, wait_until
from tests.rater_data import store_world
from tests.rater_data.conftest import server  # noqa: F401 - a fixture
from tests.rater_data.cut_connection import cuttable

SMALL = {"sample": {"max_new_tokens": 24}, "plan": {"ratings": 48}, "ppo": {"steps": 3}}


@pytest.fixture
def address(server):  # noqa: F811
    made = server.new()
    yield made
    server.drop(made)


@contextlib.contextmanager
def trainers(address, artifacts, folder):
    """Starts a trainer with every call, in a home of its own, by its pid; all are gone afterwards."""
    started = {}

    def start():
        home = folder / f"trainer {len(started) + 1}"
        command = [sys.executable, "-m", "ppo", "work", "--home", str(home), "--model", "tiny"]
        command += ["--device", "cpu", "--database", address, "--artifacts", str(artifacts)]
        process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
        started[process.pid] = process

    try:
        yield start, started
    finally:
        for process in started.values():
            process.kill()
            process.wait()


def vanish(store, kind, started):
    """kill -9 of the trainer that has the job; then as if a minute had gone by without a sign of life of it."""
    job = store.active_job(kind)
    pid = int(job.worker.split(":")[1])
    started[pid].send_signal(signal.SIGKILL)
    started[pid].wait()
    assert store.job(job.id).state == "running", "killed in the middle, not at the end"
    store.release_job(job.id, job.worker)
    return job


def rate_all(client, store):
    """As a rater who likes short answers."""
    while not store.round_progress().complete:
        card = client.get("/api/card").json()["card"]
        score = min(10, max(1, round(10 - len(card["text"]) / 2.5)))
        assert send_rating(client, card, score).status_code == 200


@pytest.mark.long
def test_trainers_elsewhere_write_train_vanish_and_go_on(address, tmp_path, monkeypatch):
    """Two trainers and one job: one has it. It is killed, the other goes on; in the training the same once more."""
    monkeypatch.setattr(store_world, "address_of", lambda _home: address)
    home, kept = tmp_path / "server", tmp_path / "kept"
    with (
        trainers(address, kept, tmp_path) as (start, started),
        serving(home, rounds=SMALL, artifacts=str(kept)) as live,
    ):
        store = live.store
        announce_release(store, print)
        prepare_home(store)
        start()
        start()
        wait_until(lambda: store.round() and len(store.slots(1)) >= 4, "the first responses")
        vanish(store, "generate", started)
        there = {response.slot: response.token_ids for response in store.responses(1)}
        start()
        wait_until(lambda: store.round().state == "rating", "the first round")
        written = {response.slot: response.token_ids for response in store.responses(1)}
        assert 4 <= len(there) < len(written) == len(store.responses(1)) == 48
        assert there.items() <= written.items(), "nothing twice, nothing lost"
        with live.client(store.add_user("ann", "rater")) as client:
            rate_all(client, store)
        with live.client(store.add_user("op", "operator")) as client:
            assert client.post("/api/train", json={}).status_code == 200
            wait_until(lambda: [*kept.glob("rounds/0001/step-0001/manifest.json")], "the first step")
            job = vanish(store, "train", started)
            wait_until(lambda: store.current_version().number == 1, "the version")
            downloaded = client.get("/api/versions/1/adapter")
            assert client.get("/api/versions/0/adapter").status_code == 404
        wait_until(lambda: store.job(job.id).state == "done", "the end of the job")

        assert store.job(job.id).attempts == 2
        assert "Going on from step-0001 of round 1." in store.job(job.id).log_tail
        assert [step["step"] for step in store.steps(1)] == [0, 1, 2, 3]
        assert [version.number for version in store.versions()] == [0, 1]
        assert not [*kept.glob("rounds/0001/*")], "no checkpoint is needed any more"
        version, artifacts = store.version(1), open_artifacts(store, str(kept))
        with store.consistent_reads() as at_one_moment:  # the trainer writes the next round
            assert list(verify(at_one_moment, artifacts=artifacts)) == []
        names = {path.name for path in home.iterdir()}
        assert not names & {"models", "versions", "rounds", "rateloop.db"}, (
            "the server has nothing of a model"
        )
        shown = [text for name, text in status_lines(store) if name == "Trainer"]
        assert any(f"release {own_release()}, seen" in text for text in shown), shown

    with zipfile.ZipFile(io.BytesIO(downloaded.content)) as archive:
        files = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    folder = artifacts.fetch(version.folder, version.sha256)
    assert files == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert all(torch.isfinite(tensor).all() for tensor in load(files["adapter_model.safetensors"]).values())
    assert json.loads(files["adapter_config.json"])["peft_type"] == "LORA"


def test_a_database_that_is_away_in_the_middle_of_a_round_costs_nothing(address, tmp_path, monkeypatch):
    """Cut as a step is stored, and again at the commit that publishes: the round ends as if nothing had been."""
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(working, "BEAT_S", 0.2)
    told = []
    with (
        cuttable(address) as way,
        contextlib.closing(PatientStore.open(tmp_path / "a", way.address)) as store,
    ):
        prepare_home(store)
        few = {"plan": {"ratings": 16}, "sample": {"max_new_tokens": 12}, "ppo": {"steps": 2}}
        store.set_setting(ROUND_CONFIG, few)
        worker = Worker(store, lambda: Engine(tmp_path / "a", "tiny", "cpu", Config()))
        store.wait_for_the_database(60)
        assert worker.run_one().state == "done"
        rate_all_by_hand(store)
        store.start_training(1, "tester", override=True)
        real_step, real_publish = PatientStore.add_step, PatientStore.publish

        def cut_and_step(self, number, step, metrics):
            if step == 1:
                way.cut()
                threading.Timer(0.5, way.mend).start()
            real_step(self, number, step, metrics)

        def publish_without_an_answer(self, *arguments, **named):
            way.lose_commits = 1
            real_publish(self, *arguments, **named)
            told.append(way.lose_commits)

        monkeypatch.setattr(PatientStore, "add_step", cut_and_step)
        monkeypatch.setattr(PatientStore, "publish", publish_without_an_answer)
        done = worker.run_one()
        assert (done.state, done.attempts, told) == ("done", 1, [0])
        assert [step["step"] for step in store.steps(1)] == [0, 1, 2]
        assert [version.number for version in store.versions()] == [0, 1]
        assert [event.what for event in store.events()].count("published version 1") == 1
        assert store.round(1).state == "published"
        assert list(verify(store)) == []


def rate_all_by_hand(store):
    """As `rate_all`, without a server."""
    rater = store.add_user("ann", "rater")
    while not store.round_progress().complete:
        card = store.next_card(rater.id)
        store_world.rate(store, rater, card, float(min(10, max(1, round(10 - len(card.text) / 2.5)))))


# ---- before any work


@pytest.fixture
def store(address, tmp_path):
    made = Store.open(tmp_path / "server", address)
    yield made
    made.close()


def other_release(store, **changes):
    """As if the server that was started last had been another one."""
    store.set_setting(RELEASE, own_release().to_json() | changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": "99.0.0"}, "the server is newer. Update the trainer's"),
        ({"version": "0.0.9"}, "the trainer is newer. Update the server's"),
        ({"schema": "9999"}, "the server is newer"),
        ({"checkpoints": 0}, "the trainer is newer"),
    ],
)
def test_a_server_of_another_release_is_refused(store, address, tmp_path, changes, told):
    other_release(store, **changes)
    with pytest.raises(Refused, match=told):
        work(tmp_path / "trainer", "tiny", "cpu", address, artifacts=str(tmp_path / "kept"))
    assert store.workers() == []


def test_an_older_schema_is_not_brought_up_to_date_by_a_trainer(store, address, tmp_path):
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
    with pytest.raises(Refused, match=r"older release of Rateloop \(schema 0003.*update the server's side"):
        work(tmp_path / "trainer", "tiny", "cpu", address, artifacts=str(tmp_path / "kept"))


def test_a_database_without_a_store_is_not_made_one(server, tmp_path):  # noqa: F811
    address = server.new(empty=True)
    with pytest.raises(Missing, match="There is no store"):
        work(tmp_path / "trainer", "tiny", "cpu", address, artifacts=str(tmp_path / "kept"))
    assert server.tables(address) == 0
    server.drop(address)


def test_a_trainer_says_that_it_lives_and_goes_when_the_server_is_updated(store, tmp_path, monkeypatch):
    monkeypatch.setattr(working, "PRESENT_S", 0.01)
    worker = Worker(
        store, lambda: Engine(tmp_path, "tiny", "cpu", Config(), artifacts=FolderArtifacts(tmp_path))
    )
    with Presence(worker, "auto") as presence:
        (seen,) = store.workers()
        assert (seen.name, seen.device, seen.same_release) == (worker.name, "auto", True)
        assert seen.is_alive(time.time())
        assert not seen.is_alive(time.time() + 61)
        wait_until(lambda: store.workers()[0].seen_at > seen.seen_at, "a sign of life")
        assert presence.refused is None
        other_release(store, version="99.0.0")
        wait_until(lambda: presence.refused, "the refusal")
    assert "the server is newer" in str(presence.refused)
    assert store.workers() == []


def test_a_server_says_which_trainers_are_of_another_release(store):
    told = []
    store.report_worker("elsewhere:1:1", "elsewhere", "cuda", own_release())
    announce_release(store, told.append)
    assert told == []
    assert store.setting(RELEASE) == own_release().to_json()
    older = type(own_release())(version="0.0.9", schema="0001", checkpoints=1)
    store.report_worker("elsewhere:1:1", "elsewhere", "cuda", older)
    announce_release(store, told.append)
    assert "The trainer on elsewhere is of release 0.0.9 (schema 0001, checkpoints 1)" in told[0]
