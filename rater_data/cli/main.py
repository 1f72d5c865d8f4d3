"""The entry of `python -m rater_data`: importing the modules of the commands puts them on the app."""

import signal
import sys

from rater_data.cli import (  # noqa: F401 - in the order of --help: alphabetical
    base_commands,
    bench_command,
    check_commands,
    copy_command,
    import_commands,
)
from rater_data.cli.app import app


def _end(number: int, _frame: object) -> None:
    """Somebody ends the command: what was half-done is undone on the way out."""
    raise SystemExit(128 + number)


def main() -> None:
    """The entry of `python -m rater_data`."""
    for ended in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ended) is signal.SIG_DFL:  # of nohup, hanging up is ignored
            signal.signal(ended, _end)
    try:
        app(prog_name="python -m rater_data")
    except BrokenPipeError:
        # the reader of our output (head, less) went away
        sys.stderr.close()
        raise SystemExit(1) from None
