"""The options of `python -m rater_data export`, made of the tables of formats, options and file types.

The tables import neither pandas nor pyarrow, so `--help` does not wait for them.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rater_data.exporting.file_types import FILE_TYPES
from rater_data.exporting.formats.options import EXPORT_OPTIONS
from rater_data.exporting.formats.table import EXPORT_FORMATS, FORMATS_HELP


class Format(StrEnum):
    """The choices of --format."""

    locals().update({name: name for name in EXPORT_FORMATS})


class FileType(StrEnum):
    """The choices of --as."""

    locals().update({name: name for name in FILE_TYPES})


DEFAULT_FORMAT = Format("ratings")
DEFAULT_FILE_TYPE = FileType("jsonl")


class Split(StrEnum):
    train = "train"
    holdout = "holdout"


class EntryAction(StrEnum):
    """What --llama-factory does with the entry of dataset_info.json."""

    write = "write"
    print = "print"


def _option(help: str) -> typer.models.OptionInfo:
    return typer.Option(help=help, show_default=False)


def _flag(name: str) -> typer.models.OptionInfo:
    return typer.Option(EXPORT_OPTIONS[name].flag, help=EXPORT_OPTIONS[name].help)


Out = Annotated[Path, _option("The file (for a dataset: the folder) to write.")]
FormatOption = Annotated[Format, typer.Option(help=FORMATS_HELP)]
FileTypeOption = Annotated[
    FileType, typer.Option("--as", help="In which form; a dataset is a folder for the hub.")
]
Round = Annotated[int | None, _option(EXPORT_OPTIONS["round"].help)]
SplitOption = Annotated[Split | None, _option("Only prompts of this split.")]
Since = Annotated[str | None, _option(EXPORT_OPTIONS["since"].help)]
MinMargin = Annotated[float, typer.Option(help=EXPORT_OPTIONS["min_margin"].help)]
SameRater = Annotated[bool, _flag("same_rater")]
Ties = Annotated[bool, _flag("ties")]
Threshold = Annotated[float | None, _option(EXPORT_OPTIONS["threshold"].help)]
Conversational = Annotated[bool, _flag("conversational")]
LlamaFactory = Annotated[
    EntryAction | None,
    _option("LLaMA-Factory's dataset_info.json: write it beside the file, or print the stanza."),
]
PushToHub = Annotated[
    str | None, _option("Send the dataset to the Hugging Face hub under this name, private.")
]
Public = Annotated[bool, typer.Option("--public", help="On the hub: for everybody to see.")]
Force = Annotated[bool, typer.Option(help="Replace what is there.")]
