"""What LLaMA-Factory needs to know of an export: an entry of its `dataset_info.json`, in its alpaca form.

Source: LLaMA-Factory, data/README.md (columns prompt, response, chosen, rejected, kto_tag; ranking). Its trainers
read the standard form, so exports of chats have no entry.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from rater_data.errors import BadInput
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.files import explain_os_error, new_file

FILE = "dataset_info.json"
COLUMNS: dict[str, dict[str, str]] = {
    "prompt-completion": {"prompt": "prompt", "response": "completion"},
    "preference": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    "unpaired": {"prompt": "prompt", "response": "completion", "kto_tag": "label"},
}
ENDINGS = {"jsonl": ".jsonl", "parquet": ".parquet"}


def describe(request: ExportRequest, schema: pa.Schema, out: Path) -> dict[str, Any]:
    """{name: description} of the export at `out`. Raises BadInput where LLaMA-Factory could not load it."""
    if request.format not in COLUMNS:
        raise BadInput(f"LLaMA-Factory reads {', '.join(COLUMNS)}; {request.format} is none of its forms.")
    if request.file_type == "csv":
        raise BadInput(
            "LLaMA-Factory would learn the apostrophes that keep spreadsheets from taking texts for formulas: say "
            "--as jsonl or --as parquet."
        )
    if request.file_type not in ENDINGS or out.suffix != ENDINGS[request.file_type]:
        raise BadInput(
            "LLaMA-Factory goes by the ending of a file: --out has to end in .jsonl or .parquet, as --as says."
        )
    if schema.field("prompt").type != pa.string():
        cause = (
            "--conversational makes all of them chats: leave it out"
            if request.conversational
            else "one that has several messages makes all of them chats: choose others (--round, "
            "--split, --since)"
        )
        raise BadInput(
            f"LLaMA-Factory reads prompts that are one text, and {cause}, or export without --llama-factory."
        )
    description: dict[str, Any] = {"file_name": out.name}
    if request.format == "preference":
        description["ranking"] = True
    return {out.stem: description | {"columns": COLUMNS[request.format]}}


def check_entries(out: Path) -> None:
    """Raises BadInput for a file beside `out` that cannot be added to."""
    _read_entries(out)


def add_entry(out: Path, entry: dict[str, Any]) -> None:
    """Adds the entry to the file beside `out`, which is made if need be; the others in it stay."""
    file = _entries_file(out)
    text = json.dumps(_read_entries(out) | entry, ensure_ascii=False, indent=2) + "\n"
    try:
        with new_file(file) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise (explain_os_error(error, file.parent) or error) from error


def _read_entries(out: Path) -> dict[str, Any]:
    file = _entries_file(out)
    if not file.exists():
        return {}
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        entries = None
    if not isinstance(entries, dict):
        raise BadInput(f"{file} is no list of datasets in JSON: mend it or move it away.")
    return entries


def _entries_file(out: Path) -> Path:
    return out.expanduser().absolute().with_name(FILE)
