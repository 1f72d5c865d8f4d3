"""Files out: every rating with where it came from, pairs, and the old file or the whole new one."""

import csv
import hashlib
import json
import os
import socket
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rater_data.csv_cells import escape_cell, unescape_cell
from rater_data.errors import BadInput, DiskFull
from rater_data.exporting.export import export
from rater_data.exporting.formats.base import stream_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.ratings import RATINGS
from rater_data.importing.import_files import import_ratings
from rater_data.importing.readers.read_file import read_file
from rater_data.records import Message, Prompt
from rater_data.store import Store
from tests.rater_data.store_world import all_revisions, make_world, open_store, rate_next


@pytest.fixture
def store(tmp_path, backend):
    made = open_store(tmp_path / "home")
    yield made
    made.close()


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def preference_rows(store: Store, **wish) -> list[dict]:
    try:
        found = stream_rows(store, ExportRequest(format="preference", **wish))
    except BadInput as error:
        assert "nothing to export" in str(error)
        return []
    return [row for some in found.batches for row in some.batch.to_pylist()]


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


@pytest.fixture
def rated_world(tmp_path):
    """Seven revisions: two raters, a skip, a broken, a revised, an imported; formulas in every free text."""
    world = make_world(tmp_path / "home", prompts=2, k=2, overlap=2)
    store, (one, two) = world.store, world.raters
    rate_next(store, one, 3, comment="=1+1")
    rate_next(store, one, 9, comment="-", flags=("+a",))
    rate_next(store, two, verdict="skip", comment="'@")
    rate_next(store, two, verdict="broken")
    store.revise(store.recent(one.id)[0].rating.id, one.id, score=8, comment="@SUM(A1)")
    import_ratings(
        store,
        write(tmp_path, "in.jsonl", json.dumps({"prompt": "-", "response": "=\t\"\n'", "score": 4})),
    )
    yield world
    store.close()


def test_every_rating_comes_out_with_where_it_came_from(rated_world, tmp_path):
    store = rated_world.store
    assert export(store, tmp_path / "out.jsonl") == 6
    rows = read_jsonl(tmp_path / "out.jsonl")
    assert [set(row) for row in rows] == [set(RATINGS.names)] * 6
    first, second, *_, revised, imported = rows
    kept = all_revisions(store)[0]
    assert first["completion"] == kept.response.text
    assert first["completion_sha256"] == hashlib.sha256(kept.response.text.encode()).hexdigest()
    assert (first["score"], first["score_normalised"], first["scale"]) == (3, 2 / 9, "score_1_10")
    assert (first["round"], first["policy_version"], first["seed"], first["temperature"]) == (
        1,
        0,
        kept.response.seed,
        0.7,
    )
    assert first["submitted_at"] == "1970-01-01T00:01:45.000+00:00"
    assert [(row["revision"], row["is_current"]) for row in (second, revised)] == [(1, False), (2, True)]
    assert (imported["round"], imported["policy_version"], imported["seed"]) == (0, None, None)
    assert (rows[2]["score"], rows[2]["score_normalised"], rows[2]["verdict"]) == (None, None, "skip")


def test_people_are_pseudonyms_that_stay(rated_world, tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        export(rated_world.store, tmp_path / name)
    text = (tmp_path / "a.jsonl").read_text("utf-8")
    assert text == (tmp_path / "b.jsonl").read_text("utf-8")
    assert not any(user.name in text for user in rated_world.raters)
    assert len({row["rater"] for row in read_jsonl(tmp_path / "a.jsonl")}) == 3


def test_csv_has_no_formulas_and_can_be_undone(rated_world, tmp_path):
    export(rated_world.store, tmp_path / "out.csv", file_type="csv")
    export(rated_world.store, tmp_path / "out.jsonl")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, wanted in zip(rows, read_jsonl(tmp_path / "out.jsonl"), strict=True):
        for name, cell in row.items():  # a negative number is no formula
            assert name == "logprob" or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        for name in ("prompt", "completion", "comment"):
            assert unescape_cell(row[name]) == wanted[name]
        assert json.loads(row["flags"]) == wanted["flags"]
        assert row["score"] == ("" if wanted["score"] is None else str(wanted["score"]))


@given(st.text())
def test_escaping_is_reversible_for_any_text(text):
    assert unescape_cell(escape_cell(text)) == text
    assert not escape_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_our_own_csv_comes_in_again(store, tmp_path):
    rows = [{"prompt": "=a", "response": "'b", "rating": 3}, {"prompt": "-c", "response": "+d", "rating": 9}]
    import_ratings(store, write(tmp_path, "in.jsonl", "\n".join(map(json.dumps, rows))))
    export(store, tmp_path / "out.csv", file_type="csv")
    other = Store.open(tmp_path / "other")
    assert import_ratings(other, tmp_path / "out.csv") == (2, 0)
    told = [(r.prompt.text, r.response.text, r.rating.score) for r in other.rated()]
    assert told == [tuple(row.values()) for row in rows]
    other.close()


def test_a_split_is_a_part(tmp_path):
    world = make_world(tmp_path / "home")
    text = json.dumps({"prompt": "held", "response": "r", "rating": 5, "split": "holdout"})
    import_ratings(world.store, write(tmp_path, "in.jsonl", text))
    rate_next(world.store, world.rater)
    assert export(world.store, tmp_path / "a.jsonl", split="holdout") == 1
    assert export(world.store, tmp_path / "b.jsonl", split="train") == 1
    assert export(world.store, tmp_path / "c.jsonl") == 2
    world.store.close()


# ---- pairs


def ratings_file(folder: Path, rows: list[tuple]) -> Path:
    names = ("prompt", "response", "rating", "rater")
    lines = (json.dumps(dict(zip(names, row, strict=True))) for row in rows)
    return write(folder, "pairs.jsonl", "\n".join(lines))


def test_pairs_within_a_prompt(store, tmp_path):
    rows = [("p", "good", 9, "A"), ("p", "bad", 2, "A"), ("p", "also good", 9, "A"), ("q", "alone", 5, "A")]
    import_ratings(store, ratings_file(tmp_path, rows))
    pairs = preference_rows(store)
    assert sorted((p["prompt"], p["chosen"], p["rejected"], p["margin"]) for p in pairs) == [
        ("p", "also good", "bad", 7.0),
        ("p", "good", "bad", 7.0),
    ]
    assert preference_rows(store, min_margin=7.5) == []
    export(store, tmp_path / "out.jsonl", format="preference")
    columns = list(read_jsonl(tmp_path / "out.jsonl")[0])
    assert columns[:4] == ["prompt", "chosen", "rejected", "margin"]


def test_pairs_take_off_who_rates_high(store, tmp_path):
    """A strict rater's best and a lenient rater's worst: by raw scores the wrong one would be chosen."""
    shared = [(f"s{i}", "r", score + bias, name) for i, score in enumerate((3, 5, 4, 6, 5, 4) * 3)
              for name, bias in (("strict", -2), ("lenient", 2))]  # fmt: skip
    rows = [*shared, ("p", "fine", 5, "strict"), ("p", "poor", 6, "lenient")]
    import_ratings(store, ratings_file(tmp_path, rows))
    (pair,) = preference_rows(store)
    assert (pair["chosen"], pair["rejected"]) == ("fine", "poor")
    assert pair["margin"] == pytest.approx(3, abs=0.05 * 3)


def test_equal_texts_are_one_response_and_excluded_raters_say_nothing(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=2)
    store = world.store
    rate_next(store, world.rater, 3)
    rate_next(store, world.rater, 8)
    assert len(preference_rows(store)) == 1
    store.set_excluded(world.rater.id, True, "op")
    assert preference_rows(store) == []
    with pytest.raises(BadInput, match="nothing to export"):
        export(store, tmp_path / "out.jsonl", format="preference")
    store.close()


def test_chats_make_all_pairs_conversational(store, tmp_path):
    chat = Prompt(
        messages=(Message(role="system", content="Brief."), Message(role="user", content="Hi?")),
        split="train",
    )
    store.add_prompts([chat])
    lines = [
        {
            "messages": [{"role": m.role, "content": m.content} for m in chat.messages],
            "response": r,
            "rating": s,
        }
        for r, s in (("yes", 9), ("no", 2))
    ] + [{"prompt": "p", "response": r, "rating": s} for r, s in (("a", 1), ("b", 2))]
    import_ratings(store, write(tmp_path, "in.jsonl", "\n".join(map(json.dumps, lines))))
    export(store, tmp_path / "out.parquet", format="preference", file_type="parquet")
    one, two = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert one["prompt"][0] == {"role": "system", "content": "Brief."}
    assert one["chosen"] == [{"role": "assistant", "content": "yes"}]
    assert two["prompt"] == [{"role": "user", "content": "p"}]


# ---- whole or not at all


@pytest.mark.parametrize(
    ("file_type", "name"), [("jsonl", "out"), ("csv", "out"), ("parquet", "out"), ("dataset", "out")]
)
def test_what_is_there_is_replaced_only_by_force(rated_world, tmp_path, file_type, name):
    out = tmp_path / "folder" / name
    with pytest.raises(BadInput, match="does not exist"):
        export(rated_world.store, out, file_type=file_type)
    out.parent.mkdir()
    export(rated_world.store, out, file_type=file_type)
    with pytest.raises(BadInput, match="exists already"):
        export(rated_world.store, out, file_type=file_type)
    assert export(rated_world.store, out, file_type=file_type, force=True) == 6
    assert [path.name for path in out.parent.iterdir()] == [name]


def test_force_never_replaces_a_folder_that_is_no_dataset(rated_world, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat").write_text("meow")
    for file_type in ("jsonl", "dataset"):
        with pytest.raises(BadInput, match="not replaced"):
            export(rated_world.store, tmp_path / "photos", file_type=file_type, force=True)
    assert (tmp_path / "photos" / "cat").read_text() == "meow"


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_file_is_never_replaced(rated_world, tmp_path, force):
    """As root, a file would have stood in the place of a device, and every program that writes there would fill it."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(tmp_path / "socket"))  # a socket's name has to be short
        for name in ("pipe", "link", "socket"):
            with pytest.raises(BadInput, match="is a device, a pipe or a socket, so it is not replaced"):
                export(rated_world.store, tmp_path / name, force=force)
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "socket").is_socket()
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("file_type", ["jsonl", "dataset"])
def test_through_a_link_the_file_at_its_end_is_replaced(rated_world, tmp_path, file_type, there):
    (tmp_path / "far").mkdir()
    (tmp_path / "near").mkdir()
    end, link = tmp_path / "far" / "old", tmp_path / "near" / "link"
    link.symlink_to("../far/old")
    if there:
        export(rated_world.store, end, file_type=file_type, round_number=1)
    with pytest.raises(BadInput, match="exists already"):
        export(rated_world.store, link, file_type=file_type)
    count = export(rated_world.store, link, file_type=file_type, force=True)
    assert link.is_symlink() and not end.is_symlink()
    rows = end.read_text("utf-8").splitlines() if file_type == "jsonl" else list(read_file(end))
    assert len(rows) == count
    assert [[path.name for path in place.iterdir()] for place in (link.parent, end.parent)] == [
        ["link"],
        ["old"],
    ]


def test_a_link_into_nowhere_is_a_sentence(rated_world, tmp_path):
    (tmp_path / "link").symlink_to("nowhere/out")
    (tmp_path / "ring").symlink_to("ring")
    for name, what in (("link", "a folder that does not exist"), ("ring", "leads back to itself")):
        with pytest.raises(BadInput, match=what):
            export(rated_world.store, tmp_path / name, force=True)
        assert (tmp_path / name).is_symlink()


def test_an_export_that_breaks_off_leaves_what_was_there(rated_world, tmp_path):
    out = tmp_path / "folder" / "out.jsonl"
    out.parent.mkdir()
    out.write_text("before")

    def full(rows, total):
        assert total == 6
        yield next(rows)
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskFull, match="no room left"):
        export(rated_world.store, out, force=True, wrap=full)
    assert out.read_text() == "before"
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]


def test_options_that_are_not_known(rated_world, tmp_path):
    for wrong in ({"format": "xml"}, {"file_type": "xml"}, {"split": "test"}, {"min_margin": -1.0}):
        with pytest.raises(BadInput):
            export(rated_world.store, tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()
