"""The trainer's process: started again when it dies, and gone when its parent is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from app.settings import Settings
from app.trainer.supervisor import Supervisor
from rater_data import checks
from rater_data.errors import BadInput
from tests.app.helpers import serving, wait_until


def test_worker_is_started_again_and_said_to_be_down(tmp_path: Path) -> None:
    with serving(tmp_path, worker=True) as live:
        wait_until(lambda: live.supervisor.status.pid, "the worker")
        wait_until(lambda: (found := live.store.round()) and found.state == "rating", "the first responses")
        first = live.supervisor.status.pid
        assert os.getpriority(os.PRIO_PROCESS, first) == 19
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: live.supervisor.status.state == "waiting", "the notice")
        assert live.supervisor.status.is_down
        assert "killed by SIGKILL" in live.messages[-1]
        user = live.store.add_user("op", "operator")
        with live.client(user) as client:
            assert client.get("/api/round").json()["worker"]["state"] == "waiting"
        wait_until(lambda: live.supervisor.status.state == "running", "the second life")
        second = live.supervisor.status.pid
        assert second != first
    wait_until(lambda: not psutil.pid_exists(second), "the worker's end")


def test_worker_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """`kill -9` of the server leaves no trainer behind."""
    code = (
        "import sys, time; from pathlib import Path; from app.settings import Settings; "
        "from app.trainer.supervisor import Supervisor; "
        "s = Supervisor(Settings(home=Path(sys.argv[1]), worker_module='tests.fake_worker')); s.start()\n"
        "while not s.status.pid: time.sleep(0.01)\n"
        "print(s.status.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with parent:
        pid = int(parent.stdout.readline())
        wait_until(lambda: (tmp_path / "rateloop.db").exists(), "the worker's start")
        parent.kill()
    wait_until(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", "the worker's end"
    )


def test_the_trainer_is_told_of_the_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="--track is one of"):
        Settings(home=tmp_path, track="pencil")
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda name: SimpleNamespace(origin=name))
    command = Supervisor(Settings(home=tmp_path, track="trackio")).command()
    assert command[command.index("--track") + 1] == "trackio"
    assert "--track" not in Supervisor(Settings(home=tmp_path)).command()
