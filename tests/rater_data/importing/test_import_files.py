"""Files in: all of a file or nothing."""

import json
from pathlib import Path

import pytest

from rater_data.errors import BadInput
from rater_data.importing.import_files import bundled_prompts, import_prompts, import_ratings
from tests.paths import GOLDEN
from tests.rater_data.store_world import make_world, open_store, publish, rate_next, start_round

FIVE = GOLDEN / "five_ratings.jsonl"


@pytest.fixture
def store(tmp_path, backend):
    made = open_store(tmp_path / "home")
    yield made
    made.close()


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


# ---- prompts in


def test_the_bundled_prompts_hold_the_five_of_the_reference(store):
    prompts = bundled_prompts()
    assert {row["prompt"] for row in read_jsonl(FIVE)} <= {p.text for p in prompts}
    assert store.add_prompts(prompts) == (len(prompts), 0)
    assert store.prompts(split="holdout")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"prompt": "Hi?", "tags": ["x"]}\n\n{"text": "Ho? \\u2028 done", "split": "holdout"}\n'),
        ("a.csv", '\ufeffPrompt,tags,split\r\nHi?,x,\r\n"Ho? \u2028 done",,holdout\r\n'),
        ("a.txt", "Hi?\n\nHo? \u2028 done\n"),
    ],
)
def test_prompts_from_every_form(store, tmp_path, name, text):
    assert import_prompts(store, write(tmp_path, name, text), split="train") == (2, 0)
    one, two = store.prompts()
    assert (one.text, one.split, one.source) == ("Hi?", "train", name)
    assert two.text == "Ho? \u2028 done"
    if not name.endswith("txt"):
        assert (one.tags, two.split) == (("x",), "holdout")
    assert import_prompts(store, tmp_path / name) == (0, 2)


def test_chats(store, tmp_path):
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi?"}]
    path = write(tmp_path, "a.jsonl", json.dumps({"messages": chat}))
    assert import_prompts(store, path) == (1, 0)
    assert [(m.role, m.content) for m in store.prompts()[0].messages] == [tuple(m.values()) for m in chat]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "no JSON"),
        ('["a"]', "object in braces"),
        ("{}", "no prompt"),
        ('{"prompt": "  "}', "empty"),
        ('{"prompt": 7}', "text, not int"),
        ('{"prompt": "x\\u0000"}', "NUL"),
        ('{"prompt": "\\ud800"}', "character pair"),
        ('{"prompt": "x", "split": "later"}', "train, holdout"),
        ('{"prompt": "x", "tags": 3}', "tags"),
        ('{"messages": "x"}', "no JSON list"),
        ('{"messages": [{"role": "user"}]}', "role and content"),
        ('{"messages": [{"role": "user", "content": 3}]}', "text"),
        ('{"messages": [{"role": "assistant", "content": "x"}]}', "user"),
        ("[" * 100_000, "nested too deep|no JSON"),
    ],
)
def test_a_bad_row_names_file_line_and_fault_and_nothing_is_imported(store, tmp_path, line, what):
    path = write(tmp_path, "mine.jsonl", '{"prompt": "fine"}\n\n' + line + '\n{"prompt": "fine too"}\n')
    with pytest.raises(BadInput, match=what) as told:
        import_prompts(store, path)
    assert str(told.value).startswith("mine.jsonl, line 3: ")
    assert str(told.value).endswith("Nothing of the file was imported.")
    assert store.prompts() == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("prompt,tags\nHi?,x\nHo?\n", 3, "1 cells"),
        ("prompt,prompt\nHi?,x\n", 1, "same name"),
        ('prompt,tags\n"several\nlines",x\n"open,x\n', 4, "no CSV"),
        ('prompt,tags\n"several\nlines",x\n,x\n', 4, "no prompt"),
    ],
)
def test_a_bad_csv_row(store, tmp_path, text, line, what):
    with pytest.raises(BadInput, match=rf"mine.csv, line {line}: .*{what}"):
        import_prompts(store, write(tmp_path, "mine.csv", text))
    assert store.prompts() == []


def test_files_that_cannot_be_read(store, tmp_path):
    for name, text, what in (
        ("a.jsonl", "", "empty"),
        ("b.csv", "prompt\n", "empty"),
        ("c.txt", "\n \n", "empty"),
        ("d.docx", "x", r"has to end in \.jsonl, \.csv, .* or \.txt"),
        ("e.txt", b"\xff\xfe\x00", "UTF-8"),
    ):
        with pytest.raises(BadInput, match=what):
            import_prompts(store, write(tmp_path, name, text))
    with pytest.raises(BadInput, match="does not exist"):
        import_prompts(store, tmp_path / "none.txt")
    with pytest.raises(BadInput, match="folder"):
        import_prompts(store, tmp_path)


# ---- ratings in


def test_the_five_examples_come_in_as_they_are_and_teach(store):
    assert import_ratings(store, FIVE) == (5, 0)
    assert import_ratings(store, FIVE) == (0, 5)
    kept = store.rated()
    assert [r.rating.score for r in kept] == [10, 7, 4, 9, 6]
    assert {(r.response.round_number, r.response.version_number, r.response.stratum) for r in kept} == {
        (0, None, "imported")
    }
    assert all(r.response.token_ids == r.response.logprobs == () for r in kept)
    assert all(r.prompt.split == "train" for r in kept)


def test_imports_are_no_round_of_ours_but_in_every_snapshot(tmp_path):
    world = make_world(tmp_path / "home")
    store = world.store
    import_ratings(store, FIVE)
    assert store.round().number == 1
    assert [r.number for r in store.rounds()] == [1]
    assert store.next_card(world.rater.id).round_number == 1
    rate_next(store, world.rater, 3)
    publish(store)
    assert sorted(r.rating.score for r in store.snapshot(1)) == [3, 4, 6, 7, 9, 10]
    assert start_round(store, 1, 1) == 2
    store.close()


def test_imports_before_there_is_a_model(store):
    import_ratings(store, FIVE)
    assert (store.round(), store.current_version(), store.next_version_number()) == (None, None, 0)
    assert store.round(0).state == "published"


def test_ratings_from_csv_with_raters(store, tmp_path):
    text = "prompt,completion,reward,rater\nHi?,Yes.,7,Anna\nHi?,Yes.,5.0,Bob\nHi?,Yes.,7,anna\n"
    assert import_ratings(store, write(tmp_path, "a.csv", text)) == (2, 1)
    assert [user.name for user in store.users()] == ["Anna", "Bob"]
    assert len({r.response.id for r in store.rated()}) == 1


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"prompt": "a", "response": "b", "rating": 11}, "The score 11 is outside 1–10"),
        ({"prompt": "a", "response": "b", "rating": 0}, "outside"),
        ({"prompt": "a", "response": "b", "rating": 7.5}, "between two points"),
        ({"prompt": "a", "response": "b", "rating": True}, "number"),
        ({"prompt": "a", "response": "b", "rating": "good"}, "'good' is no number"),
        ({"prompt": "a", "response": "b", "rating": "nan"}, "'nan' is no number"),
        ({"prompt": "a", "response": "b", "rating": None}, "no score"),
        ({"prompt": "a", "rating": 5}, "no response"),
        ({"response": "b", "rating": 5}, "no prompt"),
        ({"prompt": "a", "response": 5, "rating": 5}, "text"),
        ({"prompt": "a", "response": "b", "rating": 5, "comment": 3}, "comment"),
        ({"prompt": "fine", "response": "fine", "rating": 4}, "rated this response with 5 before"),
    ],
)
def test_a_bad_rating_names_its_line_and_nothing_is_imported(store, tmp_path, row, what):
    fine = {"prompt": "fine", "response": "fine", "rating": 5}
    path = write(tmp_path, "mine.jsonl", f"{json.dumps(fine)}\n{json.dumps(row)}\n")
    with pytest.raises(BadInput, match=what) as told:
        import_ratings(store, path)
    assert str(told.value).startswith("mine.jsonl, line 2: ")
    assert (store.rated(), store.prompts(), store.users()) == ([], [], [])
