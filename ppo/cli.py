"""`python -m ppo …`: the trainer's process, the demo, the default model."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

# Waiting OpenMP threads must sleep, or two threads on a busy machine are slower than one; read when torch starts
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# … but not at once: waking a thread for each of ten thousand operations a step costs a quarter of it (docs/log.md)
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import typer
from rich.console import Console

from ppo.model.cpu.allocator import keep_freed_blocks
from rater_data.database_option import ArtifactsUrl, DatabaseUrl
from rater_data.errors import RateloopError
from rater_data.rater_functions import CLASSIFIER_HELP, PROBABILITY, ClassifierName
from rater_data.round_settings import CHAT, EMBEDDED_SYSTEM, GENERATOR_KEY, PLAIN
from rater_data.round_settings import EMBEDDED_MODEL as DEFAULT_MODEL
from rater_data.store import default_home

cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 150)
HOME = Annotated[Path | None, typer.Option(help="Home folder; $RATELOOP_HOME or ~/.rateloop by default.")]
MODEL = Annotated[
    str, typer.Option(help="smollm2-135m-instruct (the default), tiny, a local folder or a hub id.")
]
DEVICE = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
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


def main() -> None:
    """Runs the command; what a person did wrong is one sentence on stderr and exit code 1."""
    keep_freed_blocks()
    try:
        cli(standalone_mode=True)
    except RateloopError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def quiet() -> None:
    """transformers' own progress bars and advice are not for our users."""
    import logging
    import warnings

    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers|peft")


@cli.command()
def work(
    home: HOME = None,
    model: Annotated[
        str | None, typer.Option(help="As for the demo; the home's own model by default.")
    ] = None,
    device: DEVICE = "auto",
    quantize: QUANTIZE = "",
    generator: GENERATOR = None,
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
) -> None:
    """Claim jobs and do them until ended: the trainer's process."""
    quiet()
    from ppo.training.worker import work as run

    with contextlib.suppress(KeyboardInterrupt):
        run(home or default_home(), model, device, database, generator, artifacts, quantize)


@cli.command("get-model")
def get_model(home: HOME = None, model: MODEL = DEFAULT_MODEL) -> None:
    """Make the default model ready under the home folder, or check that another one loads."""
    quiet()
    from ppo.config import Config
    from ppo.model.loading.base_models import load_base
    from ppo.model.loading.default_model import DEFAULT, default_model
    from ppo.model.self_check import checked_policy

    home = home or default_home()
    if model == DEFAULT:
        print(f"The default model is ready in {default_model(home)}.")
    else:
        base = load_base(model, home, "cpu")
        millions = sum(p.numel() for p in base.lm.parameters()) / 1e6
        _, check = checked_policy(base, Config().lora, "fp32", seed=0)
        print("\n".join([f"{base.name} loads: {millions:.1f} million parameters.", check.says]))
        print("".join(f"{note}\n" for note in (*base.notes, *check.notes)), end="")


@cli.command()
def doctor(
    model: Annotated[
        str | None, typer.Option(help="As for the demo; the home's own model by default.")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="Instead of a model: what one of this shape would need, calculated, as in llama-3.1-8b."
        ),
    ] = None,
    device: DEVICE = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    quantize: QUANTIZE = "",
    system: SYSTEM = None,
    prompt_format: PROMPT_FORMAT = None,
    max_new_tokens: MAX_NEW_TOKENS = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of ppo/config.py, as in ppo.minibatch=4; repeatable."),
    ] = None,
    json_file: JSON_FILE = None,
    home: HOME = None,
    database: DatabaseUrl = None,
) -> None:
    """Say how a model loads, what it reads, where it stops, and what a round needs of this machine."""
    quiet()

    from ppo.doctor.command import diagnose_model, diagnose_named_shape

    settings = (changes or [], precision, quantize)
    if shape is not None:
        found = diagnose_named_shape(console, shape, model, device, max_new_tokens, *settings)
    else:
        told = (system, prompt_format, max_new_tokens)
        found = diagnose_model(console, home or default_home(), database, model, device, told, *settings)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1), encoding="utf-8")


@cli.command()
def bench(
    model: Annotated[str | None, typer.Option(help="As for the demo; the embedded model by default.")] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="Instead of a model: random weights of this shape, as in llama-3.1-8b."),
    ] = None,
    device: DEVICE = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    quantize: QUANTIZE = "",
    steps: Annotated[int, typer.Option(min=1, help="Steps measured, after one that does not count.")] = 3,
    batch: Annotated[int, typer.Option(min=1, help="Responses a step.")] = 16,
    per_prompt: Annotated[int, typer.Option(min=1, help="Responses to each prompt.")] = 1,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens a response.")] = 48,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the batch.")] = 4,
    minibatch: Annotated[int, typer.Option(min=1, help="Responses an optimiser step.")] = 4,
    calculate: Annotated[
        bool,
        typer.Option(
            "--calculate", help="Of a shape: say what memory of a GPU a round needs, and measure nothing."
        ),
    ] = False,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="Also batches of 8 to 64 and responses of 24 to 96 tokens.")
    ] = False,
    peer: Annotated[
        list[Path] | None, typer.Option(help="A result file of another trainer on the same work; repeatable.")
    ] = None,
    json_file: JSON_FILE = None,
    home: HOME = None,
) -> None:
    """Measure one PPO step in phases, beside what this machine could do at best."""
    quiet()
    from ppo.benchmark.bench import Bench
    from ppo.benchmark.command import calculate_memory, measure_step
    from ppo.benchmark.work import BenchmarkSize
    from ppo.training.followers import joined_processes
    from rater_data.errors import BadInput

    if model is not None and shape is not None:
        raise BadInput("Give --model or --shape, not both: a shape is a model of its own.")
    work = BenchmarkSize(
        batch=batch, per_prompt=per_prompt, tokens=tokens, epochs=epochs, minibatch=minibatch
    )
    result: Any = calculate_memory(console, shape, work) if calculate else None
    if not calculate:
        home, name = home or default_home(), model or DEFAULT_MODEL
        with joined_processes(home, device) as joined:
            if joined is None:
                return
            processes, own = joined
            result = measure_step(
                console,
                lambda: Bench(name, home, own, precision, processes, shape, quantize),
                work,
                steps,
                peer or [],
                scaling,
            )
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")


@cli.command()
def merge(
    out: Annotated[Path, typer.Option(help="The folder to write; it must not exist or be empty.")],
    version: Annotated[int | None, typer.Option(help="Which version; the current one by default.")] = None,
    home: HOME = None,
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
) -> None:
    """Write a version as a plain transformers model, with the adapter in its weights."""
    quiet()
    from ppo.training.merge import merge as run
    from rater_data.artifacts.opening import open_artifacts
    from rater_data.store import Store

    home = home or default_home()
    with contextlib.closing(Store.open(home, database, upgrade=database is None)) as store:
        done = run(store, home, version, out, open_artifacts(store, artifacts))
    print(
        f"Version {done.version} of {done.base_model} is in {done.folder} as a plain model. "
        f"Its logits differ from the adapted model's by {done.difference:.1e} at most (on one prompt, fp32)."
    )


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
    noise: Annotated[
        float, typer.Option(min=0, help="Standard deviation of a rating's noise, in points.")
    ] = 1.0,
    bias: Annotated[float, typer.Option(min=0, help="Raters lie between −bias and +bias points off.")] = 0.0,
    raters: Annotated[int, typer.Option(min=1, max=50, help="How many scripted raters.")] = 3,
    flip: Annotated[bool, typer.Option("--flip", help="Turn the rater's taste round: 10 becomes 1.")] = False,
    scale: Annotated[
        str, typer.Option(help="What raters judge by: score_1_10, score_1_5, thumbs, pair …")
    ] = "score_1_10",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    quantize: QUANTIZE = "",
    system: SYSTEM = None,
    prompt_format: PROMPT_FORMAT = None,
    max_new_tokens: MAX_NEW_TOKENS = None,
    prompts: Annotated[
        Path | None, typer.Option(help="A file that import-prompts reads; its holdout prompts measure.")
    ] = None,
    best_of: Annotated[
        int, typer.Option(min=0, help="Base responses a holdout prompt that each head picks from; 0: none.")
    ] = 16,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of ppo/config.py, as in ppo.kl_coef=0.02; repeatable."),
    ] = None,
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
    from ppo.training.followers import joined_processes

    settings = DemoConfig(
        rounds, ratings, seed, noise, bias, raters, flip, scale, prompts=prompts, best_of=best_of
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
            result = {"rater": rater} | run.run()
    print_demo(console, result, run.texts)
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")


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
