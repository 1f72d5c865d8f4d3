"""Jobs: one of a kind, one worker at a time, and an end even when the worker dies."""

import threading

import pytest

from rater_data.errors import BadInput, Busy, Missing, NotYours, Refused
from tests.rater_data.store_world import make_world, open_store, rate_next

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def store(tmp_path):
    made = open_store(tmp_path / "home")
    yield made
    made.close()


def test_a_job_from_beginning_to_end(store):
    job = store.enqueue("generate", {"why": "first"})
    assert (job.state, store.active_job(), store.active_job("train")) == ("queued", job, None)
    mine = store.claim("one")
    assert (mine.id, mine.state, mine.worker, mine.attempts) == (job.id, "running", "one", 1)
    progress = {"phase": "Generating responses", "done": 3, "total": 8, "eta_s": float("inf"), "note": ""}
    assert store.job_heartbeat(job.id, "one", progress=progress, log="line 1") is False
    store.job_heartbeat(job.id, "one", log="line 2\n")
    seen = store.job(job.id)
    assert (seen.progress, seen.log_tail) == (progress | {"eta_s": None}, "line 1\nline 2\n")
    store.finish(job.id, "one", {"round": 1})
    assert (store.job(job.id).state, store.job(job.id).result, store.active_job()) == (
        "done",
        {"round": 1},
        None,
    )
    with pytest.raises(NotYours):
        store.job_heartbeat(job.id, "one")


def test_one_of_a_kind(store):
    job = store.enqueue("generate", {})
    with pytest.raises(Busy, match="queued"):
        store.enqueue("generate", {})
    store.claim("one")
    with pytest.raises(Busy, match="running"):
        store.enqueue("generate", {})
    assert store.enqueue("train", {"round": 1}).id
    store.fail(job.id, "one", "It broke.")
    assert store.enqueue("generate", {}).state == "queued"
    with pytest.raises(BadInput):
        store.enqueue("dance", {})
    with pytest.raises(Missing):
        store.job(99)


def test_a_job_is_claimed_by_one(store):
    store.enqueue("generate", {})
    found, errors = [], []

    def claim(name):
        try:
            found.append(store.claim(name))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=claim, args=(str(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(job is not None for job in found) == 1


def test_claims_are_by_kind_and_age(store):
    train, generate = store.enqueue("train", {"round": 1}), store.enqueue("generate", {})
    assert store.claim("one", kinds=("generate",)).id == generate.id
    assert store.claim("two").id == train.id
    assert store.claim("three") is None
    assert [job.id for job in store.jobs()] == [generate.id, train.id]


def test_a_worker_that_is_silent_loses_its_job(store):
    job = store.enqueue("generate", {})
    began = store.claim("one").heartbeat_at
    assert store.claim("two", now=began + 59) is None
    assert store.claim("two", now=began + 61).attempts == 2
    for act in (lambda: store.job_heartbeat(job.id, "one"), lambda: store.finish(job.id, "one"),
                lambda: store.fail(job.id, "one", "x")):  # fmt: skip
        with pytest.raises(NotYours, match="not with one"):
            act()
    assert store.job(job.id).worker == "two"


def test_a_worker_that_dies_three_times_fails_the_job(store):
    job = store.enqueue("generate", {})
    now = store.claim("one").heartbeat_at
    for attempt in (2, 3):
        now += 61
        assert store.claim("one", now=now).attempts == attempt
    assert store.claim("one", now=now + 61) is None
    assert store.job(job.id).state == "failed"
    assert "died three times" in store.job(job.id).error


def test_a_training_whose_worker_died_or_was_cancelled_can_be_started_again(tmp_path):
    world = make_world(tmp_path / "home")
    store = world.store
    rate_next(store, world.rater)
    job = store.start_training(1, "Olga")
    now = store.claim("one").heartbeat_at
    store.set_round_state(1, "training")
    for _ in range(3):
        now += 61
        store.claim("one", now=now)
    assert (store.job(job.id).state, store.round().state) == ("failed", "failed")
    assert "died three times" in store.round().decision
    job = store.start_training(1, "Olga")
    now = store.claim("one").heartbeat_at
    store.set_round_state(1, "training")
    assert store.cancel(job.id, "Olga").cancel_requested
    assert store.round().state == "training"  # the worker would stop it, but it is gone
    assert store.claim("two", now=now + 61) is None
    assert (store.job(job.id).state, store.round().state) == ("cancelled", "failed")
    assert store.start_training(1, "Olga").state == "queued"
    assert store.round().state == "sealed"
    store.close()


def test_cancel(store):
    job = store.enqueue("generate", {})
    assert store.cancel(job.id, "Olga").state == "cancelled"
    with pytest.raises(Refused, match="ended already"):
        store.cancel(job.id, "Olga")
    job = store.enqueue("generate", {})
    store.claim("one")
    store.cancel(job.id, "Olga")
    assert store.job_heartbeat(job.id, "one") is True
    store.fail(job.id, "one", "It was stopped.", cancelled=True)
    assert store.job(job.id).state == "cancelled"


def test_only_the_end_of_a_log_is_kept(store):
    job = store.enqueue("generate", {})
    store.claim("one")
    for i in range(30):
        store.job_heartbeat(job.id, "one", log=f"{i} " + "x" * 1000)
    tail = store.job(job.id).log_tail
    assert len(tail) == 20_000
    assert tail.rstrip().rsplit("\n", 1)[-1].startswith("29 ")
