"""The trainer's process: started niced, started again when it dies, ended with the server."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.settings import Settings
from rater_data.database_option import ARTIFACTS_VARIABLE, DATABASE_VARIABLE
from rater_data.overview.trainer_status import WorkerStatus

# Without --multi_gpu accelerate starts one process, whatever number it is told, where there is no GPU; 0: a free port
LAUNCHER = (
    "accelerate.commands.launch",
    *("--multi_gpu", "--num_machines", "1", "--main_process_port", "0"),
    *("--mixed_precision", "no", "--dynamo_backend", "no"),
)
FIRST_PAUSE, MAX_PAUSE = 1.0, 60.0  # seconds before it is started again
HEALTHY_AFTER = 60.0  # seconds: a worker that lived so long starts from the short pause again when it dies
STOP_TIMEOUT = 8.0  # seconds
MAX_LOG = 5_000_000  # bytes
WORD = re.compile(r"[^\W\d_]{2}")  # a launcher of several processes ends what it says with a line of ===


class Supervisor:
    """One thread that keeps one child alive. `say` gets a sentence when the child dies."""

    def __init__(self, settings: Settings, say: Callable[[str], None] = print) -> None:
        self.settings, self.say = settings, say
        self.log_path = settings.home / "worker.log"
        self.status = WorkerStatus(state="starting" if settings.worker else "off")
        self.stopping = threading.Event()
        self.child: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self.keep_alive, name="worker supervisor", daemon=True)

    def command(self) -> list[str]:
        settings = self.settings
        wrapper = [sys.executable, "-m", "app.trainer.run_until_parent_exits"]
        launcher = (
            [] if settings.processes == 1 else [*LAUNCHER, "--num_processes", str(settings.processes), "-m"]
        )
        work = [
            *launcher,
            settings.worker_module,
            "work",
            "--home",
            str(settings.home),
            "--device",
            settings.device,
        ]
        given = [
            ("--model", settings.model),
            ("--generator", settings.generator),
            ("--quantize", settings.quantize),
            ("--track", settings.track),
        ]
        return [*wrapper, *work, *(part for flag, value in given if value for part in (flag, value))]

    def environment(self) -> dict[str, str]:
        """The child's: addresses are in it, which may hold a password, and not in the command."""
        given = {DATABASE_VARIABLE: self.settings.database, ARTIFACTS_VARIABLE: self.settings.artifacts}
        inherited = {name: value for name, value in os.environ.items() if name not in given}
        if self.settings.processes > 1:  # else each would take all cores
            threads = max(1, (os.cpu_count() or 1) // self.settings.processes)
            inherited.setdefault("OMP_NUM_THREADS", str(threads))
        return inherited | {name: value for name, value in given.items() if value}

    def start(self) -> None:
        if self.settings.worker:
            self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join(STOP_TIMEOUT + 5)
        if self.settings.worker:
            self.status = WorkerStatus(state="stopped", deaths=self.status.deaths)

    def keep_alive(self) -> None:
        pause, deaths = FIRST_PAUSE, 0
        while not self.stopping.is_set():
            started_at = time.monotonic()
            code = self.run_once(deaths)
            if self.stopping.is_set():
                return
            deaths += 1
            pause = (
                FIRST_PAUSE if time.monotonic() - started_at > HEALTHY_AFTER else min(pause * 2, MAX_PAUSE)
            )
            self.status = WorkerStatus(
                state="waiting",
                deaths=deaths,
                exit_code=code,
                next_try_at=time.time() + pause,
                last_words=last_log_line(self.log_path),
            )
            self.say(
                f"The trainer stopped ({describe_exit(code)}); it starts again in {pause:.0f} s. "
                f"Its log: {self.log_path}"
                + (f"\n  {self.status.last_words}" if self.status.last_words else "")
            )
            self.stopping.wait(pause)

    def run_once(self, deaths: int) -> int:
        if self.log_path.exists() and self.log_path.stat().st_size > MAX_LOG:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        with self.log_path.open("ab") as log:
            # Its own group: Ctrl-C in the terminal is the server's to handle, and the group ends as one.
            child = subprocess.Popen(
                self.command(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self.environment(),
            )
        self.child = child
        self.status = WorkerStatus(state="running", pid=child.pid, deaths=deaths)
        try:
            while child.poll() is None and not self.stopping.wait(0.2):
                pass
        finally:
            terminate(child)
        return child.returncode


def terminate(child: subprocess.Popen[bytes]) -> None:
    """Ask the child's whole group to stop, then make it."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_TIMEOUT)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdin:
        child.stdin.close()


def describe_exit(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def last_log_line(log: Path) -> str:
    """The last line of the log that has words in it: usually the error itself."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4000))
        lines = [
            line.strip() for line in file.read().decode(errors="replace").splitlines() if WORD.search(line)
        ]
        return lines[-1][:300] if lines else ""
    return ""
