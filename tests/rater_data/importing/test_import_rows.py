"""Imports: the shapes that others use, what is bad and kept aside, our own export there and back, and many rows."""

import gzip
import json
import math
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rater_data.errors import BadInput, DiskFull, Refused
from rater_data.exporting.export import export
from rater_data.importing.import_files import import_file, import_prompts, import_ratings
from rater_data.importing.options import ImportOptions
from rater_data.importing.readers.column_files import read_dataset
from rater_data.store import Store
from rater_data.verify.home import verify
from tests.rater_data.store_world import (
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


@pytest.fixture
def store(tmp_path):
    made = file_store(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def pair_store(tmp_path):
    made = file_store(tmp_path / "pairs")
    made.choose_scale("pair")
    yield made
    made.close()


def lines(folder: Path, name: str, rows: list) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def ratings(store: Store, path: Path, **asked):
    return import_file(store, path, ImportOptions(kind="ratings", **asked))


def said(store: Store) -> list[tuple]:
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


# ---- our own export, there and back


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
    rate_next(store, one, 3, comment="=1+1\n", flags=("made up",), attributes={"warm": 4, "clear": 5})
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
        lines(
            tmp_path,
            "in.jsonl",
            [{"prompt": "p", "response": "r", "rating": 4, "rater": "Elsewhere", "split": "holdout"}],
        ),
    )
    store.set_excluded(two.id, True, "op")
    yield store
    store.close()


@pytest.mark.parametrize("as_", ["jsonl", "csv", "parquet", "dataset"])
def test_our_export_comes_back_as_an_equal_store(backend, lived_in, tmp_path, as_):
    out = tmp_path / (f"out.{as_}" if as_ != "dataset" else "out")
    export(lived_in, out, as_=as_)
    export(lived_in, tmp_path / "before.jsonl")
    fresh = open_store(tmp_path / "fresh")
    report = import_file(fresh, out, ImportOptions(kind="ratings"))
    assert (report.layout, report.stored.ratings, report.stored.rounds) == ("rateloop", report.rows, 2)
    export(fresh, tmp_path / "after.jsonl")
    before, after = shared(tmp_path / "before.jsonl"), shared(tmp_path / "after.jsonl")
    if as_ == "dataset":  # its parts are by prompt
        before, after = (sorted(rows, key=json.dumps) for rows in (before, after))
    else:
        assert references(tmp_path / "before.jsonl") == references(tmp_path / "after.jsonl")
    assert differences(before, after) == []
    assert [u.excluded for u in fresh.users()].count(True) == 1
    assert (fresh.round().number, fresh.round().state, fresh.current_version().number) == (2, "published", 0)
    # a second time, everything is there
    again = import_file(fresh, out, ImportOptions(kind="ratings"))
    assert (again.stored.ratings, again.stored.there, again.stored.differing) == (0, report.rows, 0)
    assert (again.stored.responses, again.stored.raters, again.stored.prompts) == (0, 0, 0)
    fresh.close()


def test_a_home_knows_its_own_export_and_another_takes_it_as_imported(lived_in, tmp_path):
    export(lived_in, tmp_path / "out.jsonl")
    count = lived_in.count_ratings(current=False)
    assert ratings(lived_in, tmp_path / "out.jsonl").stored.there == count
    assert lived_in.count_ratings(current=False) == count
    world = make_world(tmp_path / "other", prompts=1, k=1)
    report = ratings(world.store, tmp_path / "out.jsonl")
    assert (report.stored.ratings, report.stored.rounds) == (count, 0)
    theirs = world.store.rated()
    assert {one.response.round_number for one in theirs} == {0}
    assert ratings(world.store, tmp_path / "out.jsonl").stored.there == count
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
    assert ratings(fresh, tmp_path / "before.jsonl").stored.ratings == 8
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
    assert ratings(fresh, tmp_path / "before.jsonl").stored.ratings == 2
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
    assert ratings(fresh, lines(tmp_path, "old.jsonl", rows)).stored.ratings == 2
    texts = {one.text for one in fresh.responses(2)}
    assert len(texts) == 2 and texts < {one.text for one in two_versions.responses(2)}
    fresh.close()


def own_row(**changes) -> dict:
    import hashlib

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
    path = lines(tmp_path, "ours.jsonl", [own_row(), own_row(**change)])
    with pytest.raises(BadInput, match=rf"ours.jsonl, line 2: .*{what}"):
        ratings(store, path)
    assert store.users() == []


def test_raters_that_only_case_tells_apart_are_one(backend, tmp_path):
    store = open_store(tmp_path / "home")
    rows = [own_row(rater="r-AB"), own_row(rater="r-ab", score=5.0)]
    with pytest.raises(
        BadInput, match=r"line 2: there is a revision 1 of this rating already, and it says other"
    ):
        ratings(store, lines(tmp_path, "a.jsonl", rows))
    assert (store.users(), store.prompts()) == ([], [])
    rows[1] |= {"revision": 2, "is_current": False}
    rows.append(own_row(rater="R-ab", revision=4, is_current=False, score=6.0))
    report = ratings(store, lines(tmp_path, "b.jsonl", rows))
    assert (report.stored.raters, report.stored.ratings, report.renumbered) == (1, 3, 1)
    assert [r.rating.revision for r in store.revisions()] == [1, 2, 3]
    store.close()


def test_a_key_of_another_rating_is_named_and_nothing_is_written(backend, tmp_path):
    store = open_store(tmp_path / "home")
    ratings(store, lines(tmp_path, "a.jsonl", [own_row(key="decided")]))
    other = own_row(response_id=8, completion="other", seed=4, prompt="q", key="decided")
    with pytest.raises(
        BadInput, match=r"The key 'decided' of a rating by r-1 is that of another .* Nothing of the file"
    ):
        ratings(store, lines(tmp_path, "b.jsonl", [other]))
    assert (len(store.prompts()), store.count_ratings()) == (1, 1)
    assert ratings(store, lines(tmp_path, "b.jsonl", [other | {"key": "again"}])).stored.ratings == 1
    store.close()


def test_what_contradicts_the_store_in_a_way_nobody_thought_of_is_a_sentence(store, tmp_path, monkeypatch):
    from rater_data.store.transfer import imports

    ratings(store, lines(tmp_path, "a.jsonl", [own_row(key="decided")]))
    monkeypatch.setattr(imports._Intake, "_check_keys", lambda self, new: None)
    with pytest.raises(BadInput, match=r"The file contradicts what is here already .* Nothing of the file"):
        ratings(
            store, lines(tmp_path, "b.jsonl", [own_row(response_id=8, seed=4, prompt="q", key="decided")])
        )
    assert store.count_ratings() == 1


def test_a_response_that_is_compared_with_itself_is_a_bad_row(pair_store, tmp_path):
    pair = {"scale": "pair", "score": 1.0, "other_id": 7, "other_completion": "r", "other_seed": 3}
    with pytest.raises(BadInput, match="line 1: a response cannot be compared with itself"):
        ratings(pair_store, lines(tmp_path, "a.jsonl", [own_row(**pair)]))
    # the same words, written twice, are two responses
    assert (
        ratings(pair_store, lines(tmp_path, "b.jsonl", [own_row(**pair | {"other_id": 9})])).stored.ratings
        == 1
    )
    # an id that stands for two texts does not bring two prompts together
    rows = [
        own_row(**pair | {"other_id": 9}),
        own_row(**pair | {"other_id": 7, "response_id": 11, "prompt": "q"}),
    ]
    assert ratings(pair_store, lines(tmp_path, "c.jsonl", rows)).stored.ratings == 1
    assert list(verify(pair_store)) == []


def test_a_later_export_may_bring_a_newer_version_into_a_round(backend, tmp_path):
    store = open_store(tmp_path / "home")
    ratings(store, lines(tmp_path, "a.jsonl", [own_row(round=2, policy_version=1)]))
    later = [own_row(round=2, policy_version=v, response_id=v + 7, seed=v, prompt=f"p{v}") for v in (0, 1, 2)]
    assert ratings(store, lines(tmp_path, "b.jsonl", later)).stored.rounds == 0
    assert store.round(2).version_number == 2
    assert list(verify(store)) == []
    ratings(
        store, lines(tmp_path, "c.jsonl", [own_row(round=2, policy_version=1, response_id=20, prompt="z")])
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
            path = lines(
                tmp_path, "a.jsonl", [own_row(shown_at=noon.isoformat(), submitted_at="2024-01-01 12:00:01")]
            )
        else:
            path = tmp_path / "a.parquet"
            row = own_row(shown_at=noon, submitted_at=noon + timedelta(seconds=1))
            pq.write_table(pa.Table.from_pylist([row]), path)
        ratings(store, path)
    finally:
        monkeypatch.undo()
        time.tzset()
    (one,) = store.rated()
    utc = noon.replace(tzinfo=UTC).timestamp()
    assert (one.rating.shown_at, one.rating.submitted_at) == (utc, utc + 1)


def test_missing_revisions_are_numbered_anew(store, tmp_path):
    rows = [own_row(revision=r, is_current=r == 4, score=float(r)) for r in (2, 4)]
    assert ratings(store, lines(tmp_path, "a.jsonl", rows)).renumbered == 1
    assert [(r.rating.revision, r.rating.score) for r in store.revisions()] == [(1, 2), (2, 4)]


# ---- the shapes of others


def test_preferences_become_scores_or_comparisons(store, pair_store, tmp_path):
    chat = [{"role": "user", "content": "Q?"}]
    rows = [
        {"prompt": "p", "chosen": "good", "rejected": "bad", "rater": "Ann"},
        {
            "prompt": chat,
            "chosen": [{"role": "assistant", "content": "yes"}],
            "rejected": [{"role": "assistant", "content": "no"}],
        },
        {  # the whole conversation in both, as some have it
            "chosen": [*chat, {"role": "assistant", "content": "oui"}],
            "rejected": [*chat, {"role": "assistant", "content": "non"}],
        },
    ]
    path = lines(tmp_path, "pairs.jsonl", rows)
    with pytest.raises(Refused, match="--chosen-score and --rejected-score"):
        ratings(store, path)
    assert store.prompts() == []
    assert ratings(store, path, chosen_score=8, rejected_score=3).stored.ratings == 6
    assert sorted(said(store)) == sorted(
        [
            ("p", "good", 8),
            ("p", "bad", 3),
            ("Q?", "yes", 8),
            ("Q?", "no", 3),
            ("Q?", "oui", 8),
            ("Q?", "non", 3),
        ]
    )
    assert ratings(pair_store, path).stored.ratings == 3
    assert sorted(said(pair_store)) == [
        ("Q?", "oui", "non", 1),
        ("Q?", "yes", "no", 1),
        ("p", "good", "bad", 1),
    ]
    assert {u.name for u in pair_store.users()} == {"Ann", "imported"}
    with pytest.raises(BadInput, match="need no scores"):
        ratings(pair_store, path, chosen_score=8, rejected_score=3)


def test_of_a_preference_both_ratings_come_in_or_none(store, tmp_path):
    rows = [
        {"prompt": "p", "chosen": "a", "rejected": "b"},
        {"prompt": "p", "chosen": "c", "rejected": "a"},  # a was chosen before: c must not come in alone
        {"prompt": "p", "chosen": "c", "rejected": "d"},
    ]
    path = lines(tmp_path, "pairs.jsonl", rows)
    with pytest.raises(BadInput, match=r"line 2: imported rated this response with 8 before and now with 3"):
        ratings(store, path, chosen_score=8, rejected_score=3)
    report = ratings(store, path, chosen_score=8, rejected_score=3, skip_bad=True)
    assert (report.stored.ratings, report.bad_rows, report.stored.responses) == (4, 1, 4)
    assert sorted(said(store)) == [("p", "a", 8), ("p", "b", 3), ("p", "c", 8), ("p", "d", 3)]
    rows[1] = {"prompt": "p", "chosen": "e", "rejected": "a"}
    report = ratings(store, lines(tmp_path, "b.jsonl", rows), chosen_score=8, rejected_score=3, skip_bad=True)
    assert (report.stored.ratings, report.stored.responses, report.in_file["responses"]) == (0, 0, 4)


def test_two_raters_comparisons_of_the_same_two_meet(pair_store, tmp_path):
    rows = [
        {"prompt": "p", "chosen": "a", "rejected": "b", "rater": "Ann"},
        {"prompt": "p", "chosen": "b", "rejected": "a", "rater": "Bob"},
        {"prompt": "p", "chosen": "b", "rejected": "a", "rater": "bob"},
    ]
    report = ratings(pair_store, lines(tmp_path, "a.jsonl", rows))
    assert (report.stored.ratings, report.duplicates) == (2, 1)
    one, two = (r.rating for r in pair_store.rated())
    assert (one.response_id, one.other_id, one.score) == (two.response_id, two.other_id, -two.score)
    rows = [rows[0], rows[0] | {"chosen": "b", "rejected": "a"}]
    with pytest.raises(BadInput, match="line 2: Ann compared these two before, with another outcome"):
        ratings(pair_store, lines(tmp_path, "b.jsonl", rows))


def test_a_response_is_compared_with_many(pair_store, tmp_path):
    """A rater has one current rating on a response, so each comparison begins with another one."""
    rows = [{"prompt": "p", "chosen": "best", "rejected": f"r{i}"} for i in range(5)]
    report = ratings(pair_store, lines(tmp_path, "star.jsonl", rows))
    assert (report.stored.ratings, report.renamed) == (5, 0)
    assert sorted(said(pair_store)) == [("p", "best", f"r{i}", 1) for i in range(5)]
    every = [{"prompt": "q", "chosen": str(i), "rejected": str(j)} for i in range(4) for j in range(i)]
    report = ratings(pair_store, lines(tmp_path, "every.jsonl", every))
    assert report.stored.ratings == 6
    assert 0 < report.renamed <= 2
    assert [u.name for u in pair_store.users()] == ["imported", "imported (2)"]


def hh(*turns: str) -> str:
    speakers = ("Human", "Assistant")
    return "".join(f"\n\n{speakers[i % 2]}: {turn}" for i, turn in enumerate(turns))


def test_transcripts(pair_store, store, tmp_path):
    talk = ("Hi?", "Yes?", "Do: you\n\nknow?")
    rows = [
        {"chosen": hh(*talk, "I do."), "rejected": hh(*talk, "No.")},
        {"chosen": hh("One?", "1"), "rejected": hh("Two?", "2")},
        {"chosen": hh("One?", ""), "rejected": hh("One?", "2")},
        {"chosen": "Hello.", "rejected": "Hello!"},
        {"chosen": hh("One?"), "rejected": hh("One?")},
    ]  # fmt: skip
    path = lines(tmp_path, "hh.jsonl", rows)
    report = ratings(pair_store, path, skip_bad=True)
    assert (report.layout, report.stored.ratings, report.bad_rows) == ("hh", 1, 4)
    (one,) = pair_store.rated()
    assert [m.role for m in one.prompt.messages] == ["user", "assistant", "user"]
    assert one.prompt.text == "Do: you\n\nknow?"
    assert said(pair_store) == [("Do: you\n\nknow?", "I do.", "No.", 1)]
    reasons = [row["reason"] for row in read_jsonl(tmp_path / "hh.jsonl.rejected.jsonl")]
    for reason, what in zip(reasons, ("do not share", "empty", "has to begin", "has to end"), strict=True):
        assert what in reason
    assert ratings(store, path, skip_bad=True, chosen_score=9, rejected_score=2).stored.ratings == 2


def test_helpsteer(store, pair_store, tmp_path):
    qualities = {"correctness": 4, "coherence": 3, "complexity": 0, "verbosity": 2}
    rows = [{"prompt": "p", "response": f"r{h}", "helpfulness": h, **qualities} for h in (0, 1, 2, 3, 4)] + [
        {"prompt": "lonely", "response": "r", "helpfulness": 2, **qualities}
    ]
    path = lines(tmp_path, "steer.jsonl", rows)
    assert ratings(store, path).layout == "helpsteer"
    assert [score for *_, score in said(store)] == [1, 3, 6, 8, 10, 6]
    assert store.rated()[0].rating.attributes == {
        "correctness": 5, "coherence": 4, "complexity": 1, "verbosity": 3,
    }  # fmt: skip
    report = ratings(pair_store, path, skip_bad=True)
    assert (report.stored.ratings, report.bad_rows) == (4, 1)
    assert "no other response" in report.bad[0]
    assert said(pair_store)[0] == ("p", "r1", "r0", 1)
    bad = lines(tmp_path, "bad.jsonl", [rows[0] | {"helpfulness": 5}])
    with pytest.raises(BadInput, match="5 is outside 0–4"):
        ratings(store, bad)


def oasst(name: str, parent: str | None, role: str, text: str, **more) -> dict:
    return {"message_id": name, "parent_id": parent, "role": role, "text": text, **more}


def labels(quality: float, flat: bool) -> dict:
    if flat:
        return {"name": ["spam", "quality"], "value": [0.0, quality], "count": [3, 3]}
    return {"spam": {"value": 0.0, "count": 3}, "quality": {"value": quality, "count": 3}}


def messages(flat: bool) -> list[dict]:
    return [
        oasst("c", "b", "prompter", "And why?"),  # before its parent
        oasst("a", None, "prompter", "What?"),
        oasst("b", "a", "assistant", "This.", rank=0, labels=labels(0.75, flat)),
        oasst("d", "a", "assistant", "That.", rank=1, labels=labels(0.25, flat)),
        oasst("e", "a", "assistant", "Gone.", rank=2, deleted=True, labels=labels(0.5, flat)),
        oasst("f", "c", "assistant", "Because.", labels=labels(1.0, flat)),
        oasst("g", "c", "assistant", "Never judged."),
    ]


def tree() -> dict:
    found = {m["message_id"]: m | {"replies": []} for m in messages(flat=False)}
    for one in found.values():
        if one["parent_id"] is not None:
            found[one["parent_id"]]["replies"].append(one)
    return {"message_tree_id": "a", "tree_state": "ready_for_export", "prompt": found["a"]}


@pytest.mark.parametrize("flat", [True, False])
def test_message_trees(store, pair_store, tmp_path, flat):
    path = lines(tmp_path, "trees.jsonl", messages(flat=True) if flat else [tree()])
    report = ratings(store, path)
    assert (report.layout, report.stored.ratings) == ("oasst", 3)
    assert report.ignored == {"messages without a quality": 1}
    assert sorted(said(store)) == [("And why?", "Because.", 10), ("What?", "That.", 3), ("What?", "This.", 8)]
    deep = next(one.prompt for one in store.rated() if one.prompt.text == "And why?")
    assert [m.content for m in deep.messages] == ["What?", "This.", "And why?"]
    assert ratings(pair_store, path).stored.ratings == 1
    assert said(pair_store) == [("What?", "This.", "That.", 1)]


def test_an_orphan_and_a_twin_are_named(store, tmp_path):
    rows = [
        oasst("a", None, "prompter", "x"),
        oasst("a", None, "prompter", "y"),
        oasst("b", "z", "assistant", "w"),
    ]
    report = ratings(store, lines(tmp_path, "flat.jsonl", rows), skip_bad=True)
    assert report.bad == [
        "flat.jsonl, line 2: there is a message of this message_id already.",
        "flat.jsonl, line 3: its parent 'z' is not in the file.",
    ]


# ---- columns, ranges, forms


def test_columns_and_scores_of_another_range(store, tmp_path):
    rows = [{"question": "p", "answer": f"a{s}", "stars": s} for s in (0, 2.5, 5)]
    columns = {"prompt": "question", "response": "answer", "rating": "stars"}
    path = lines(tmp_path, "a.jsonl", rows)
    assert ratings(store, path, columns=columns, score_range=(0, 5)).stored.ratings == 3
    assert [score for *_, score in said(store)] == [1, 6, 10]
    with pytest.raises(
        BadInput, match=r"has no column query to take as prompt: its columns are question, answer"
    ):
        ratings(store, path, columns={"prompt": "query"})
    with pytest.raises(BadInput, match="has to go up"):
        ratings(store, path, columns=columns, score_range=(5, 0))


def test_packed_files_and_parquet(store, tmp_path):
    rows = [{"prompt": "p", "response": f"r{i}", "rating": i} for i in (1, 2)]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    assert import_ratings(store, tmp_path / "a.jsonl.gz") == (2, 0)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert import_ratings(store, tmp_path / "a.parquet") == (0, 2)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"prompt,response,rating\np,r3,3\n")[:-4])
    with pytest.raises(BadInput, match=r"no whole \.gz file"):
        import_ratings(store, tmp_path / "a.csv.gz")
    pq.write_table(pa.Table.from_pylist([rows[0] | {"rating": 99}]), tmp_path / "b.parquet")
    with pytest.raises(BadInput, match=r"b\.parquet, row 1: The score 99"):
        import_ratings(store, tmp_path / "b.parquet")


def test_messages_of_a_table_have_empty_names(store, tmp_path):
    plain, named = {"role": "user", "content": "Hi?"}, {"role": "user", "content": "Ho?", "name": "me"}
    table = pa.Table.from_pylist([{"messages": [plain]}, {"messages": [named]}])
    pq.write_table(table, tmp_path / "a.parquet")
    report = import_file(store, tmp_path / "a.parquet", ImportOptions(kind="prompts", skip_bad=True))
    assert (report.stored.prompts, report.bad_rows) == (1, 1)


def test_a_dataset_of_the_hub(store, tmp_path, monkeypatch):
    import datasets

    folder = tmp_path / "mine"
    folder.mkdir()
    lines(folder, "train.jsonl", [{"instruction": "Hi?"}, {"instruction": "Ho?"}])
    asked = ImportOptions(kind="prompts", columns={"prompt": "instruction"})
    from rater_data.importing.import_rows import import_rows

    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = read_dataset(str(folder), "train")
    report = import_rows(store, rows, asked, name="mine", rejects=tmp_path / "x.jsonl")
    assert (report.stored.prompts, [p.text for p in store.prompts()]) == (2, ["Hi?", "Ho?"])

    def offline(*_args, **_options):
        raise ConnectionError("Couldn't reach the Hub.\nTry later.")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(
        BadInput, match=r"The dataset some/thing cannot be read: Couldn't reach the Hub\. Try later\."
    ):
        list(read_dataset("some/thing"))


# ---- what is bad


def test_bad_rows_are_kept_aside_and_all_or_nothing(store, tmp_path):
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(
        b'{"prompt": "a", "response": "b", "rating": 5}\n{"prompt": "a"}\nnonsense\n\xff\xfe\n'
        b'{"prompt": "c", "response": "d", "rating": NaN}\n{"prompt": "a", "response": "b", "rating": 5.0}\n'
    )
    with pytest.raises(BadInput) as told:
        ratings(store, path)
    assert str(told.value) == (
        "mixed.jsonl, line 2: there is no response: name the column response or completion, and fill it. "
        f"And 3 more rows are bad ({path}.rejected.jsonl has all of them). Nothing of the file was imported."
    )
    assert (store.prompts(), store.rated(), store.users(), store.round(0)) == ([], [], [], None)
    kept = read_jsonl(tmp_path / "mixed.jsonl.rejected.jsonl")
    assert [row["line"] for row in kept] == [2, 3, 4, 5]
    assert kept[0]["row"] == {"prompt": "a"}
    assert kept[3]["row"] == {"prompt": "c", "response": "d", "rating": None}
    (tmp_path / "mixed.jsonl.rejected.jsonl").unlink()
    dry = ratings(store, path, skip_bad=True, dry_run=True)
    assert (dry.rows, dry.bad_rows, dry.duplicates, dry.stored.ratings) == (6, 4, 1, 1)
    assert sorted(p.name for p in tmp_path.glob("mixed*")) == ["mixed.jsonl"]
    assert (store.prompts(), store.users()) == ([], [])
    report = ratings(store, path, skip_bad=True)
    assert (report.stored.ratings, report.duplicates, report.bad_rows) == (1, 1, 4)
    assert report.rejects_file == tmp_path / "mixed.jsonl.rejected.jsonl"
    assert sorted(p.name for p in tmp_path.glob(".mixed*")) == []


def test_ratings_that_are_there_stay_as_they_are(store, tmp_path):
    row = {"prompt": "a", "response": "b", "rating": 5, "rater": "Ann"}
    ratings(store, lines(tmp_path, "a.jsonl", [row]))
    report = ratings(store, lines(tmp_path, "b.jsonl", [row | {"rating": 6}, row | {"rater": "Bob"}]))
    assert (report.stored.ratings, report.stored.there, report.stored.differing) == (1, 1, 1)
    assert [score for *_, score in said(store)] == [5, 5]


def test_a_full_disk_while_storing_leaves_nothing(store, tmp_path, monkeypatch):
    from rater_data.store.transfer import imports

    path = lines(tmp_path, "a.jsonl", [{"prompt": "a", "response": str(i), "rating": 5} for i in range(10)])
    monkeypatch.setattr(imports, "BATCH", 3)
    real = imports._Intake.ratings

    def full(self, some):
        real(self, some)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(imports._Intake, "ratings", full)
    with pytest.raises(DiskFull):
        ratings(store, path)
    assert (store.prompts(), store.rated(), store.users()) == ([], [], [])


def test_small_batches_give_the_same_store(lived_in, tmp_path, monkeypatch):
    from rater_data.store.transfer import imports

    export(lived_in, tmp_path / "before.jsonl")
    monkeypatch.setattr(imports, "BATCH", 2)
    fresh = file_store(tmp_path / "fresh")
    import_ratings(fresh, tmp_path / "before.jsonl")
    export(fresh, tmp_path / "after.jsonl")
    assert differences(shared(tmp_path / "before.jsonl"), shared(tmp_path / "after.jsonl")) == []
    fresh.close()


# ---- responses


def test_responses_wait_or_are_offered(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=1)
    store, rater = world.store, world.rater
    path = lines(tmp_path, "r.jsonl", [{"prompt": "p", "response": r} for r in ("a", "b", "a")])
    report = import_file(store, path, ImportOptions(kind="responses"))
    assert (report.stored.responses, report.duplicates, store.round(0).state) == (2, 1, "published")
    rate_next(store, rater, 5)
    assert store.next_card(rater.id) is None
    assert import_file(store, path, ImportOptions(kind="responses", offer=True)).stored.responses == 0
    assert store.next_card(rater.id).round_number == 0
    first = rate_next(store, rater, 7)
    assert store.undo(rater.id).response_id == first.response_id
    for score in (8, 3):
        rate_next(store, rater, score)
    assert store.next_card(rater.id) is None
    assert [r.rating.score for r in store.rated(0)] == [8, 3]
    assert store.round().number == 1
    publish(store)
    assert len(store.snapshot(1)) == 3
    store.close()


def test_prompts_and_responses_of_any_shape(store, tmp_path):
    path = lines(tmp_path, "hh.jsonl", [{"chosen": hh("One?", "1"), "rejected": hh("One?", "2")}])
    assert import_file(store, path, ImportOptions(kind="prompts", layout="hh")).stored.prompts == 1
    assert import_file(store, path, ImportOptions(kind="responses", layout="hh")).stored.responses == 2
    assert import_prompts(store, lines(tmp_path, "p.jsonl", [{"prompt": "One?"}])) == (0, 1)
