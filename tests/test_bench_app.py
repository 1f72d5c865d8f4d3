"""app/bench.py in small: it runs, and counts what it says it counts. No timed assertion."""

import os
import signal

import psutil
from typer.testing import CliRunner

from app import bench, cli


def test_the_load_is_counted_and_stored():
    told = []
    found = bench.load(3, 0.05, 1.0, "", "", told.append)
    assert found.ratings == told[-1] == 60
    assert found.stored == 60 + 6, "and the two that everybody gave before"
    assert (found.beyond_overlap, found.trained_beside) == (0, "")
    assert 0 < found.server_median <= found.server_p95 <= found.client_p95


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
