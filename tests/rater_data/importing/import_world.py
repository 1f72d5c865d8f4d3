"""What tests of imports share: files of rows, importing them, and what the store then has."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from rater_data.importing.report import ImportReport
from rater_data.store import Store
from rater_data.store.database import schema as t

TABLES = [table for table in t.metadata.sorted_tables if table.name not in ("settings", "alembic_version")]

HELPSTEER_ROW = {
    "prompt": "p",
    "response": "r",
    "helpfulness": 4,
    "correctness": 0,
    "verbosity": "3",
    "coherence": None,
}


def write_jsonl(folder: Path, name: str, rows: list) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def import_as_ratings(store: Store, path: Path, **options) -> ImportReport:
    return import_file(store, path, ImportOptions(kind="ratings", **options))


def import_rows_as_ratings(store: Store, folder: Path, *rows: dict, **options) -> ImportReport:
    return import_as_ratings(store, write_jsonl(folder, "in.jsonl", list(rows)), **options)


def judgements(store: Store) -> list[tuple]:
    """Prompt, response and score of every rating; of comparisons, the better and the worse response (or None, tie)."""
    found = []
    for one in store.rated():
        if one.rating.other_id is None:
            found.append((one.prompt.text, one.response.text, one.rating.score))
        else:
            both = [one.response.text, store.response(one.rating.other_id).text]
            better = both if one.rating.score < 0 else both[::-1]
            found.append((one.prompt.text, *better, abs(one.rating.score)))
    return found


@contextmanager
def emptied(store: Store) -> Iterator[None]:
    """A store that is empty again afterwards: opening one takes longer than most tests."""
    yield
    with store.writing() as connection:
        for table in reversed(TABLES):
            connection.execute(table.delete())
