"""Agreement on comparisons: only raters who compared the same two responses can agree, whichever was named first."""

import json

import pytest
import sqlalchemy as sa

from rater_data.exporting.export import export
from rater_data.exporting.formats.text_scores import TextScores
from rater_data.importing.import_files import import_ratings
from rater_data.statistics import agreement
from rater_data.store.database import schema as t
from rater_data.store.reports.export_rows import RatingFilter
from rater_data.verify.dataset import verify_dataset
from rater_data.verify.home import verify
from tests.rater_data.store_world import open_store


@pytest.fixture
def store(tmp_path, backend):
    made = open_store(tmp_path / "home")
    made.choose_scale("pair")
    yield made
    made.close()


def give(store, folder, rows):
    """Preferences: (prompt, chosen, rejected, rater) each. Returns what `told` does."""
    names = ("prompt", "chosen", "rejected", "rater")
    lines = (json.dumps(dict(zip(names, row, strict=True))) for row in rows)
    (folder / "in.jsonl").write_text("\n".join(lines), "utf-8")
    import_ratings(store, folder / "in.jsonl")
    turn(store)
    return told(store, folder)


def told(store, folder):
    """Alpha as everything shows it, which is one, and the human ceiling."""
    rated = store.rated()
    found = [
        agreement.krippendorff_alpha(rated),
        agreement.krippendorff_alpha(store.counted_ratings()),
        agreement.alpha_of_frame(store.score_frame()),
        TextScores(store, RatingFilter()).alpha(),
    ]
    assert all(one == found[0] for one in found)
    assert list(verify(store)) == []
    export(store, folder / "set", file_type="dataset", force=True)
    assert list(verify_dataset(folder / "set")) == []
    return found[0], agreement.human_ceiling(rated)


def turn(store):
    """An import names first what was named first before; the queue of a home need not: every third is turned round."""
    with store.writing() as connection:
        g = t.ratings.c
        every = connection.execute(sa.select(g.id, g.response_id, g.other_id, g.score)).all()
        for one in every[::3]:
            turned = {"response_id": one.other_id, "other_id": one.response_id, "score": -one.score}
            connection.execute(t.ratings.update().where(g.id == one.id).values(**turned))


@pytest.mark.parametrize("second", [("C", "A"), ("A", "C")])
def test_raters_of_different_pairs_say_nothing_of_each_other(store, tmp_path, second):
    rows = [(f"p{i}", "A", "B", "x") for i in range(20)] + [(f"p{i}", *second, "y") for i in range(20)]
    assert give(store, tmp_path, rows) == (None, None)
    assert [one.agreement for one in store.rater_stats()] == [None, None]


def test_a_pair_is_one_whichever_is_named_first(store, tmp_path):
    # the same answers in both orders, and on four prompts the other one
    rows = [(f"p{i}", *(("A", "B") if i % 2 else ("B", "A")), "x") for i in range(20)]
    rows += [(f"p{i}", *(("A", "B") if i % 2 != (i < 4) else ("B", "A")), "y") for i in range(20)]
    alpha, ceiling = give(store, tmp_path, rows)
    # by hand, told from both sides: 80 values, half of them −1 and half 1; 8 of 40 units differ, each by 2
    assert alpha.n == 20
    assert alpha.mean == pytest.approx(1 - (8 * 2 * 4 / 80) / (2 * 40 * 40 * 4 / (80 * 79)))
    assert (ceiling["pair_accuracy"], ceiling["n"]) == (16 / 20, 40)
    assert [one.agreement for one in store.rater_stats()] == [pytest.approx(0.6, abs=0.05)] * 2


def test_which_is_named_first_decides_nothing(store, tmp_path):
    """All prefer what was imported first: they agree, and do not just all say the same."""
    rows = [(f"p{i}", "A", "B", rater) for i in range(9) for rater in "xy"]
    alpha, ceiling = give(store, tmp_path, rows)
    assert (alpha.mean, alpha.low, alpha.high, alpha.n) == (1, 1, 1, 9)
    assert (ceiling["pair_accuracy"], ceiling["spearman"]) == (1, pytest.approx(1))
    assert [one.agreement for one in store.rater_stats()] == [pytest.approx(1)] * 2
