"""What LLaMA-Factory has to be told of an export: a stanza of its `dataset_info.json`, in its alpaca form.

Source: LLaMA-Factory, data/README.md (columns prompt, response, chosen, rejected, kto_tag; ranking). Its trainers
read the standard form, so exports of chats have no stanza.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from rater_data.errors import BadInput
from rater_data.exporting.formats import Wish
from rater_data.files import explain_os_error, new_file

FILE = "dataset_info.json"
COLUMNS: dict[str, dict[str, str]] = {
    "prompt-completion": {"prompt": "prompt", "response": "completion"},
    "preference": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    "unpaired": {"prompt": "prompt", "response": "completion", "kto_tag": "label"},
}
ENDINGS = {"jsonl": ".jsonl", "parquet": ".parquet"}


def stanza(wish: Wish, schema: pa.Schema, out: Path) -> dict[str, Any]:
    """{name: description} of the export at `out`. Raises BadInput where LLaMA-Factory could not load it."""
    if wish.format not in COLUMNS:
        raise BadInput(f"LLaMA-Factory reads {', '.join(COLUMNS)}; {wish.format} is none of its forms.")
    if wish.as_ == "csv":
        raise BadInput(
            "LLaMA-Factory would learn the apostrophes that keep spreadsheets from taking texts for formulas: say "
            "--as jsonl or --as parquet."
        )
    if wish.as_ not in ENDINGS or out.suffix != ENDINGS[wish.as_]:
        raise BadInput(
            "LLaMA-Factory goes by the ending of a file: --out has to end in .jsonl or .parquet, as --as says."
        )
    if schema.field("prompt").type != pa.string():
        cause = (
            "--conversational makes all of them chats: leave it out"
            if wish.conversational
            else "one that has several messages makes all of them chats: choose others (--round, "
            "--split, --since)"
        )
        raise BadInput(
            f"LLaMA-Factory reads prompts that are one text, and {cause}, or export without --llama-factory."
        )
    about: dict[str, Any] = {"file_name": out.name}
    if wish.format == "preference":
        about["ranking"] = True
    return {out.stem: about | {"columns": COLUMNS[wish.format]}}


def check(out: Path) -> None:
    """Raises BadInput for a file beside `out` that cannot be added to."""
    _known(out)


def put(out: Path, described: dict[str, Any]) -> None:
    """Adds the stanza to the file beside `out`, which is made if need be; the others in it stay."""
    place = out.expanduser().absolute().with_name(FILE)
    text = json.dumps(_known(out) | described, ensure_ascii=False, indent=2) + "\n"
    try:
        with new_file(place) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise (explain_os_error(error, place.parent) or error) from error


def _known(out: Path) -> dict[str, Any]:
    place = out.expanduser().absolute().with_name(FILE)
    if not place.exists():
        return {}
    try:
        known = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if not isinstance(known, dict):
        raise BadInput(f"{place} is no list of datasets in JSON: mend it or move it away.")
    return known
