"""What the commands of `python -m ppo` share: the app, options that several have, transformers kept quiet."""

import os
import sys
from pathlib import Path
from typing import Annotated

# Waiting OpenMP threads must sleep, or two threads on a busy machine are slower than one; read when torch starts
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# … but not at once: waking a thread for each of ten thousand operations a step costs a quarter of it (docs/log.md)
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import typer
from rich.console import Console

from rater_data.round_settings import EMBEDDED_SYSTEM, GENERATOR_KEY

cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 150)
HOME = Annotated[Path | None, typer.Option(help="Home folder; $RATELOOP_HOME or ~/.rateloop by default.")]
MODEL = Annotated[
    str, typer.Option(help="smollm2-135m-instruct (the default), tiny, a local folder or a hub id.")
]
DEVICE = Annotated[
    str,
    typer.Option(help="auto, cpu, cuda, cuda:N; split: the layers over all GPUs, cuda:0,cuda:2: over those."),
]
JSON_FILE = Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file too.")]
QUANTIZE = Annotated[
    str,
    typer.Option(
        help="4bit: the base's linear layers in 4 bits, the adapter beside them (needs bitsandbytes)."
    ),
]
SYSTEM = Annotated[
    str | None,
    typer.Option(
        help=f"System prompt of chats that bring none; the embedded model's own: {EMBEDDED_SYSTEM!r}."
    ),
]
PROMPT_FORMAT = Annotated[
    str | None,
    typer.Option(help="chat: by the model's chat template; plain: the model continues the prompt's text."),
]
MAX_NEW_TOKENS = Annotated[
    str | None,
    typer.Option(help="Longest response in tokens, or a range as in 4:16 from which each draws its limit."),
]
GENERATOR = Annotated[
    str | None,
    typer.Option(
        help=f"A server of vLLM that writes the responses, as in http://127.0.0.1:8000; its key in {GENERATOR_KEY}."
    ),
]


def quiet() -> None:
    """transformers' own progress bars and advice are not for our users."""
    import logging
    import warnings

    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers|peft")
