"""Run a module as a child that cannot outlive its parent: `python -m app.trainer.run_until_parent_exits MODULE ARGS…`.

The parent keeps the other end of this process's standard input open. When the parent ends, however it ends
(`kill -9` included), the pipe closes, and this process ends with everything in its group.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

TERMINATION_GRACE = 10.0  # seconds
NICENESS = 19  # the web process always comes first


def exit_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(TERMINATION_GRACE)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def lower_priority() -> None:
    """Lowest priority. Where Linux groups processes by session, nice counts within a group alone: the group's too."""
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def main() -> None:
    module, sys.argv = sys.argv[1], sys.argv[1:]
    lower_priority()
    threading.Thread(target=exit_with_parent, name="exit with parent", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
