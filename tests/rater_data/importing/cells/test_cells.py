"""What single cells of an imported row mean: raters, chats, numbers and empty answers."""

import csv
import json
from contextlib import closing

import pytest

from rater_data.errors import BadInput
from rater_data.exporting.export import export
from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from rater_data.store.database import schema as t
from tests.rater_data.importing.import_world import HELPSTEER_ROW, import_rows_as_ratings
from tests.rater_data.store_world import file_store


def row(**changes):
    return {"prompt": "p", "response": "r", "rating": 5} | changes


# ---- raters


@pytest.mark.parametrize(
    ("rater", "name"),
    [
        *((0, "0"), (7, "7"), (7.0, "7"), ("7.0", "7"), (2.5, "2.5"), ("007", "007"), ("3e8", "3e8")),
        *((value, "imported") for value in ("", None, " ", "nan", "None", float("nan"))),
    ],
)
def test_only_who_is_not_named_is_the_imported_one(store, tmp_path, rater, name):
    import_rows_as_ratings(store, tmp_path, row(rater=rater))
    assert [user.name for user in store.users()] == [name]


@pytest.mark.parametrize("rater", [{}, [], {"id": 3}, ["Ann"], True, False, "False", 2.0**60, "1.2e+18"])
def test_what_is_no_name_is_no_rater(store, tmp_path, rater):
    with pytest.raises(
        BadInput,
        match=r"line 2: the (rater has to be a name or a number, not|number .* was rounded by a table)",
    ):
        import_rows_as_ratings(store, tmp_path, row(), row(prompt="q", rater=rater))
    assert store.users() == []


# ---- chats in a CSV

CHAT = [{"role": "system", "content": "=Brief."}, {"role": "user", "content": 'Say "hi", [please]'}]
ANSWERS = (("yes", 9), ('[{"role": "user"}]', 6), ("- no", 2))


def what_is_in(store):
    ratings = sorted(str((r.prompt.messages, r.response.text, r.rating.score)) for r in store.rated())
    return ratings, sorted(str((one.messages, one.split)) for one in store.prompts())


def both_ways(store, folder, format, scale, **options):
    """The reports of a CSV and a JSONL of the same export, each in a home of its own, and what is in them then."""
    found = []
    for file_type in ("csv", "jsonl"):
        export(store, folder / f"out.{file_type}", format=format, file_type=file_type, force=True)
        other = file_store(folder / f"{format}-{file_type}")
        other.choose_scale(scale)
        report = import_file(other, folder / f"out.{file_type}", ImportOptions(kind="ratings", **options))
        found.append((report, what_is_in(other)))
        other.close()
    return found


@pytest.mark.parametrize(
    ("format", "scale", "options"),
    [
        ("prompt-completion", "score_1_10", {"score_range": (1, 10)}),
        ("unpaired", "score_1_10", {"score_range": (1, 10)}),
        ("preference", "pair", {}),
        ("preference", "score_1_10", {"chosen_score": 8, "rejected_score": 3, "skip_bad": True}),
    ],
)
def test_chats_come_back_from_a_csv_as_from_jsonl(store, tmp_path, format, scale, options):
    chats = [{"messages": CHAT, "response": text, "rating": score} for text, score in ANSWERS]
    import_rows_as_ratings(store, tmp_path, *chats, row(), row(response="other", rating=2))
    (csv_report, csv_has), (report, has) = both_ways(store, tmp_path, format, scale, **options)
    for one in (csv_report, report):  # a CSV has a line more, and its own name
        one.bad, one.rejects_file = [line.partition(": ")[2] for line in one.bad], None
    assert csv_report == report and csv_has == has
    assert report.stored.ratings >= 4 and "system" in str(has)
    assert '[{"role": "assistant"' not in str(has)


def test_a_conversation_before_both_answers_is_found_in_a_csv_too(store, tmp_path):
    said = [json.dumps([*CHAT, {"role": "assistant", "content": text}]) for text in ("yes", "no")]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["chosen", "rejected"], said])
    report = import_file(
        store, tmp_path / "in.csv", ImportOptions(kind="ratings", chosen_score=8, rejected_score=3)
    )
    assert report.layout == "preference"
    assert {(r.prompt.text, r.response.text) for r in store.rated()} == {
        (CHAT[1]["content"], "yes"),
        (CHAT[1]["content"], "no"),
    }


def test_an_answer_of_jsonl_stays_a_text_whatever_it_looks_like(store, tmp_path):
    """A prompt only where it does not end with the user, as every prompt does."""
    text = json.dumps([{"role": "user", "content": "Go on?"}, {"role": "assistant", "content": "yes"}])
    import_rows_as_ratings(store, tmp_path, row(prompt=text, response=text))
    (one,) = store.rated()
    assert (one.prompt.text, one.response.text) == (text, text)


def test_a_prompt_of_jsonl_that_can_only_be_a_chat_is_one(store, tmp_path):
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi?"}]
    import_rows_as_ratings(store, tmp_path, row(prompt=json.dumps(chat)))
    assert store.rated()[0].prompt.chat == chat


# ---- numbers


@pytest.mark.parametrize("text", ["7", " 7 ", "+7", "7.0", "7.", "07", "0.7e1", "70E-1"])
def test_a_number_in_decimal_notation_is_one(store, tmp_path, text):
    import_rows_as_ratings(store, tmp_path, row(rating=text))
    assert store.rated()[0].rating.score == 7


@pytest.mark.parametrize(
    "text", ["1_0", "٧", "７", "0x7", "seven", "7,0", "", "--7", "nan", "inf", "1e999", "."]
)
def test_what_python_alone_takes_for_a_number_is_none(store, tmp_path, text):
    with pytest.raises(BadInput, match=r"line 1: (the score .* is no number|there is no score)"):
        import_rows_as_ratings(store, tmp_path, row(rating=text))


# ---- answers that say nothing


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize(
    ("format", "scale", "options"),
    [
        ("prompt-completion", "score_1_10", {"score_range": (1, 10)}),
        ("unpaired", "score_1_10", {"score_range": (1, 10)}),
        ("helpsteer", "score_1_10", {}),
        ("preference", "pair", {}),
    ],
)
def test_an_empty_answer_comes_back_as_one(store, tmp_path, format, scale, options, chat):
    prompt = {"messages": CHAT} if chat else {"prompt": "p"}
    texts = ("", "r", "\n")
    steer = {name: value for name, value in HELPSTEER_ROW.items() if name != "prompt"}
    import_rows_as_ratings(
        store,
        tmp_path,
        *[prompt | steer | {"response": text, "helpfulness": i} for i, text in enumerate(texts)],
    )
    with store.writing() as connection:
        connection.execute(t.ratings.update().values(attributes={"helpful": 4}))
    for report, _ in both_ways(store, tmp_path, format, scale, **options):
        assert (report.bad, report.stored.responses) == ([], 3)
    for file_type in ("csv", "jsonl"):
        with closing(file_store(tmp_path / f"{format}-{file_type}")) as other:
            assert sorted(one.text for one in other.responses(0)) == sorted(texts)


@pytest.mark.parametrize("answer", [{}, {"response": None}])
def test_an_answer_that_is_not_there_is_none(store, tmp_path, answer):
    with pytest.raises(BadInput, match="line 1: there is no response"):
        import_rows_as_ratings(store, tmp_path, {"prompt": "p", "rating": 3} | answer)


def test_an_empty_cell_of_somebody_elses_csv_is_no_answer(store, tmp_path):
    (tmp_path / "in.csv").write_text("prompt,response,rating\np,,3\n", "utf-8")
    with pytest.raises(BadInput, match="line 2: there is no response"):
        import_file(store, tmp_path / "in.csv", ImportOptions(kind="ratings"))
