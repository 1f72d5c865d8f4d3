"""app/benchmark/measure.py in small: it runs, and counts what it says it counts. No timed assertion."""

import json
import os
import signal

import psutil
import pytest
from typer.testing import CliRunner

from app import cli
from app.benchmark import browser_page, console_look
from tests.browser.helpers import chromium


@pytest.mark.long
@pytest.mark.browser
def test_clicks_on_the_page_are_counted():
    with chromium():  # says so where there is none
        pass
    progress = []
    page = browser_page.measure_page(3, progress.append, loads=2)
    assert (page.clicks, page.loads, progress[-1]) == (3, 2, 3)
    assert 0 < page.painted_median <= page.painted_p95
    assert 0 < page.first_median <= page.first_p95


@pytest.mark.long
def test_looks_of_a_console_are_counted(monkeypatch):
    monkeypatch.setattr(console_look, "LOOKS", 2)
    monkeypatch.setattr(console_look, "FIRST_LOOKS", 1)
    monkeypatch.setattr(console_look, "SETTLED_S", 0)
    progress = []
    look = console_look.measure_console(300, progress.append)
    assert (look.ratings, progress) == (300, [1, 2])
    assert 0 < look.all_median <= look.all_p95 and 0 < look.unchanged_median <= look.unchanged_p95


def test_load_is_counted_and_printed(tmp_path):
    found = bench(tmp_path, "--raters", "3", "--think", "0.05", "--seconds", "1")
    load = found["load"]
    assert (load["ratings"], load["stored"]) == (60, 60 + 6), "and the two that everybody gave before"
    assert (load["beyond_overlap"], load["trained_beside"]) == (0, "")
    assert 0 < load["server_median"] <= load["server_p95"] <= load["client_p95"]


@pytest.mark.long
def test_memory_is_counted(tmp_path):
    found = bench(tmp_path, "--raters", "1", "--think", "0.05", "--seconds", "1", "--memory", "40")
    assert found["memory"]["ratings"] == 40
    assert found["memory"]["early"] > 50 and found["memory"]["late"] > 50


def bench(tmp_path, *options):
    """What `app bench` found, by its file; what it printed has the same, and no server of its own is left running."""
    out = tmp_path / "found.json"
    done = CliRunner().invoke(cli.app, ["bench", *options, "--json", str(out)])
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert all(f"{name}: " in done.stdout for name, part in found.items() if part)
    alive = [c for c in psutil.Process(os.getpid()).children() if c.status() != psutil.STATUS_ZOMBIE]
    mine = [child for child in alive if "serve" in " ".join(child.cmdline())]
    for child in mine:
        child.send_signal(signal.SIGKILL)
    assert mine == [], "a server was left running"
    return found
