"""`python -m ppo classify`: texts scored by a text classifier."""

import contextlib
import sys
from typing import Annotated

import typer

from ppo.cli.common import DEVICE, cli, quiet
from rater_data.rater_functions import PROBABILITY, ClassifierName
from rater_data.round_settings import CHAT, PLAIN


@cli.command()
def classify(
    model: Annotated[str, typer.Option(help="A text classifier: a local folder or a hub id.")],
    label: Annotated[
        str | None, typer.Option(help="A label's name or number (default: the only one, or the last of two).")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            help="probability (0 → 1, 1 → 10), logit (the label's output through the logistic function), or "
            "logit=LOW..HIGH (LOW → 1, HIGH → 10, cut beyond)."
        ),
    ] = PROBABILITY,
    prompt_format: Annotated[
        str, typer.Option(help="chat: it reads the response alone; plain: prompt and response as one text.")
    ] = CHAT,
    device: DEVICE = "auto",
) -> None:
    """Score texts: JSON lines {"prompt", "response"} in, {"score"} from 1 to 10 out, as --rater hf: does."""
    quiet()
    from ppo.config import SampleConfig
    from ppo.demo.classifier import load_classifier
    from ppo.demo.classify_lines import classify_lines

    plain = SampleConfig(prompt_format=prompt_format).prompt_format == PLAIN
    classifier = load_classifier(ClassifierName(model, label, by), device)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        classify_lines(classifier, plain, sys.stdin.fileno(), lambda text: print(text, end="", flush=True))
