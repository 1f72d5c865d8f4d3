"""Better answers leave as pairs and texts, with who wrote them and what they replaced, and come back as they were."""

import json
import uuid

import pandas
import pytest

from rater_data.errors import BadInput
from rater_data.exporting.export import export
from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from rater_data.records import Edit
from rater_data.verify.home import verify
from tests.rater_data.exporting.helpers import rate_comparisons, read_jsonl, rows_of
from tests.rater_data.store_world import file_store, rate_next


def write(store, rater, response_id, text, at=1000.25):
    edit = Edit(
        response_id=response_id,
        rater_id=rater.id,
        text=text,
        given_at=at,
        active_ms=5000,
        key=str(uuid.uuid4()),
    )
    return store.save_edit(edit)


@pytest.fixture
def edited(world):
    """Two raters; the first rates two responses and rewrites them, the second one rewrites without a rating."""
    store, (one, two) = world.store, world.raters
    for text in ("=Better.", "Quite other."):
        write(store, one, rate_next(store, one, 4, comment="meh").response_id, text)
    write(store, two, store.next_card(two.id).response_id, "Two's own.", at=2_000_000_000.0)
    return world


def test_pairs_and_texts(edited):
    store, (one, two) = edited.store, edited.raters
    pairs = [row for row in rows_of(store, format="preference") if row["edited"]]
    assert {(row["chosen"], *row["raters"]) for row in pairs} == {
        ("=Better.", one.pseudonym),
        ("Quite other.", one.pseudonym),
        ("Two's own.", two.pseudonym),
    }
    originals = {found.text for found in store.responses(1)}
    assert all(row["rejected"] in originals and row["margin"] == row["agreement"] == 1 for row in pairs)
    assert all(row["chosen_score"] is None and row["rejected_score"] is None for row in pairs)
    assert [row for row in rows_of(store, format="preference", min_margin=0.5) if row["edited"]] == pairs
    texts = rows_of(store, format="prompt-completion", threshold=9)
    assert {(row["completion"], row["replaces"], row["score"]) for row in texts} == {
        (row["chosen"], row["rejected"], None) for row in pairs
    }
    chats = rows_of(store, format="prompt-completion", threshold=9, conversational=True)
    assert all(row["replaces"][0]["role"] == "assistant" for row in chats)
    assert len(rows_of(store, format="unpaired")) == 2, "nobody said that they are good"
    late = [
        row["chosen"] for row in rows_of(store, format="preference", since=1_900_000_000) if row["edited"]
    ]
    assert late == ["Two's own."]
    store.set_excluded(one.id, True, "op")
    assert [row["chosen"] for row in rows_of(store, format="preference") if row["edited"]] == ["Two's own."]
    assert {row["edit"] for row in rows_of(store)} == {"=Better.", "Quite other."}, (
        "all of them are in this one"
    )
    store.set_excluded(two.id, True, "op")
    with pytest.raises(BadInput, match="nothing to export"):
        rows_of(store, format="preference")


def test_the_card_tells_of_them(edited, tmp_path):
    export(edited.store, tmp_path / "out", format="preference", file_type="dataset")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "2 raters wrote 3 better answers in place of " in card and "- `edited`: bool" in card


@pytest.mark.parametrize("file_type", ["jsonl", "csv", "parquet"])
def test_there_and_back(edited, tmp_path, file_type):
    store, one = edited.store, edited.rater
    store.revise(store.recent(one.id)[0].rating.id, one.id, score=5)
    out = tmp_path / f"out.{file_type}"
    export(store, out, file_type=file_type)
    fresh = file_store(tmp_path / "fresh")
    report = import_file(fresh, out, ImportOptions(kind="ratings"))
    assert report.stored.edits == 2 and "2 better answers came with them." in list(report.summary())
    assert list(verify(fresh)) == []
    kept = {(e.edit.text, e.response.text, e.edit.given_at, e.edit.active_ms) for e in store.edited(1)}
    if file_type == "parquet":  # as pandas hands it on, whose empty cells are NaN
        pandas.read_parquet(out).to_csv(tmp_path / "pandas.csv", index=False)
        twice = import_file(fresh, tmp_path / "pandas.csv", ImportOptions(kind="ratings", skip_bad=True))
        assert twice.stored.edits == 0 and not any("edit" in bad for bad in twice.bad), twice.bad
    back = {(e.edit.text, e.response.text, e.edit.given_at, e.edit.active_ms) for e in fresh.edited(1)}
    assert back == {row for row in kept if row[0] != "Two's own."}, "it has no rating that it could go with"
    again = import_file(fresh, out, ImportOptions(kind="ratings"))
    assert (again.stored.edits, fresh.count_edits()) == (0, 2)
    fresh.close()


def test_of_a_comparison_both_responses_may_have_one(pairs_world, tmp_path):
    store, one = pairs_world.store, pairs_world.rater
    first = rate_comparisons(pairs_world)[0]
    write(store, one, first.other_id, "Better than the second.")
    row = next(row for row in rows_of(store) if row["rating_id"] == first.id)
    assert (row["edit"], row["other_edit"]) == (None, "Better than the second.")
    export(store, tmp_path / "out.jsonl")
    times = [row["other_edit_at"] for row in read_jsonl(tmp_path / "out.jsonl")]
    assert set(times) == {None, "1970-01-01T00:16:40.250+00:00"}
    fresh = file_store(tmp_path / "fresh")
    import_file(fresh, tmp_path / "out.jsonl", ImportOptions(kind="ratings"))
    assert [e.edit.text for e in fresh.edited(1)] == ["Better than the second."]
    assert fresh.edited(1)[0].response.text == row["other_completion"]
    fresh.close()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"edit": 5}, "the edit has to be text"),
        ({"edit": " \n"}, "is empty"),
        ({"edit": "y" * 40_001}, "at most 40,000"),
        ({"edit": "response"}, "is the response that it replaces"),
        ({"edit_at": "yesterday"}, "yesterday"),
        ({"edit_active_ms": -1}, "at least 0"),
    ],
)
def test_what_is_no_better_answer_is_a_bad_row(edited, tmp_path, changed, told):
    export(edited.store, tmp_path / "out.jsonl")
    rows = read_jsonl(tmp_path / "out.jsonl")
    row = next(row for row in rows if row["edit"])
    row |= changed | ({"edit": row["completion"]} if changed.get("edit") == "response" else {})
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    fresh = file_store(tmp_path / "fresh")
    with pytest.raises(BadInput, match=told):
        import_file(fresh, tmp_path / "in.jsonl", ImportOptions(kind="ratings"))
    assert fresh.count_edits() == 0
    fresh.close()


def test_two_rows_that_disagree(edited, tmp_path):
    store, one = edited.store, edited.rater
    store.revise(store.recent(one.id)[0].rating.id, one.id, score=5)
    export(store, tmp_path / "out.jsonl")
    rows = read_jsonl(tmp_path / "out.jsonl")
    twice = [row for row in rows if row["response_id"] == rows[-1]["response_id"]]
    assert len(twice) == 2 and twice[0]["edit"] == twice[1]["edit"], "every revision of the rating has it"
    twice[1]["edit"] = "Something else."
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    fresh = file_store(tmp_path / "fresh")
    with pytest.raises(BadInput, match="another one in an earlier row"):
        import_file(fresh, tmp_path / "in.jsonl", ImportOptions(kind="ratings"))
    fresh.close()
