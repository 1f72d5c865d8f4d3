"""The entry of `python -m rater_data`: importing the modules of the commands puts them on the app."""

import signal
import sys

from rater_data.cli import (  # noqa: F401 - in the order of --help
    artifacts_command,
    bench_command,
    copy_command,
    export_command,
    import_commands,
    init_command,
    purge_command,
    stats_command,
    status_command,
    verify_command,
)
from rater_data.cli.common import app


def _exit_on_signal(number: int, _frame: object) -> None:
    """Ends the command by an exception, so that what is half-done is undone on the way out."""
    raise SystemExit(128 + number)


def main() -> None:
    """The entry of `python -m rater_data`."""
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signal_number) is signal.SIG_DFL:  # of nohup, hanging up is ignored
            signal.signal(signal_number, _exit_on_signal)
    try:
        app(prog_name="python -m rater_data")
    except BrokenPipeError:
        # the reader of our output (head, less) went away
        sys.stderr.close()
        raise SystemExit(1) from None
