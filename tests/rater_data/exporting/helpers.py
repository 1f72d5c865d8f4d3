"""What the tests of exports share: files that come in, rows that go out, and who loads them."""

import json

import datasets
from hypothesis import strategies as st
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.exporting.formats.base import stream_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.importing.import_files import import_ratings
from rater_data.records import Prompt
from rater_data.store.database.rows import response_row
from tests.rater_data.store_world import (
    rating,
    response,
    version,
)

FORMS = {"jsonl": "a.jsonl", "csv": "a.csv", "parquet": "a.parquet", "dataset": "a"}


def import_rating_rows(store, rows, folder):
    """Ratings made elsewhere: (prompt, response, score, rater) each."""
    names = ("prompt", "response", "rating", "rater")
    lines = "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)
    (folder / "in.jsonl").write_text(lines, "utf-8")
    import_ratings(store, folder / "in.jsonl")


def rows_of(store, **wish):
    return [
        row for some in stream_rows(store, ExportRequest(**wish)).batches for row in some.batch.to_pylist()
    ]


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def load_with_datasets(kind, path, folder):
    """As a user of `datasets` would."""
    given = {"path": str(path)} if kind == "folder" else {"path": kind, "data_files": str(path)}
    return datasets.load_dataset(**given, cache_dir=str(folder / "cache"))


def rate_comparisons(world):
    """Each rater compares some responses; returns what the first rater said first."""
    store = world.store
    said = []
    for rater in world.raters:
        for score in (-1.0, 0.0, 1.0):
            card = store.next_card(rater.id)
            if card is None:
                break
            assert card.other_text is not None
            said.append(store.submit(rating(card.response_id, rater.id, score, scale="pair")))
    return said


def write_many_ratings(store, ratings, share):
    """A store with so many ratings, `share` on each response, written straight into the tables."""
    from rater_data.store.database import schema as t

    store.add_prompts([Prompt.of(f"Question {i}?", split="train") for i in range(200)])
    store.add_version(version(0, status="current"))
    people = [store.add_user(f"Rater {i}", "rater").id for i in range(share)]
    store.start_round({"quota": 1}, 0)
    responses = [response_row(response(1 + i % 200, i), 1.0) for i in range(ratings // share)]
    one = {"verdict": "rated", "shown_at": 1.0, "submitted_at": 2.0, "given_at": 2.0, "active_ms": 1}
    one |= {"position": 1, "guideline_version": 1, "scale": "score_1_10", "revision": 1, "is_current": True}
    one |= {"comment": "", "flags": [], "attributes": {}}
    with store.writing() as connection:
        connection.execute(t.responses.insert(), responses)
        rows = [
            one
            | {
                **dict.fromkeys(("response_id", "low_id", "high_id"), 1 + i // share),
                "rater_id": people[i % share],
                "key": str(i),
                "score": 1 + i * 7 // 11 % 10,
            }
            for i in range(ratings)
        ]
        connection.execute(t.ratings.insert(), rows)


def run_export(tmp_path, *words):
    return CliRunner().invoke(app, ["export", *map(str, words), "--home", str(tmp_path / "home")])


def llama_factory_rows(folder, name):
    """As LLaMA-Factory's alpaca converter reads them: by the stanza's columns, the prompt as one text."""
    about = json.loads((folder / "dataset_info.json").read_text("utf-8"))[name]
    kind = {"jsonl": "json"}.get(about["file_name"].split(".")[-1], about["file_name"].split(".")[-1])
    rows = datasets.load_dataset(
        kind, data_files=str(folder / about["file_name"]), cache_dir=str(folder / "c")
    )
    columns, found = about["columns"], []
    for row in rows["train"]:
        prompt = row[columns["prompt"]]
        assert isinstance(prompt, str) and prompt
        if about.get("ranking"):
            answer = (row[columns["chosen"]], row[columns["rejected"]])
            assert all(isinstance(side, str) for side in answer)
        elif "kto_tag" in columns:
            answer = (row[columns["response"]], row[columns["kto_tag"]])
            assert isinstance(answer[1], bool)
        else:
            answer = (row[columns["response"]],)
        found.append((prompt, *answer))
    return found


HOSTILE = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        st.sampled_from("=+-@'\"\t\r\n,;|\\`{}<>\u2028\u202e\u200b\ufeff"),
    ),
    max_size=30,
)


TEXT = HOSTILE.filter(lambda text: text.strip())
