"""`python -m ppo demo`: the whole ring with a scripted rater."""

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppo.cli.common import (
    DEVICE,
    GENERATOR,
    JSON_FILE,
    MAX_NEW_TOKENS,
    MODEL,
    PROMPT_FORMAT,
    QUANTIZE,
    SYSTEM,
    cli,
    console,
    quiet,
)
from rater_data.database_option import Track
from rater_data.rater_functions import CLASSIFIER_HELP
from rater_data.round_settings import EMBEDDED_MODEL as DEFAULT_MODEL
from rater_data.round_settings import PLAIN
from rater_data.store import default_home

if TYPE_CHECKING:
    from ppo.tracking.trackers import TrackerChoice


NOISE = Annotated[float, typer.Option(min=0, help="Standard deviation of a rating's noise, in points.")]
BIAS = Annotated[float, typer.Option(min=0, help="Raters lie between −bias and +bias points off.")]
RATERS = Annotated[int, typer.Option(min=1, max=50, help="How many scripted raters.")]
CONTRARY = Annotated[int, typer.Option(min=0, help="How many of them turn the scale round.")]
AT_RANDOM = Annotated[int, typer.Option(min=0, help="How many of them rate whatever the text says.")]
SCALE = Annotated[str, typer.Option(help="What raters judge by: score_1_10, score_1_5, thumbs, pair …")]
BEST_OF = Annotated[
    int, typer.Option(min=0, help="Base responses a holdout prompt that each head picks from; 0: none.")
]
CHANGES = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a setting of ppo/config.py, as in ppo.kl_coef=0.02; repeatable."),
]
PROMPTS = Annotated[
    Path | None, typer.Option(help="A file that import-prompts reads; its holdout prompts measure.")
]


@cli.command()
def demo(
    rater: Annotated[
        str,
        typer.Option(
            help="brevity, warmth, on-topic, to-reader, lists, plain-words, FILE.py:FUNCTION, or a text "
            f"classifier: {CLASSIFIER_HELP}."
        ),
    ],
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of rating and training.")] = 2,
    ratings: Annotated[int, typer.Option(min=1, help="Ratings a round.")] = 64,
    model: MODEL = DEFAULT_MODEL,
    device: DEVICE = "auto",
    generator: GENERATOR = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    noise: NOISE = 1.0,
    bias: BIAS = 0.0,
    raters: RATERS = 3,
    contrary: CONTRARY = 0,
    at_random: AT_RANDOM = 0,
    flip: Annotated[bool, typer.Option("--flip", help="Turn the rater's taste round: 10 becomes 1.")] = False,
    scale: SCALE = "score_1_10",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    quantize: QUANTIZE = "",
    system: SYSTEM = None,
    prompt_format: PROMPT_FORMAT = None,
    max_new_tokens: MAX_NEW_TOKENS = None,
    prompts: PROMPTS = None,
    best_of: BEST_OF = 16,
    changes: CHANGES = None,
    track: Track = None,
    json_file: JSON_FILE = None,
    home: Annotated[
        Path | None, typer.Option(help="An empty folder to keep; a temporary one by default.")
    ] = None,
) -> None:
    """Run the whole ring with a scripted rater and say whether the model learned what it likes."""
    quiet()
    from ppo.config import Config, sample_of
    from ppo.demo.demo import Demo, DemoConfig
    from ppo.demo.progress_bars import job_bars
    from ppo.demo.scripted_raters import load_rater
    from ppo.demo.tables import print_demo
    from ppo.tracking.tracking import Tracking
    from ppo.training.followers import joined_processes

    choice = _tracker_choice(track, home, seed)
    settings = DemoConfig(
        *(rounds, ratings, seed, noise, bias, raters, flip, scale),
        prompts=prompts,
        best_of=best_of,
        contrary=contrary,
        at_random=at_random,
    )
    sample = sample_of(model, system, prompt_format, max_new_tokens)
    config = Config(precision=precision, quantize=quantize, sample=sample).changed(changes or [])
    with joined_processes(default_home(), device) as joined:
        if joined is None:
            return
        processes, device = joined
        with _demo_home(home, model) as folder, job_bars(console) as show:
            taste = load_rater(rater, device, plain=config.sample.prompt_format == PLAIN)
            run = Demo(
                folder, model, device, taste, settings, config, console.print, show, generator, processes
            )
            run.tracking = None if choice is None else Tracking(choice)
            result = {"rater": rater} | run.run()
    print_demo(console, result, run.texts)
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")


def _tracker_choice(track: str | None, home: Path | None, seed: int) -> "TrackerChoice | None":
    """The tracker's files outlive a demo whose home is a temporary one; each demo's runs have names of their own."""
    from ppo.tracking.trackers import TRACKED, TrackerChoice

    prefix = f"demo-{time.strftime('%Y%m%d-%H%M%S')}-seed-{seed}-"
    return None if track is None else TrackerChoice(track, (home or default_home()) / TRACKED, prefix)


@contextlib.contextmanager
def _demo_home(home: Path | None, model: str) -> Iterator[Path]:
    """An empty home; the default model, made once under the user's own, is lent to it and not made again."""
    from ppo.model.loading.default_model import DEFAULT, default_model
    from rater_data.errors import BadInput

    if home is not None and home.exists() and any(home.iterdir()):
        raise BadInput(f"{home} is not empty; the demo wants a home of its own.")
    with contextlib.ExitStack() as stack:
        folder = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rateloop-demo-")))
        (folder / "models").mkdir(parents=True, exist_ok=True)
        if model == DEFAULT:
            (folder / "models" / DEFAULT).symlink_to(default_model(default_home()).resolve())
        yield folder
