"""TensorBoard and Trackio themselves, told of a round; run in a process of its own, with .venv/extras on its path."""

import json
import sqlite3

import pytest

from ppo.tracking.trackers import TrackerChoice
from ppo.tracking.tracking import Tracking
from tests.ppo.tracking.test_tracking import log, published, record, store  # noqa: F401 - fixtures


@pytest.fixture
def told(store, log, tmp_path, monkeypatch):  # noqa: F811
    """Tells a kind of tracker two steps and an end; gives where it writes."""
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))

    def tell(kind):
        tracking = Tracking(TrackerChoice(kind, tmp_path / "tracking", "demo-"))
        record(tracking, store, log, 0)
        record(tracking, store, log, 1, kl=2.0)
        published(store)
        tracking.end_round(store, log.append, 1)
        assert log == []
        return tmp_path

    return tell


def test_tensorboard(told):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(told("tensorboard") / "tracking" / "demo-round-0001"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("kl")] == [(0, 1.5), (1, 2.0)]
    assert {"gate/spearman", "version/kl", "rules/responses_end"} <= set(events.Tags()["scalars"])
    (first, _) = events.Tensors("samples/text_summary")
    assert b"prompt" in first.tensor_proto.string_val[0]


def test_trackio(told):
    (database,) = (told("trackio") / "trackio").glob("*.db")
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT step, metrics FROM metrics ORDER BY id").fetchall()
    connection.close()
    told_of = [(step, json.loads(values)) for step, values in rows]
    assert [(step, values["kl"]) for step, values in told_of if "kl" in values] == [(0, 1.5), (1, 2.0)]
    assert any(values.get("version/kl") == 2.5 for _, values in told_of)
    assert sum("samples" in values for _, values in told_of) == 2
