"""Several processes that share a round: the same update as one, no process waits for one that failed, and none is
left behind."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from ppo.processes import Processes
from ppo.training.engine import Engine
from rater_data.store import Store
from tests.ppo.training.shared_update import CONFIG, step
from tests.ppo.training.test_ring import ONE_THREAD, ended, forget_heartbeat, rated, wait_for, work_command

__all__ = ["rated"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return step(Engine(tmp_path_factory.mktemp("alone"), "tiny", "cpu", CONFIG))


def start(count: int, out: Path, *more: str) -> list[subprocess.Popen]:
    """So many processes of tests.ppo.training.shared_update, as a launcher starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = ONE_THREAD | {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-m", "tests.ppo.training.shared_update", str(out), *more]
    return [
        subprocess.Popen(
            command,
            env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]


def finish(processes: list[subprocess.Popen]) -> list[str]:
    """What each said on stderr; all have ended."""
    try:
        return [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.parametrize(
    ("count", "faults"), [(2, ["out of memory"]), pytest.param(3, [], marks=pytest.mark.long)]
)
def test_several_processes_give_the_update_of_one(alone, tmp_path, count, faults):
    """Also when the memory of one runs out, in the middle: then all take smaller pieces."""
    out = tmp_path / "found.json"
    processes = start(count, out, *faults)
    finish(processes)
    assert [process.returncode for process in processes] == [0] * count
    found = json.loads(out.read_text())
    assert found["texts"] == alone["texts"], "each response is drawn from a stream of its own"
    assert ["Memory ran out" in line for line in found["said"]] == [True for _ in faults]
    torch.testing.assert_close(
        torch.tensor(found["adapter"]), torch.tensor(alone["adapter"]), atol=1e-5, rtol=0
    )
    assert found["metrics"] == pytest.approx(alone["metrics"], abs=1e-4)


def test_another_process_that_fails_or_dies_is_one_sentence(tmp_path):
    out = tmp_path / "found.json"
    processes = start(2, out, "error", "killed")
    finish(processes)
    assert [process.returncode for process in processes] == [0, -signal.SIGKILL]
    failed, gone = json.loads(out.read_text())["told"]
    assert failed == "Process 1 of the trainer's 2 could not go on: the disk is on fire"
    assert gone.startswith("One of the trainer's processes is gone. Start the trainer again")


@pytest.mark.long
def test_a_round_killed_on_two_processes_goes_on_with_one(rated, tmp_path):
    home = shutil.copytree(rated, tmp_path / "home")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]
    command = [*launcher, *work_command(home)[2:]]
    with contextlib.closing(Store.open(home)) as store:
        with ended(subprocess.Popen(command, env=ONE_THREAD, stderr=subprocess.DEVNULL)) as both:
            wait_for(lambda: any((home / "rounds").glob("0001/step-0001/manifest.json")))
            workers = psutil.Process(both.pid).children(recursive=True)
            both.send_signal(signal.SIGKILL)
            both.wait()
        assert store.current_version().number == 0, "killed in the middle, not at the end"
        wait_for(lambda: not any(w.is_running() and w.status() != psutil.STATUS_ZOMBIE for w in workers))
        forget_heartbeat(home)
        with ended(subprocess.Popen(work_command(home), env=ONE_THREAD)):
            wait_for(lambda: store.current_version().number == 1)
        assert any("Going on from step-" in job.log_tail for job in store.jobs())


def test_share_by_cost_and_by_place():
    three = [Processes(rank, 3) for rank in range(3)]
    costs = [9, 1, 1, 5, 4, 4]
    shares = [one.lightest(costs) for one in three]
    assert sorted(i for share in shares for i in share) == list(range(6))
    assert max(sum(costs[i] for i in share) for share in shares) == 9
    assert [list(one.part(7)) for one in three] == [[0, 1], [2, 3], [4, 5, 6]]
    assert os.environ.get("WORLD_SIZE") is None
    assert Processes.join() == Processes(0, 1)
