"""Scripted raters: so many at once, none of their ratings lost or given twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from app.access import accounts
from app.benchmark.simulate import rate_with, simulate
from rater_data.errors import BadInput, Missing
from tests import fake_worker
from tests.app.helpers import Live, serving


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with serving(tmp_path) as server:
        fake_worker.generate(server.store, {"prompts": 6, "overlap": 20, "quota": 400})
        yield server


def test_eight_clients_rate_without_a_double_or_a_loss(live: Live) -> None:
    token = accounts.create_token(live.store, "op", "script", role="operator")
    told: list[int] = []
    done = simulate(
        live.url, token, rate_with(lambda prompt, response: len(response) % 13), 60, 8, told.append
    )
    progress = live.store.round_progress()
    assert done.ratings == progress.ratings == len(done.client_seconds) == 60
    assert told == list(range(1, 61))
    assert progress.raters == 8
    assert 0 < done.median_ms <= done.p95_ms


def test_a_simulation_ends_when_there_is_nothing_to_rate(live: Live) -> None:
    token = accounts.create_token(live.store, "op", "bot")
    cards = 6 * fake_worker.PER_PROMPT
    waits: list[str] = []
    best = rate_with(lambda prompt, response: 99)
    done = simulate(live.url, token, best, cards + 5, 1, patience_s=1, on_wait=waits.append)
    assert done.ratings == cards
    assert len(waits) == 1 and waits[0].startswith("You have rated everything. Thank you. Round 1 has ")
    assert {r.rating.score for r in live.store.recent(live.store.user_by_name("bot").id, n=100)} == {10.0}


def test_what_cannot_be_simulated_is_one_sentence(live: Live) -> None:
    token = accounts.create_token(live.store, "op", "bot")
    five = rate_with(lambda prompt, response: 5)
    with pytest.raises(BadInput, match="one person"):
        simulate(live.url, token, five, 5, 2)
    with pytest.raises(BadInput, match="does not work here"):
        simulate(live.url, "rl-wrong", five, 5, 1)
    with pytest.raises(BadInput, match="That is no token"):
        simulate(live.url, "two words", five, 5, 1)
    with pytest.raises(Missing, match="No server answers"):
        simulate("http://127.0.0.1:9", token, five, 5, 1)
    with pytest.raises(BadInput, match="The rater failed on a response: ZeroDivisionError"):
        simulate(live.url, token, rate_with(lambda prompt, response: 1 / 0), 5, 1)


def test_of_two_responses_the_better_one_wins(tmp_path: Path) -> None:
    texts = ["a", "a longer one", "the longest of all of them"]
    with serving(tmp_path, scale="pair") as live:
        fake_worker.generate(live.store, {"prompts": 4, "texts": texts})
        token = accounts.create_token(live.store, "op", "bot")
        by_length = rate_with(lambda prompt, response: len(response))
        done = simulate(live.url, token, by_length, 6, 1, patience_s=0)
        ratings = [rated.rating for rated in live.store.recent(live.store.user_by_name("bot").id, n=10)]
        written = {response.id: len(response.text) for response in live.store.responses(1)}
    assert done.ratings == len(ratings) > 2
    for rating in ratings:
        difference = written[rating.other_id] - written[rating.response_id]
        assert rating.score == (difference > 0) - (difference < 0)


def test_the_command(live: Live, tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(cli.app, ["token", "script", "--operator", "--home", str(live.store.home)])
    assert made.exit_code == 0
    (tmp_path / "taste.py").write_text("def short(prompt, response):\n    return 10 - len(response) / 50\n")
    arguments = [
        "simulate",
        "--url",
        live.url,
        "--token",
        made.output.strip(),
        "--ratings",
        "6",
        "--clients",
        "2",
    ]
    done = runner.invoke(cli.app, [*arguments, "--rater", f"{tmp_path}/taste.py:short"])
    assert done.exit_code == 0, done.output
    assert "6 ratings in" in done.output
    missing = runner.invoke(cli.app, [*arguments, "--rater", f"{tmp_path}/none.py:short"])
    assert missing.exit_code == 1
    assert "does not exist" in missing.output
