"""Our own export there and back: every revision, whatever the form; what was changed in it is a bad row."""

import hashlib
import json
import math
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rater_data.errors import BadInput
from rater_data.exporting.export import export
from rater_data.importing.import_files import import_file, import_ratings
from rater_data.importing.options import ImportOptions
from rater_data.records import Edit
from rater_data.verify.home import verify
from tests.rater_data.importing.import_world import import_as_ratings, read_jsonl, write_jsonl
from tests.rater_data.store_world import (
    all_revisions,
    file_store,
    make_world,
    open_store,
    publish,
    rate,
    rate_next,
    response,
    start_round,
)

NOT_THE_STORES = {"rating_id", "response_id", "prompt_id", "other_id"}
FROM_TOKENS = {"tokens", "logprob", "kl", "other_tokens", "other_logprob", "other_kl"}
"""Columns that ids are in, and those that come from token ids, which no export has."""


def shared(path: Path) -> list[dict]:
    rows = []
    for row in read_jsonl(path):
        rows.append({k: v for k, v in row.items() if k not in NOT_THE_STORES | FROM_TOKENS})
    return rows


def differences(one: list[dict], other: list[dict]) -> list[tuple]:
    """(row, column, there, here) for each value that differs."""
    assert len(one) == len(other)
    rows = enumerate(zip(one, other, strict=True))
    return [
        (i, name, a.get(name), b.get(name))
        for i, (a, b) in rows
        for name in a | b
        if a.get(name) != b.get(name)
    ]


def references(path: Path) -> list[tuple]:
    """Which rows share a response, a prompt and what they were compared with, whatever the numbers are."""
    rows = read_jsonl(path)
    found = []
    for name in ("response_id", "prompt_id", "other_id"):
        seen: dict = {}
        found.append([seen.setdefault(row.get(name), len(seen)) for row in rows])
    return list(zip(*found, strict=True))


@pytest.fixture
def lived_in(tmp_path):
    """A home of two rounds: revisions, an undone rating, verdicts, flags, attributes, equal texts, an import."""
    world = make_world(tmp_path / "lived", prompts=3, k=3, overlap=2, quota=6)
    store, (one, two) = world.store, world.raters
    first = rate_next(store, one, 3, comment="=1+1\n", flags=("made up",), attributes={"warm": 4, "clear": 5})
    better = Edit(response_id=first.response_id, rater_id=one.id, text="=2\n", given_at=1234.5, key="its own")
    store.save_edit(replace(better, active_ms=77))
    rate_next(store, one, 9)
    store.revise(store.recent(one.id)[0].rating.id, one.id, score=8, comment="Better.")
    store.revise(store.recent(one.id)[0].rating.id, one.id, score=None, verdict="broken")
    rate_next(store, two, verdict="skip")
    rate_next(store, two, verdict="unsafe", comment="No.")
    rate_next(store, two, 1)
    card = store.undo(two.id)
    rate(store, two, card, 2)
    publish(store)
    start_round(store, 3, 2, overlap=2)
    rate_next(store, one, 10)
    rate_next(store, two, 4)
    import_ratings(
        store,
        write_jsonl(
            tmp_path,
            "in.jsonl",
            [{"prompt": "p", "response": "r", "rating": 4, "rater": "Elsewhere", "split": "holdout"}],
        ),
    )
    store.set_excluded(two.id, True, "op")
    yield store
    store.close()


@pytest.mark.parametrize("file_type", ["jsonl", "csv", "parquet", "dataset"])
def test_our_export_comes_back_as_an_equal_store(backend, lived_in, tmp_path, file_type):
    out = tmp_path / (f"out.{file_type}" if file_type != "dataset" else "out")
    export(lived_in, out, file_type=file_type)
    export(lived_in, tmp_path / "before.jsonl")
    fresh = open_store(tmp_path / "fresh")
    report = import_file(fresh, out, ImportOptions(kind="ratings"))
    assert (report.layout, report.stored.ratings, report.stored.rounds) == ("rateloop", report.rows, 2)
    export(fresh, tmp_path / "after.jsonl")
    before, after = shared(tmp_path / "before.jsonl"), shared(tmp_path / "after.jsonl")
    if file_type == "dataset":  # its parts are by prompt
        before, after = (sorted(rows, key=json.dumps) for rows in (before, after))
    else:
        assert references(tmp_path / "before.jsonl") == references(tmp_path / "after.jsonl")
    assert differences(before, after) == []
    assert [u.excluded for u in fresh.users()].count(True) == 1
    assert (fresh.round().number, fresh.round().state, fresh.current_version().number) == (2, "published", 0)
    # a second time, everything is there
    again = import_file(fresh, out, ImportOptions(kind="ratings"))
    assert (again.stored.ratings, again.stored.existing, again.stored.differing) == (0, report.rows, 0)
    assert (again.stored.responses, again.stored.raters, again.stored.prompts) == (0, 0, 0)
    fresh.close()


def test_a_home_knows_its_own_export_and_another_takes_it_as_imported(lived_in, tmp_path):
    export(lived_in, tmp_path / "out.jsonl")
    count = lived_in.count_ratings(current=False)
    assert import_as_ratings(lived_in, tmp_path / "out.jsonl").stored.existing == count
    assert lived_in.count_ratings(current=False) == count
    world = make_world(tmp_path / "other", prompts=1, k=1)
    report = import_as_ratings(world.store, tmp_path / "out.jsonl")
    assert (report.stored.ratings, report.stored.rounds) == (count, 0)
    theirs = world.store.rated()
    assert {one.response.round_number for one in theirs} == {0}
    assert import_as_ratings(world.store, tmp_path / "out.jsonl").stored.existing == count
    world.store.close()


def test_comparisons_come_back(tmp_path):
    world = make_world(tmp_path / "pairs", prompts=2, k=3, overlap=2)
    store = world.store
    store.choose_scale("pair")
    for rater in world.raters:
        for score in (-1, 0, 1):
            rate_next(store, rater, score, scale="pair")
        rate_next(store, rater, verdict="both_bad", scale="pair")
    export(store, tmp_path / "before.jsonl")
    if "other_completion" not in read_jsonl(tmp_path / "before.jsonl")[0]:
        pytest.skip("the export says nothing yet of what a response was compared with")
    fresh = file_store(tmp_path / "fresh")
    assert import_as_ratings(fresh, tmp_path / "before.jsonl").stored.ratings == 8
    assert fresh.scale().name == "pair"
    export(fresh, tmp_path / "after.jsonl")
    assert differences(shared(tmp_path / "before.jsonl"), shared(tmp_path / "after.jsonl")) == []
    assert references(tmp_path / "before.jsonl") == references(tmp_path / "after.jsonl")
    fresh.close(), store.close()


@pytest.fixture
def two_versions(tmp_path):
    """Comparisons in a round whose prompts were answered by version 1 and, as a control, by the base."""
    world = make_world(tmp_path / "versions", prompts=2, k=2, quota=1)
    store = world.store
    store.choose_scale("pair")
    rate_next(store, world.rater, 0, scale="pair")
    publish(store)
    store.start_round({"quota": 1}, 1)
    for prompt in store.prompts()[:2]:
        slot = 10 * prompt.id
        mine = response(prompt.id, slot, round_number=2, version_number=1, text=f"new {prompt.id}")
        old = replace(mine, version_number=0, slot=slot + 1, stratum="control", text=f"old {prompt.id}", seed=99,
                      temperature=0.5, finish_reason="length", overlap=3, propensity=0.25, ref_logprob=-2.0,
                      head_score=0.5)  # fmt: skip
        store.add_responses([mine, old])
    store.set_round_state(2, "rating")
    rate_next(store, world.rater, -1, scale="pair")
    yield store
    store.close()


def test_the_second_of_two_keeps_where_it_came_from(two_versions, tmp_path):
    store = two_versions
    export(store, tmp_path / "before.jsonl")
    for row in read_jsonl(tmp_path / "before.jsonl")[1:]:
        other = store.response(row["other_id"])
        sums = (math.fsum(other.logprobs), len(other.logprobs))
        assert row["policy_version"] != row["other_policy_version"] == other.version_number
        for name in ("slot", "stratum", "overlap", "propensity", "seed", "temperature", "finish_reason"):
            assert row[f"other_{name}"] == getattr(other, name), name
        assert (row["other_ref_logprob"], row["other_head_score"]) == (other.ref_logprob, other.head_score)
        assert (row["other_logprob"], row["other_tokens"]) == (pytest.approx(sums[0]), sums[1])
        assert row["other_base_model"] == "tiny" and len(row["other_adapter_sha256"]) == 64
    fresh = file_store(tmp_path / "fresh")
    assert import_as_ratings(fresh, tmp_path / "before.jsonl").stored.ratings == 2
    export(fresh, tmp_path / "after.jsonl")
    before, after = shared(tmp_path / "before.jsonl"), shared(tmp_path / "after.jsonl")
    assert differences(before, after) == []
    kept = ("text", "version_number", "stratum", "slot", "seed", "temperature", "finish_reason", "overlap",
            "propensity", "ref_logprob", "head_score")  # fmt: skip

    def written(one):
        return sorted(tuple(getattr(r, name) for name in kept) for r in one.responses(2))

    assert len(written(fresh)) == 2 and set(written(fresh)) < set(written(store))
    fresh.close()


def test_an_export_from_before_the_second_told_where_it_came_from_still_comes_in(two_versions, tmp_path):
    export(two_versions, tmp_path / "new.jsonl")
    known = ("other_id", "other_completion", "other_completion_sha256")
    rows = [
        {name: value for name, value in row.items() if not name.startswith("other_") or name in known}
        for row in read_jsonl(tmp_path / "new.jsonl")
    ]
    fresh = file_store(tmp_path / "fresh")
    assert import_as_ratings(fresh, write_jsonl(tmp_path, "old.jsonl", rows)).stored.ratings == 2
    texts = {one.text for one in fresh.responses(2)}
    assert len(texts) == 2 and texts < {one.text for one in two_versions.responses(2)}
    fresh.close()


def own_row(**changes) -> dict:
    row = {
        "response_id": 7, "prompt": "p", "completion": "r", "rater": "r-1", "rater_excluded": False, "score": 4.0,
        "scale": "score_1_10", "verdict": "rated", "comment": "", "flags": [], "attributes": "{}",
        "shown_at": "2024-01-01T00:00:00.000+00:00", "submitted_at": "2024-01-01T00:00:01.500+00:00",
        "active_ms": 5, "position": 1, "guideline_version": 1, "revision": 1, "is_current": True, "round": 1,
        "policy_version": 0, "stratum": "train", "split": "train", "tags": [], "seed": 3, "temperature": 0.7,
        "finish_reason": "eos",
    }  # fmt: skip
    row |= changes
    return {"completion_sha256": hashlib.sha256(row["completion"].encode()).hexdigest()} | row


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"completion_sha256": "ab"}, "not the one that was exported"),
        ({"scale": "thumbs"}, "on the scale 'thumbs', this home's is score_1_10"),
        ({"score": None}, "does not go with"),
        ({"score": 11}, "outside"),
        ({"verdict": "good"}, "verdict"),
        ({"revision": 1.5}, "whole number"),
        ({"is_current": "perhaps"}, "true or false"),
        ({"shown_at": "yesterday"}, "no time"),
        ({"attributes": "{"}, "no JSON"),
        ({"attributes": '{"a": [1]}'}, "finite number"),
        ({"flags": "[3]"}, "text, not int"),
        ({"policy_version": 2**40}, "at most"),
        ({"stratum": "none"}, "stratum"),
        ({"revision": 1, "score": 5.0}, "revision 1 of this rating already"),
        ({"revision": 2}, "current revision of this rating already"),
    ],
)
def test_a_row_of_ours_that_was_changed_is_named(store, tmp_path, change, what):
    path = write_jsonl(tmp_path, "ours.jsonl", [own_row(), own_row(**change)])
    with pytest.raises(BadInput, match=rf"ours.jsonl, line 2: .*{what}"):
        import_as_ratings(store, path)
    assert store.users() == []


def test_raters_that_only_case_tells_apart_are_one(backend, tmp_path):
    store = open_store(tmp_path / "home")
    rows = [own_row(rater="r-AB"), own_row(rater="r-ab", score=5.0)]
    with pytest.raises(
        BadInput, match=r"line 2: there is a revision 1 of this rating already, and it says other"
    ):
        import_as_ratings(store, write_jsonl(tmp_path, "a.jsonl", rows))
    assert (store.users(), store.prompts()) == ([], [])
    rows[1] |= {"revision": 2, "is_current": False}
    rows.append(own_row(rater="R-ab", revision=4, is_current=False, score=6.0))
    report = import_as_ratings(store, write_jsonl(tmp_path, "b.jsonl", rows))
    assert (report.stored.raters, report.stored.ratings, report.renumbered) == (1, 3, 1)
    assert [r.rating.revision for r in all_revisions(store)] == [1, 2, 3]
    store.close()


def test_a_key_of_another_rating_is_named_and_nothing_is_written(backend, tmp_path):
    store = open_store(tmp_path / "home")
    import_as_ratings(store, write_jsonl(tmp_path, "a.jsonl", [own_row(key="decided")]))
    other = own_row(response_id=8, completion="other", seed=4, prompt="q", key="decided")
    with pytest.raises(
        BadInput, match=r"The key 'decided' of a rating by r-1 is that of another .* Nothing of the file"
    ):
        import_as_ratings(store, write_jsonl(tmp_path, "b.jsonl", [other]))
    assert (len(store.prompts()), store.count_ratings()) == (1, 1)
    assert (
        import_as_ratings(store, write_jsonl(tmp_path, "b.jsonl", [other | {"key": "again"}])).stored.ratings
        == 1
    )
    store.close()


def test_what_contradicts_the_store_in_a_way_nobody_thought_of_is_a_sentence(store, tmp_path, monkeypatch):
    from rater_data.store.transfer import import_ratings

    import_as_ratings(store, write_jsonl(tmp_path, "a.jsonl", [own_row(key="decided")]))
    monkeypatch.setattr(import_ratings.RatingImport, "_check_keys", lambda self, new: None)
    with pytest.raises(BadInput, match=r"The file contradicts what is here already .* Nothing of the file"):
        import_as_ratings(
            store,
            write_jsonl(tmp_path, "b.jsonl", [own_row(response_id=8, seed=4, prompt="q", key="decided")]),
        )
    assert store.count_ratings() == 1


def test_a_response_that_is_compared_with_itself_is_a_bad_row(pair_store, tmp_path):
    pair = {"scale": "pair", "score": 1.0, "other_id": 7, "other_completion": "r", "other_seed": 3}
    with pytest.raises(BadInput, match="line 1: a response cannot be compared with itself"):
        import_as_ratings(pair_store, write_jsonl(tmp_path, "a.jsonl", [own_row(**pair)]))
    # the same words, written twice, are two responses
    assert (
        import_as_ratings(
            pair_store, write_jsonl(tmp_path, "b.jsonl", [own_row(**pair | {"other_id": 9})])
        ).stored.ratings
        == 1
    )
    # an id that stands for two texts does not bring two prompts together
    rows = [
        own_row(**pair | {"other_id": 9}),
        own_row(**pair | {"other_id": 7, "response_id": 11, "prompt": "q"}),
    ]
    assert import_as_ratings(pair_store, write_jsonl(tmp_path, "c.jsonl", rows)).stored.ratings == 1
    assert list(verify(pair_store)) == []


def test_a_later_export_may_bring_a_newer_version_into_a_round(backend, tmp_path):
    store = open_store(tmp_path / "home")
    import_as_ratings(store, write_jsonl(tmp_path, "a.jsonl", [own_row(round=2, policy_version=1)]))
    later = [own_row(round=2, policy_version=v, response_id=v + 7, seed=v, prompt=f"p{v}") for v in (0, 1, 2)]
    assert import_as_ratings(store, write_jsonl(tmp_path, "b.jsonl", later)).stored.rounds == 0
    assert store.round(2).version_number == 2
    assert list(verify(store)) == []
    import_as_ratings(
        store,
        write_jsonl(tmp_path, "c.jsonl", [own_row(round=2, policy_version=1, response_id=20, prompt="z")]),
    )
    assert store.round(2).version_number == 2
    assert list(verify(store)) == []
    store.close()


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_times_without_a_zone_are_utc(store, tmp_path, monkeypatch, kind):
    noon = datetime(2024, 1, 1, 12)
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        if kind == "jsonl":
            path = write_jsonl(
                tmp_path, "a.jsonl", [own_row(shown_at=noon.isoformat(), submitted_at="2024-01-01 12:00:01")]
            )
        else:
            path = tmp_path / "a.parquet"
            row = own_row(shown_at=noon, submitted_at=noon + timedelta(seconds=1))
            pq.write_table(pa.Table.from_pylist([row]), path)
        import_as_ratings(store, path)
    finally:
        monkeypatch.undo()
        time.tzset()
    (one,) = store.rated()
    utc = noon.replace(tzinfo=UTC).timestamp()
    assert (one.rating.shown_at, one.rating.submitted_at) == (utc, utc + 1)


def test_missing_revisions_are_numbered_anew(store, tmp_path):
    rows = [own_row(revision=r, is_current=r == 4, score=float(r)) for r in (2, 4)]
    assert import_as_ratings(store, write_jsonl(tmp_path, "a.jsonl", rows)).renumbered == 1
    assert [(r.rating.revision, r.rating.score) for r in all_revisions(store)] == [(1, 2), (2, 4)]


def test_small_batches_give_the_same_store(lived_in, tmp_path, monkeypatch):
    from rater_data.store.transfer import imports

    export(lived_in, tmp_path / "before.jsonl")
    monkeypatch.setattr(imports, "BATCH", 2)
    fresh = file_store(tmp_path / "fresh")
    import_ratings(fresh, tmp_path / "before.jsonl")
    export(fresh, tmp_path / "after.jsonl")
    assert differences(shared(tmp_path / "before.jsonl"), shared(tmp_path / "after.jsonl")) == []
    fresh.close()
