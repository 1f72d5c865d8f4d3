"""Exports of what a model was told, and of texts that it went on with: there and back again."""

import pytest

from rater_data.errors import BadInput
from rater_data.exporting.export import export
from rater_data.importing.import_files import import_ratings
from rater_data.records import Message, Prompt
from rater_data.round_settings import is_continuation, system_prompt
from tests.rater_data.exporting.helpers import FORMS, read_jsonl, rows_of
from tests.rater_data.store_world import file_store, rate_next, response, version

RULES = "Be *brief*: `one` line.\nNo lists."
GOING_ON = [" was a delight", ", they said,\n\twas not"]


def round_of(store, texts, sample):
    """The next round, rated by one: the first prompts are answered by `texts`, from the worst to the best."""
    rater = store.users()[0] if store.users() else store.add_user("Ann", "rater")
    last = store.round()
    if last is not None:
        store.set_round_state(last.number, "rolled_back")
    number = store.start_round({"quota": 2, "sample": sample}, 0).number
    prompts = store.prompts()
    store.add_responses(
        [
            response(prompts[i // len(texts)].id, i, round_number=number, text=texts[i % len(texts)])
            for i in range(len(texts) * len(prompts))
        ]
    )
    store.set_round_state(number, "rating")
    while (card := store.next_card(rater.id)) is not None:
        rate_next(store, rater, 2.0 + 4 * texts.index(card.text))
    return number


@pytest.fixture
def store(tmp_path):
    made = file_store(tmp_path / "home")
    made.add_prompts([Prompt.of("The film\nfrom 1994", split="train")])
    made.add_version(version(0, status="current"))
    yield made
    made.close()


def test_a_continuation_is_two_texts_that_joined_are_what_was_read(store):
    round_of(store, GOING_ON, {"prompt_format": "plain", "system": RULES})
    (pair,) = rows_of(store, format="preference")
    assert (pair["prompt"], pair["chosen"], pair["rejected"]) == ("The film\nfrom 1994", *GOING_ON[::-1])
    for format in ("prompt-completion", "unpaired"):
        whole = {row["prompt"] + row["completion"] for row in rows_of(store, format=format)}
        assert whole == {"The film\nfrom 1994 was a delight", "The film\nfrom 1994, they said,\n\twas not"}
    with pytest.raises(BadInput, match="no chats, and --conversational makes chats of all: leave it out"):
        rows_of(store, format="preference", conversational=True)


def test_several_messages_are_continued_as_the_text_that_the_model_was_given(store):
    turns = (Message(role="assistant", content="Once"), Message(role="user", content="upon a"))
    store.add_prompts([Prompt(messages=turns, split="train")])
    round_of(store, [" time", " hill"], {"prompt_format": "plain"})
    prompts = {row["prompt"] for row in rows_of(store, format="prompt-completion")}
    assert "Once\nupon a" in prompts


def test_an_answer_and_a_continuation_are_no_pair(store):
    answered = round_of(store, ["Good.", "Bad."], {"prompt_format": "chat", "system": RULES})
    continued = round_of(store, GOING_ON, {"prompt_format": "plain"})
    sides = {(row["chosen"], row["rejected"]) for row in rows_of(store, format="preference")}
    assert sides == {("Bad.", "Good."), (GOING_ON[1], GOING_ON[0])}
    told = {row["round"]: (row["prompt_format"], row["system_prompt"]) for row in rows_of(store)}
    assert told == {answered: ("chat", RULES), continued: ("plain", "")}


def test_chats_and_continuations_in_one_column_are_refused(store):
    round_of(store, ["Good.", "Bad."], {"prompt_format": "chat"})
    chat = tuple(Message(role=r, content=c) for r, c in (("user", "A"), ("assistant", "B"), ("user", "C")))
    store.add_prompts([Prompt(messages=chat, split="train")])
    round_of(store, ["Yes.", "No."], {"prompt_format": "chat"})
    rows_of(store, format="preference")  # chats alone are
    round_of(store, GOING_ON, {"prompt_format": "plain"})
    with pytest.raises(BadInput, match="export the rounds apart"):
        rows_of(store, format="preference")
    assert len(rows_of(store, format="preference", round_number=3)) == 2


def test_a_chat_says_what_the_model_was_told_and_a_text_has_no_place_for_it(store):
    round_of(store, ["Good.", "Bad."], {"system": RULES})
    round_of(store, ["Good.", "Worse."], {"system": "Ramble."})
    assert {row["prompt"] for row in rows_of(store, format="preference")} == {"The film\nfrom 1994"}
    # as texts the two rounds' answers are compared with each other, too
    assert len(rows_of(store, format="preference")) == 2 and len(rows_of(store, format="unpaired")) == 3
    chats = rows_of(store, format="preference", conversational=True)
    assert [[m["content"] for m in row["prompt"]] for row in chats] == [
        [RULES, "The film\nfrom 1994"],
        ["Ramble.", "The film\nfrom 1994"],
    ]
    assert [m["role"] for m in chats[0]["prompt"]] == ["system", "user"]


def test_a_system_message_of_the_prompts_own_stands_alone(store):
    own = (Message(role="system", content="Be a pirate."), Message(role="user", content="Hello?"))
    store.add_prompts([Prompt(messages=own, split="train")])
    round_of(store, ["Ahoy.", "Hi."], {"system": RULES})
    prompts = [row["prompt"] for row in rows_of(store, format="preference", conversational=True)]
    assert [[m["content"] for m in prompt] for prompt in prompts] == [
        [RULES, "The film\nfrom 1994"],
        ["Be a pirate.", "Hello?"],
    ]


@pytest.mark.parametrize("file_type", FORMS)
def test_our_own_export_brings_back_what_was_told(store, tmp_path, file_type):
    round_of(store, ["Good.", "Bad."], {"prompt_format": "chat", "system": RULES})
    round_of(store, GOING_ON, {"prompt_format": "plain"})
    round_of(store, ["Good.", "Worse."], {})
    file = tmp_path / FORMS[file_type]
    export(store, file, format="ratings", file_type=file_type)
    there = file_store(tmp_path / "there")
    import_ratings(there, file)
    told = [(is_continuation(r.config), system_prompt(r.config)) for r in there.rounds()]
    assert told == [(False, RULES), (True, ""), (False, "")]
    assert [r.text for r in there.responses(2)] == GOING_ON
    for name, home in (("one", store), ("two", there)):
        export(home, tmp_path / f"{name}.jsonl", format="preference")
    pairs = [
        [
            (row["prompt"], row["chosen"], row["rejected"], row["margin"])
            for row in read_jsonl(tmp_path / name)
        ]
        for name in ("one.jsonl", "two.jsonl")
    ]
    assert pairs[0] == pairs[1] and len(pairs[0]) == 3
    there.close()


@pytest.mark.parametrize("file_type", ["jsonl", "csv", "parquet"])
def test_texts_for_trainers_keep_their_first_blank_on_the_way_back(store, tmp_path, file_type):
    round_of(store, [" was a delight", "\n- a list", " "], {"prompt_format": "plain"})
    file = tmp_path / FORMS[file_type]
    export(store, file, format="prompt-completion", file_type=file_type)
    there = file_store(tmp_path / "there")
    import_ratings(there, file)
    assert {r.text for r in there.responses(0)} == {" was a delight", "\n- a list", " "}
    there.close()


def test_an_old_export_says_nothing_of_it_and_nothing_is_made_up(store, tmp_path):
    round_of(store, ["Good.", "Bad."], {"system": RULES})
    export(store, tmp_path / "a.jsonl", format="ratings")
    text = (tmp_path / "a.jsonl").read_text("utf-8")
    old = text.replace('"prompt_format"', '"unknown"').replace('"system_prompt"', '"unknown_too"')
    (tmp_path / "old.jsonl").write_text(old, "utf-8")
    there = file_store(tmp_path / "there")
    import_ratings(there, tmp_path / "old.jsonl")
    assert "sample" not in there.round(1).config
    assert {(row["prompt_format"], row["system_prompt"]) for row in rows_of(there)} == {(None, None)}
    there.close()


def test_the_card_of_a_dataset_says_what_was_told(store, tmp_path):
    round_of(store, ["Good.", "Bad."], {"prompt_format": "chat", "system": RULES})
    export(store, tmp_path / "chats", format="preference", file_type="dataset")
    chats = (tmp_path / "chats" / "README.md").read_text("utf-8")
    assert r"The model was told, before each chat" in chats
    assert "`Be *brief*: 'one' line.\\nNo lists.`" in chats, "in one line, and it ends no code span"
    assert "go on with their prompt's text" not in chats
    round_of(store, GOING_ON, {"prompt_format": "plain"})
    export(store, tmp_path / "both", format="preference", file_type="dataset")
    both = (tmp_path / "both" / "README.md").read_text("utf-8")
    assert "Some responses go on with their prompt's text" in both
