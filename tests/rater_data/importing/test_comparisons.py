"""Comparisons of many by few: counts and agreement are those of the rows, with as many people as there are."""

from dataclasses import replace
from itertools import combinations

import krippendorff
import numpy as np
import pytest
from scipy import stats

from rater_data.errors import BadInput
from rater_data.exporting.export import export
from rater_data.statistics import agreement
from rater_data.store.cards.ratings import insert_rating
from rater_data.store.database import schema as t
from rater_data.verify.dataset import verify_dataset
from rater_data.verify.home import verify
from tests.rater_data.exporting.helpers import read_jsonl
from tests.rater_data.importing.import_world import import_as_ratings, write_jsonl
from tests.rater_data.store_world import all_revisions, file_store, make_world, rate_next

ANNOTATORS = ("a1", "a2", "a3")
RESPONSES = 5


@pytest.fixture(scope="module")
def said():
    """What three people said of two responses each time: (person, prompt, low, high): 1 if high is better."""
    draw = np.random.default_rng(5)
    quality = draw.normal(0, 1, (60, RESPONSES))
    answers = {}
    for person in ANNOTATORS:
        for prompt in range(len(quality)):
            for low, high in combinations(range(RESPONSES), 2):
                if draw.random() < 0.8:
                    felt = quality[prompt, high] - quality[prompt, low] + draw.normal(0, 1.5)
                    answers[person, prompt, low, high] = float(np.sign(felt))
    return answers


def rows_of(said):
    for (person, prompt, low, high), answer in said.items():
        chosen, rejected = (low, high) if answer < 0 else (high, low)
        texts = {"chosen": f"answer {chosen}", "rejected": f"answer {rejected}"}
        yield {"prompt": f"Question {prompt}?", "rater": person, **texts}


def table_of(said):
    """(people, pairs): what everybody said of each two, nan where they said nothing."""
    pairs = sorted({key[1:] for key in said})
    table = np.full((len(ANNOTATORS), len(pairs)), np.nan)
    for (person, *pair), answer in said.items():
        table[ANNOTATORS.index(person), pairs.index(tuple(pair))] = answer
    return table


def spearman_with_others(table, person):
    """One person's rank correlation with the mean of the others, where there is any, from both sides."""
    others = np.delete(table, person, axis=0)
    both = ~np.isnan(table[person]) & ~np.isnan(others).all(axis=0)
    own, mean = table[person][both], np.nanmean(others[:, both], axis=0)
    return stats.spearmanr(np.concatenate([own, 0 - own]), np.concatenate([mean, 0 - mean])).statistic


def test_counts_and_agreement_are_those_of_the_rows(pair_store, tmp_path, said):
    store, table = pair_store, table_of(said)
    report = import_as_ratings(store, write_jsonl(tmp_path, "in.jsonl", list(rows_of(said))))
    assert (report.stored.ratings, report.stored.raters, report.duplicates) == (len(said), 3, 0)
    seen = {one.user.name: one for one in store.rater_stats()}
    assert {name: one.ratings for name, one in seen.items()} == {
        name: sum(key[0] == name for key in said) for name in ANNOTATORS
    }
    for person, name in enumerate(ANNOTATORS):
        assert seen[name].agreement == pytest.approx(spearman_with_others(table, person), abs=5e-4)
    (imported,) = (row for row in store.coverage() if row.ratings)
    assert (imported.rated, imported.ratings) == (imported.responses, len(said)), "each was in a comparison"
    found = agreement.krippendorff_alpha(store.counted_ratings())
    alpha = krippendorff.alpha(np.hstack([table, 0 - table]), level_of_measurement="interval")
    assert found.mean == pytest.approx(alpha, abs=5e-4)
    assert found.n == int(((~np.isnan(table)).sum(axis=0) > 1).sum())
    decided = [
        np.sign(table[person, pair]) == np.sign(np.nanmean(np.delete(table, person, 0)[:, pair]))
        for pair in range(table.shape[1])
        for person in range(3)
        if not np.isnan(table[person, pair])
        and not np.isnan(np.delete(table, person, 0)[:, pair]).all()
        and np.nansum(np.delete(table, person, 0)[:, pair]) != 0
    ]
    ceiling = agreement.human_ceiling(store.rated())
    assert ceiling["pair_accuracy"] == pytest.approx(np.mean(decided), abs=5e-4)
    assert list(verify(store)) == []
    export(store, tmp_path / "set", format="preference", file_type="dataset")
    assert list(verify_dataset(tmp_path / "set")) == []
    card = (tmp_path / "set" / "README.md").read_text("utf-8")
    assert f"{len(said)} ratings that count now, by 3 raters; the most active" in " ".join(card.split())


def test_they_come_back_from_an_export_as_they_were(pair_store, tmp_path, said):
    some = dict(list(said.items())[::17])
    import_as_ratings(pair_store, write_jsonl(tmp_path, "in.jsonl", list(rows_of(some))))
    export(pair_store, tmp_path / "out.jsonl")
    fresh = file_store(tmp_path / "fresh")
    report = import_as_ratings(fresh, tmp_path / "out.jsonl")
    assert (report.stored.ratings, report.stored.raters, report.joined) == (len(some), 3, 0)
    assert [one.ratings for one in fresh.rater_stats()] == [one.ratings for one in pair_store.rater_stats()]
    # into the home it came from: whichever is named first, it is there
    again = import_as_ratings(pair_store, tmp_path / "out.jsonl").stored
    assert (again.ratings, again.existing, again.differing) == (0, len(some), 0)
    fresh.close()


@pytest.fixture
def compared(tmp_path):
    """A home in which a rater compared A with B; and its export."""
    world = make_world(tmp_path / "cards", prompts=1, k=2, raters=1)
    world.store.choose_scale("pair")
    rate_next(world.store, world.rater, -1.0, scale="pair", submitted_at=200.0)
    export(world.store, tmp_path / "cards.jsonl")
    yield world.store, read_jsonl(tmp_path / "cards.jsonl")[0]
    world.store.close()


def turned_row(row, **changes):
    """The row as an earlier release had it of the other card: B with A."""
    sides = {name.removeprefix("other_") for name in row if name.startswith("other_")}
    swapped = {}
    for name in sides:
        here = "response_id" if name == "id" else name
        swapped |= {here: row[f"other_{name}"], f"other_{name}": row[here]}
    turned = {"key": "the other card", "score": -row["score"], "submitted_at": "1970-01-02T00:00:00Z"}
    return row | swapped | turned | changes


def test_an_answer_from_the_other_side_is_a_revision(compared, tmp_path):
    store, row = compared
    first = store.rated()[0].rating
    with store.writing() as connection:
        connection.execute(t.ratings.update().values(is_current=False))
        sides = {"response_id": first.other_id, "other_id": first.response_id, "key": "again"}
        insert_rating(connection, replace(first, id=None, score=-1.0, **sides), 300.0)
    assert list(verify(store)) == []
    export(store, tmp_path / "both.jsonl")
    fresh = file_store(tmp_path / "fresh")
    report = import_as_ratings(fresh, tmp_path / "both.jsonl")
    assert (report.stored.ratings, report.joined, report.renumbered) == (2, 0, 0)
    kept = [(one.rating.key, one.rating.revision, one.rating.is_current) for one in all_revisions(fresh)]
    assert kept == [(row["key"], 1, False), ("again", 2, True)]
    assert list(verify(fresh)) == []
    fresh.close()


@pytest.mark.parametrize("later", [0, 1])
def test_both_cards_of_an_export_of_before_become_one(compared, tmp_path, later):
    """A with B, and B with A: what was said later holds, whichever stands first in the file."""
    rows = [compared[1], turned_row(compared[1], score=1.0)]
    rows = rows if later == 1 else rows[::-1]
    fresh = file_store(tmp_path / "fresh")
    path = write_jsonl(tmp_path, "both.jsonl", [*rows, rows[1]])
    report = import_as_ratings(fresh, path)
    assert (report.stored.ratings, report.joined, report.duplicates, report.renumbered) == (2, 1, 1, 0)
    assert "1 comparisons were made twice by one person" in "\n".join(report.summary())
    (current,) = fresh.rated()
    assert (current.rating.key, current.rating.revision) == ("the other card", 2)
    assert list(verify(fresh)) == []
    assert import_as_ratings(fresh, path).stored.existing == 2
    rows.append(turned_row(compared[1], score=0.0, key="a third"))
    with pytest.raises(BadInput, match="revision 1 of this rating already, and it says other"):
        import_as_ratings(fresh, write_jsonl(tmp_path, "three.jsonl", rows))
    fresh.close()
