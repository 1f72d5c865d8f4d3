"""HelpSteer: helpfulness as the score, further qualities as attributes."""

import pytest

from rater_data.errors import BadInput
from tests.rater_data.importing.import_world import (
    HELPSTEER_ROW,
    import_as_ratings,
    import_rows_as_ratings,
    judgements,
    write_jsonl,
)


def test_helpsteer(store, pair_store, tmp_path):
    qualities = {"correctness": 4, "coherence": 3, "complexity": 0, "verbosity": 2}
    rows = [{"prompt": "p", "response": f"r{h}", "helpfulness": h, **qualities} for h in (0, 1, 2, 3, 4)] + [
        {"prompt": "lonely", "response": "r", "helpfulness": 2, **qualities}
    ]
    path = write_jsonl(tmp_path, "steer.jsonl", rows)
    assert import_as_ratings(store, path).layout == "helpsteer"
    assert [score for *_, score in judgements(store)] == [1, 3, 6, 8, 10, 6]
    assert store.rated()[0].rating.attributes == {
        "correctness": 5, "coherence": 4, "complexity": 1, "verbosity": 3,
    }  # fmt: skip
    report = import_as_ratings(pair_store, path, skip_bad=True)
    assert (report.stored.ratings, report.bad_rows) == (4, 1)
    assert "no other response" in report.bad[0]
    assert judgements(pair_store)[0] == ("p", "r1", "r0", 1)
    bad = write_jsonl(tmp_path, "bad.jsonl", [rows[0] | {"helpfulness": 5}])
    with pytest.raises(BadInput, match="5 is outside 0–4"):
        import_as_ratings(store, bad)


def test_qualities_are_laid_from_0_to_4_onto_1_to_5(store, tmp_path):
    import_rows_as_ratings(store, tmp_path, HELPSTEER_ROW | {"complexity": 2.0})
    assert store.rated()[0].rating.attributes == {"correctness": 1, "complexity": 3, "verbosity": 4}


@pytest.mark.parametrize("name", ["correctness", "coherence", "complexity", "verbosity"])
@pytest.mark.parametrize("value", [5, -1, 2.5, "4.01", 10**12])
def test_a_quality_of_another_scale_is_a_bad_row(store, tmp_path, name, value):
    with pytest.raises(BadInput, match=f"line 2: {name} has to be a whole number from 0 to 4, not"):
        import_rows_as_ratings(store, tmp_path, HELPSTEER_ROW, HELPSTEER_ROW | {"prompt": "q", name: value})
    assert store.rated() == []
