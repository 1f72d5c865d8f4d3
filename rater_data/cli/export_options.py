"""What `python -m rater_data export` may be asked for: the words of its options, apart from what it does."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    ratings = "ratings"
    prompt_completion = "prompt-completion"
    preference = "preference"
    unpaired = "unpaired"
    helpsteer = "helpsteer"


NOUNS = {
    Format.ratings: "ratings",
    Format.prompt_completion: "texts",
    Format.preference: "pairs",
    Format.unpaired: "labelled texts",
    Format.helpsteer: "texts",
}


class As(StrEnum):
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    dataset = "dataset"


class Split(StrEnum):
    train = "train"
    holdout = "holdout"


class Stanza(StrEnum):
    write = "write"
    print = "print"


def _option(help: str) -> typer.models.OptionInfo:
    return typer.Option(help=help, show_default=False)


def _flag(name: str, help: str) -> typer.models.OptionInfo:
    return typer.Option(name, help=help)


Out = Annotated[Path, _option("The file (for a dataset: the folder) to write.")]
FormatOption = Annotated[
    Format,
    typer.Option(
        help="Every rating with its lineage; texts, pairs or labels for TRL; qualities from 0 to 4."
    ),
]
AsOption = Annotated[As, typer.Option("--as", help="In which form; a dataset is a folder for the hub.")]
Round = Annotated[int | None, _option("Only responses of this round; 0 is what was imported.")]
SplitOption = Annotated[Split | None, _option("Only prompts of this split.")]
Since = Annotated[str | None, _option("Only ratings given or changed since a date or ISO 8601 time (UTC).")]
MinMargin = Annotated[float, typer.Option(help="Pairs: the smallest difference, in points of the scale.")]
SameRater = Annotated[bool, _flag("--same-rater", "Pairs: only as raters who scored both see it.")]
Ties = Annotated[bool, _flag("--ties", "Pairs: equally good ones too, with a margin of 0.")]
Threshold = Annotated[
    float | None,
    _option(
        "Unpaired: the score from which a text is good, else the middle of the scale. "
        "Prompt-completion: from which it is kept, else all are."
    ),
]
Conversational = Annotated[bool, _flag("--conversational", "Lists of messages even where a text would do.")]
LlamaFactory = Annotated[
    Stanza | None,
    _option("LLaMA-Factory's dataset_info.json: write it beside the file, or print the stanza."),
]
PushToHub = Annotated[
    str | None, _option("Send the dataset to the Hugging Face hub under this name, private.")
]
Public = Annotated[bool, _flag("--public", "On the hub: for everybody to see.")]
Force = Annotated[bool, typer.Option(help="Replace what is there.")]
