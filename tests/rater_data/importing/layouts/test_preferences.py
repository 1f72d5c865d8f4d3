"""Preferences become two scores or a comparison."""

import pytest

from rater_data.errors import BadInput, Refused
from rater_data.verify.home import verify
from tests.rater_data.importing.import_world import import_as_ratings, judgements, write_jsonl


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
    path = write_jsonl(tmp_path, "pairs.jsonl", rows)
    with pytest.raises(Refused, match="--chosen-score and --rejected-score"):
        import_as_ratings(store, path)
    assert store.prompts() == []
    assert import_as_ratings(store, path, chosen_score=8, rejected_score=3).stored.ratings == 6
    assert sorted(judgements(store)) == sorted(
        [
            ("p", "good", 8),
            ("p", "bad", 3),
            ("Q?", "yes", 8),
            ("Q?", "no", 3),
            ("Q?", "oui", 8),
            ("Q?", "non", 3),
        ]
    )
    assert import_as_ratings(pair_store, path).stored.ratings == 3
    assert sorted(judgements(pair_store)) == [
        ("Q?", "oui", "non", 1),
        ("Q?", "yes", "no", 1),
        ("p", "good", "bad", 1),
    ]
    assert {u.name for u in pair_store.users()} == {"Ann", "imported"}
    with pytest.raises(BadInput, match="need no scores"):
        import_as_ratings(pair_store, path, chosen_score=8, rejected_score=3)


def test_of_a_preference_both_ratings_come_in_or_none(store, tmp_path):
    rows = [
        {"prompt": "p", "chosen": "a", "rejected": "b"},
        {"prompt": "p", "chosen": "c", "rejected": "a"},  # a was chosen before: c must not come in alone
        {"prompt": "p", "chosen": "c", "rejected": "d"},
    ]
    path = write_jsonl(tmp_path, "pairs.jsonl", rows)
    with pytest.raises(BadInput, match=r"line 2: imported rated this response with 8 before and now with 3"):
        import_as_ratings(store, path, chosen_score=8, rejected_score=3)
    report = import_as_ratings(store, path, chosen_score=8, rejected_score=3, skip_bad=True)
    assert (report.stored.ratings, report.bad_rows, report.stored.responses) == (4, 1, 4)
    assert sorted(judgements(store)) == [("p", "a", 8), ("p", "b", 3), ("p", "c", 8), ("p", "d", 3)]
    rows[1] = {"prompt": "p", "chosen": "e", "rejected": "a"}
    report = import_as_ratings(
        store, write_jsonl(tmp_path, "b.jsonl", rows), chosen_score=8, rejected_score=3, skip_bad=True
    )
    assert (report.stored.ratings, report.stored.responses, report.in_file["responses"]) == (0, 0, 4)


def test_two_raters_comparisons_of_the_same_two_meet(pair_store, tmp_path):
    rows = [
        {"prompt": "p", "chosen": "a", "rejected": "b", "rater": "Ann"},
        {"prompt": "p", "chosen": "b", "rejected": "a", "rater": "Bob"},
        {"prompt": "p", "chosen": "b", "rejected": "a", "rater": "bob"},
    ]
    report = import_as_ratings(pair_store, write_jsonl(tmp_path, "a.jsonl", rows))
    assert (report.stored.ratings, report.duplicates) == (2, 1)
    one, two = (r.rating for r in pair_store.rated())
    assert (one.response_id, one.other_id, one.score) == (two.response_id, two.other_id, -two.score)
    rows = [rows[0], rows[0] | {"chosen": "b", "rejected": "a"}]
    with pytest.raises(BadInput, match="line 2: Ann compared these two before, with another outcome"):
        import_as_ratings(pair_store, write_jsonl(tmp_path, "b.jsonl", rows))


def test_a_response_is_compared_with_many(pair_store, tmp_path):
    """By one person, whom nobody has to invent namesakes for."""
    rows = [{"prompt": "p", "chosen": "best", "rejected": f"r{i}"} for i in range(5)]
    report = import_as_ratings(pair_store, write_jsonl(tmp_path, "star.jsonl", rows))
    assert (report.stored.ratings, report.stored.raters) == (5, 1)
    assert sorted(judgements(pair_store)) == [("p", "best", f"r{i}", 1) for i in range(5)]
    every = [{"prompt": "q", "chosen": str(i), "rejected": str(j)} for i in range(4) for j in range(i)]
    report = import_as_ratings(pair_store, write_jsonl(tmp_path, "every.jsonl", every))
    assert (report.stored.ratings, report.stored.raters) == (6, 0)
    assert [u.name for u in pair_store.users()] == ["imported"]
    keys = [r.rating.key for r in pair_store.rated()]
    assert len(set(keys)) == len(keys) == 11
    assert list(verify(pair_store)) == []


def test_the_same_two_again_in_another_file(pair_store, tmp_path):
    """Whichever is named first: it is there already, and stays as it is where the file says something else."""
    rows = [{"prompt": "p", "chosen": "a", "rejected": name, "rater": "Ann"} for name in "bc"]
    import_as_ratings(pair_store, write_jsonl(tmp_path, "a.jsonl", rows))
    before = judgements(pair_store)
    rows[0] |= {"chosen": "b", "rejected": "a"}
    rows += [{"prompt": "p", "chosen": "c", "rejected": "b", "rater": "ann"}]
    report = import_as_ratings(pair_store, write_jsonl(tmp_path, "b.jsonl", rows))
    stored = report.stored
    assert (stored.ratings, stored.existing, stored.differing, stored.raters) == (1, 2, 1, 0)
    assert "1 of those that were there say something else in the file" in "\n".join(report.summary())
    assert sorted(judgements(pair_store)) == sorted([*before, ("p", "c", "b", 1)])
