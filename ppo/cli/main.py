"""The entry of `python -m ppo`: importing the modules of the commands puts them on the app."""

import sys

from ppo.cli import (  # noqa: F401 - in the order of --help
    bench_command,
    classify_command,
    demo_command,
    fit_head_command,
    model_commands,
    version_commands,
    work_command,
)
from ppo.cli.common import cli
from ppo.model.cpu.allocator import keep_few_products, keep_freed_blocks
from rater_data.errors import RateloopError


def main() -> None:
    """Runs the command; what a person did wrong is one sentence on stderr and exit code 1."""
    keep_freed_blocks()
    keep_few_products()
    try:
        cli(standalone_mode=True)
    except RateloopError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
