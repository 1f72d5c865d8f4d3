"""What single cells of an imported row mean: raters, chats, numbers and empty answers."""

import json

import pytest

from rater_data.errors import BadInput
from rater_data.intake import Asked
from rater_data.store import Store
from rater_data.transfer import import_file


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path / "home")
    yield made
    made.close()


def bring(store, folder, *rows, **asked):
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return import_file(store, folder / "in.jsonl", Asked(kind="ratings", **asked))


def row(**changes):
    return {"prompt": "p", "response": "r", "rating": 5} | changes


# ---- raters


@pytest.mark.parametrize(
    ("rater", "name"), [(0, "0"), (False, "False"), (7, "7"), ("", "imported"), (None, "imported")]
)
def test_only_who_is_not_named_is_the_imported_one(store, tmp_path, rater, name):
    bring(store, tmp_path, row(rater=rater))
    assert [user.name for user in store.users()] == [name]


@pytest.mark.parametrize("rater", [{}, [], {"id": 3}, ["Ann"]])
def test_what_is_no_name_is_no_rater(store, tmp_path, rater):
    with pytest.raises(BadInput, match="line 2: the rater has to be a name or a number, not"):
        bring(store, tmp_path, row(), row(prompt="q", rater=rater))
    assert store.users() == []
