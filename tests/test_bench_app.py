"""app/bench.py in small: it runs, and counts what it says it counts. No timed assertion."""

import os
import signal

import psutil
import pytest
from typer.testing import CliRunner

from app import bench, bench_page, cli
from tests.browser import chromium


def test_the_load_is_counted_and_stored():
    told = []
    found = bench.load(3, 0.05, 1.0, "", "", told.append)
    assert found.ratings == told[-1] == 60
    assert found.stored == 60 + 6, "and the two that everybody gave before"
    assert (found.beyond_overlap, found.trained_beside) == (0, "")
    assert 0 < found.server_median <= found.server_p95 <= found.client_p95


@pytest.mark.browser
def test_clicks_on_the_page_are_counted():
    with chromium():  # says so where there is none
        pass
    told = []
    found = bench_page.page(3, told.append)
    assert (found.clicks, found.loads, told[-1]) == (3, bench_page.LOADS, 3)
    assert 0 < found.painted_median <= found.painted_p95
    assert 0 < found.first_median <= found.first_p95


def test_memory_and_kills_are_printed(tmp_path):
    out = tmp_path / "found.json"
    wanted = ["bench", "--raters", "2", "--think", "0.05", "--seconds", "1", "--memory", "40", "--kills", "1"]
    done = CliRunner().invoke(cli.app, [*wanted, "--json", str(out)])
    assert done.exit_code == 0, done.output
    assert "lost 0, trained_after True" in done.stdout
    assert "memory: ratings 40" in done.stdout
    mine = [child for child in psutil.Process(os.getpid()).children() if "serve" in " ".join(child.cmdline())]
    for child in mine:
        child.send_signal(signal.SIGKILL)
    assert mine == [], "a server was left running"
