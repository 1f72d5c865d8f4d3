"""/livez, /healthz and /metrics of a running server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from app.access.auth import MAX_FAILURES
from app.cli import app as cli
from app.monitoring import health, store_metrics
from app.monitoring.health import Health
from app.monitoring.metrics_token import load_metrics_token
from app.trainer.supervisor import Supervisor
from rater_data.errors import Unavailable
from rater_data.store import Store
from tests import fake_worker
from tests.app.helpers import Live, send_rating, serving
from tests.paths import DOCS

RATED = 3


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("monitored")) as server:
        fake_worker.generate(server.store, {"prompts": 4, "overlap": 2, "quota": 20})
        ann = server.store.add_user("ann of the north", "rater")
        with server.client(ann) as client:
            card = client.get("/api/card").json()["card"]
            for _ in range(RATED):
                card = send_rating(client, card, 7).json()["card"]
        for step, metrics in enumerate(
            [{"kl": 0.5, "reward": 0.1}, {"kl": 1.25, "reward": -0.5, "rating": 6.5}]
        ):
            server.store.add_step(1, step, metrics)
        yield server


def read_metrics(live: Live) -> tuple[str, dict[str, float]]:
    """The text, and its samples without those that have labels."""
    token = load_metrics_token(live.store.home)
    answer = httpx.get(f"{live.url}/metrics", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return answer.text, {sample.name: sample.value for sample in samples if not sample.labels}


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
def test_everybody_may_ask_whether_it_is_well(live: Live, path: str) -> None:
    with live.client() as client:
        assert (client.get(path).status_code, client.get(path).text) == (200, "ok")
        assert client.head(path).status_code == 200
        assert client.post(path).status_code == 405


def test_metrics_are_what_the_store_says(live: Live) -> None:
    text, values = read_metrics(live)
    progress = live.store.round_progress()
    assert values["rateloop_ratings_total"] == RATED == progress.ratings
    assert (values["rateloop_round_ratings"], values["rateloop_round_quota"]) == (RATED, progress.quota)
    wanted = sum(response.overlap for response in live.store.responses(1))
    assert values["rateloop_ratings_waiting"] == wanted - RATED
    assert values["rateloop_cards_leased"] == live.store.raters_at_work(0) == 1
    assert values["rateloop_version"] == live.store.current_version().number
    assert (values["rateloop_training_kl"], values["rateloop_training_reward"]) == (1.25, -0.5)
    assert 0 < values["rateloop_training_step_seconds"] < 60
    assert values["rateloop_store_up"] == 1
    assert values["process_resident_memory_bytes"] > 10_000_000
    assert 'rateloop_round_state{state="rating"} 1.0' in text
    assert 'rateloop_request_seconds_count{method="POST",route="/api/rate",status="200"} 3.0' in text


def test_every_metric_is_on_the_page_and_the_page_has_no_other(live: Live) -> None:
    text = read_metrics(live)[0]
    families = [family.name for family in text_string_to_metric_families(text)]
    families += [
        metric.name
        for metric in store_metrics.trainer_metrics(Supervisor(replace(live.settings, worker=True)))
    ]
    ours = {name for name in families if name.startswith("rateloop_")}
    rows = (DOCS / "monitoring.md").read_text(encoding="utf-8").partition("| metric")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(rateloop_\w+?)(?:_total)?(?:\{[\w,]+\})?`", rows))
    # not there at every moment
    told -= {"rateloop_job_silence_seconds", "rateloop_trainer_resident_memory_bytes"}
    assert ours == told


def test_metrics_name_nobody(live: Live) -> None:
    text, _ = read_metrics(live)
    link = live.store.make_link(live.store.user_by_name("ann of the north").id, once=False, ttl_s=60)
    with live.client() as client:
        client.get(f"/join/{link}")
    text += read_metrics(live)[0]
    assert 'route="/join/{secret}"' in text
    assert "ann" not in text and link not in text


def test_a_later_scrape_adds_what_came_since(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_metrics, "KEPT", 0.0)
    metrics = store_metrics.StoreMetrics(live.store, live.supervisor)
    before = total_of(metrics)
    with live.client(live.store.user_by_name("ann of the north")) as client:
        send_rating(client, client.get("/api/card").json()["card"], 2)
    assert (before, total_of(metrics)) == (RATED, RATED + 1)


def total_of(metrics: store_metrics.StoreMetrics) -> float:
    return next(m.samples[0].value for m in metrics.collect() if m.name == "rateloop_ratings")


def test_a_store_that_is_away_is_said_and_does_not_end_the_scrape(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("The database at postgresql://secret@db does not answer.")

    monkeypatch.setattr(type(live.store), "count_ratings_after", away)
    found = store_metrics.StoreMetrics(live.store, live.supervisor).collect()
    assert [m.samples[0].value for m in found if m.name == "rateloop_store_up"] == [0]
    monkeypatch.setattr(type(live.store), "has_expected_schema", away)
    assert Health(live.store).word() == "database"


def test_a_schema_of_another_release_is_not_healthy(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path)
    assert store.has_expected_schema()
    with store.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    found = store.has_expected_schema()
    store.close()
    assert not found
    monkeypatch.setattr(health, "KEPT", 0.0)
    monkeypatch.setattr(type(live.store), "has_expected_schema", lambda _store: found)
    with live.client() as client:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.text) == (503, "schema")
        assert client.get("/livez").status_code == 200


def test_who_may_read_metrics(live: Live) -> None:
    op, home = live.store.add_user("op", "operator"), live.store.home
    first = load_metrics_token(home)
    assert (home / "metrics.token").stat().st_mode & 0o777 == 0o600
    with live.client(op) as client:
        assert client.get("/metrics").status_code == 200
    with live.client(live.store.user_by_name("ann of the north")) as client:
        assert client.get("/metrics").status_code == 403

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{live.url}/metrics", headers=headers, trust_env=False).status_code

    ran = CliRunner().invoke(cli, ["metrics-token", "--new", "--home", str(home)])
    second = ran.output.strip()
    assert second != first and (status(first), status(second)) == (401, 200)
    assert status(live.store.make_token(op.id, "op", ttl_s=60)) == 401, "a person's token is for /api"
    with httpx.Client(base_url=live.url, headers={"Authorization": f"Bearer {second}"}) as client:
        assert client.get("/api/card").status_code == 401, "and this one for nothing else"
    statuses = [status("guess") for _ in range(MAX_FAILURES)]
    assert statuses[-1] == 429 and status(second) == 200


def test_no_token_is_right_where_none_was_made(tmp_path: Path) -> None:
    from app.monitoring.metrics_token import is_metrics_token

    assert not is_metrics_token(tmp_path, "Bearer ")
    ran = CliRunner().invoke(cli, ["metrics-token", "--home", str(tmp_path / "nowhere")])
    assert (ran.exit_code, "There is no home folder" in ran.output) == (1, True)
    made = load_metrics_token(tmp_path)
    assert is_metrics_token(tmp_path, f"Bearer {made}") and not is_metrics_token(tmp_path, f"Basic {made}")


def test_the_trainer_is_seen_where_this_server_runs_it(tmp_path: Path) -> None:
    with serving(tmp_path, worker=True) as live:
        found = {m.name: m.samples[0].value for m in store_metrics.trainer_metrics(live.supervisor)}
        assert found["rateloop_trainer_up"] == 1 and found["rateloop_trainer_deaths"] == 0
        assert found["rateloop_trainer_resident_memory_bytes"] > 1_000_000
    elsewhere = Supervisor(replace(live.settings, worker=False))
    assert list(store_metrics.trainer_metrics(elsewhere)) == []
