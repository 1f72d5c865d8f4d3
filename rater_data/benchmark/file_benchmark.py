"""All ratings into a file, and as many out of one: each in a process of its own, with its peak memory."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from rater_data.benchmark.synthetic import RATERS
from rater_data.benchmark.timing import Measurement, time_in_process
from rater_data.store import Store

PER_PROMPT = 20  # responses to a prompt in the file that is imported
IMPORT_SCHEMA = "rateloop_bench"  # where it is imported to, on a server


def time_export_and_import(store: Store, ratings: int) -> Iterator[Measurement]:
    """An export of the whole store to Parquet, and an import of `ratings` rows into an empty store beside it."""
    url = store.engine.url.render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        out = Path(folder) / "ratings.parquet"
        yield time_in_process("all ratings to Parquet", _export, (store.home, url, out), 60, 500)
        file = Path(folder) / "ratings.jsonl"
        write_ratings_file(file, ratings)
        with _empty_database(store) as database:
            arguments = (Path(folder) / "home", database, file)
            yield time_in_process("as many ratings imported", _import, arguments, 300)


@contextmanager
def _empty_database(store: Store) -> Iterator[str | None]:
    """The URL of a second, empty store of the same kind: None for a home's own file, else a schema of its own."""
    if store.is_file:
        yield None
        return
    with store.engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(IMPORT_SCHEMA))
    url = store.engine.url.update_query_dict({"options": f"-csearch_path={IMPORT_SCHEMA}"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with store.engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(IMPORT_SCHEMA, cascade=True))


def _export(home: Path, url: str, out: Path) -> None:
    from rater_data.exporting.export import export

    store = Store.open(home, url)
    export(store, out, format="ratings", file_type="parquet")
    store.close()


def _import(home: Path, url: str | None, file: Path) -> None:
    from rater_data.importing.import_files import import_ratings

    store = Store.open(home, url)
    import_ratings(store, file)
    store.close()


def write_ratings_file(file: Path, ratings: int) -> None:
    """A file of ratings as people bring them: prompt, response, rating and rater, one JSON object a line."""
    rows = (
        {
            "prompt": f"Question {i // PER_PROMPT}: what would you say?",
            "response": f"Answer {i}: " + "it depends on what you want to hear, and on whom you ask " * 3,
            "rating": 1 + i * 7 % 10,
            "rater": f"Rater {1 + i % RATERS}",
        }
        for i in range(ratings)
    )
    with file.open("w", encoding="utf-8") as out:
        while lines := "".join(json.dumps(row) + "\n" for row in islice(rows, 10_000)):
            out.write(lines)
