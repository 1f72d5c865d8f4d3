"""The card of a dataset claims nothing that is not so: of imported ratings, of qualities, of files on the hub."""

import hashlib
import json
import re
import subprocess

import datasets
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.exporting import hub
from rater_data.exporting.export import export
from rater_data.exporting.formats.base import stream_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.importing.import_files import import_ratings
from tests.rater_data.store_world import make_world, rate_next, rating

BLIND = "one at a time, blind"
UNKNOWN = "How those were given is not known here"


@pytest.fixture
def world(tmp_path, backend):
    made = make_world(tmp_path / "home", prompts=2, k=3, overlap=2)
    yield made
    made.store.close()


def bring(world, folder, count=3):
    rows = [{"prompt": f"p{i}", "response": "r", "rating": 4, "rater": "Elsewhere"} for i in range(count)]
    (folder / "theirs.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    import_ratings(world.store, folder / "theirs.jsonl")


def card(world, folder, **wish):
    export(world.store, folder / "set", file_type="dataset", force=True, **wish)
    return (folder / "set" / "README.md").read_text("utf-8")


def one_line(text):
    return " ".join(text.split())


def test_of_imported_ratings_no_protocol_is_claimed(world, tmp_path):
    bring(world, tmp_path)
    text = one_line(card(world, tmp_path))
    assert BLIND not in text and "shuffled" not in text
    assert "3 ratings, by 1 raters, were imported from files (prompts came from: `theirs.jsonl`)" in text
    assert UNKNOWN in text
    assert "as raters saw it" not in text
    assert "the responses come from files, which do not say what wrote them" in text
    assert "trained from it" not in text and "Later rounds" not in text


def test_what_was_given_here_and_what_was_imported_are_told_apart(world, tmp_path):
    for score in (3, 8):
        rate_next(world.store, world.rater, score)
    alone = one_line(card(world, tmp_path))
    assert "People rated responses of a language model one at a time, blind" in alone
    assert UNKNOWN not in alone and "`control`" not in alone and "come from files" not in alone
    assert "those of `tiny` and of what was trained from it" in alone
    bring(world, tmp_path)
    both = one_line(card(world, tmp_path))
    assert "2 ratings were given in Rateloop. People rated" in both
    assert "3 ratings, by 1 raters, were imported" in both and UNKNOWN in both
    assert "trained from it; others come from files" in both
    assert "5 ratings that count now, by 2 raters; the most active one gave 3." in both
    ours = one_line(card(world, tmp_path, round_number=1))
    assert UNKNOWN not in ours and BLIND in ours


def test_an_imported_response_that_is_rated_here_was_rated_here(world, tmp_path):
    bring(world, tmp_path)
    theirs = next(one for one in world.store.responses(0))
    with world.store.writing() as connection:
        from rater_data.store.cards.ratings import insert_rating

        insert_rating(connection, rating(theirs.id, world.rater.id, 9), 1.0)
    text = one_line(card(world, tmp_path))
    assert "1 ratings were given in Rateloop" in text and "3 ratings, by 1 raters, were imported" in text


def test_figures_of_qualities_are_of_those_who_answered_for_them(world, tmp_path):
    one, two = world.raters
    for score in (3, 8, 5):
        rate_next(world.store, one, score, attributes={"helpful": score // 2})
    for score in (2, 9, 4, 6):
        rate_next(world.store, two, score)
    text = one_line(card(world, tmp_path, format="helpsteer"))
    assert "3 ratings that answer for qualities, by 1 raters; the most active one gave 3." in text
    assert "`helpfulness`: Agreement is not known" in text
    assert "- 1: Not at all" in text and "Just what I wanted" not in text


def test_agreement_on_qualities_is_told_for_each(world, tmp_path):
    one, two = world.raters
    for rater in (one, two):
        for response in world.store.responses(1)[:4]:
            about = {"helpful": 1 + response.slot % 5, "wit": 3 if rater is one else 5}
            with world.store.writing() as connection:
                from rater_data.store.cards.ratings import insert_rating

                insert_rating(connection, rating(response.id, rater.id, 5, attributes=about), 1.0)
    text = one_line(card(world, tmp_path, format="helpsteer"))
    assert "8 ratings that answer for qualities, by 2 raters; the most active one gave 4." in text
    assert re.search(r"`helpfulness`: Krippendorff's alpha .* is 1\.00, .*? on n = 4 responses", text)
    assert "`wit`: Krippendorff's alpha" in text


# ---- HelpSteer's columns


def qualities(world):
    return [
        row
        for some in stream_rows(world.store, ExportRequest(format="helpsteer")).batches
        for row in some.batch.to_pylist()
    ]


def test_two_qualities_of_one_column_are_averaged(world):
    rate_next(world.store, world.rater, 7, attributes={"helpful": 1, "helpfulness": 5, "clear": 4})
    (row,) = qualities(world)
    assert (row["helpfulness"], row["coherence"]) == (2, 3)


def test_who_could_not_judge_says_nothing_of_qualities(world):
    store, (one, two) = world.store, world.raters
    rate_next(store, one, verdict="cannot_judge", attributes={"helpful": 1})
    rate_next(store, two, verdict="skip", attributes={"helpful": 1})
    kept = rate_next(store, two, 8, attributes={"helpful": 5})
    bad = rate_next(store, two, verdict="broken", attributes={"helpful": 2})
    found = {row["response"]: row["helpfulness"] for row in qualities(world)}
    assert found == {store.response(kept.response_id).text: 4, store.response(bad.response_id).text: 1}


# ---- on the hub, and again


def test_a_pushed_card_names_no_checksum_of_other_bytes(world, tmp_path, monkeypatch):
    rate_next(world.store, world.rater, 7)
    text = card(world, tmp_path)
    sent = []
    monkeypatch.setattr(datasets.DatasetDict, "push_to_hub", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.upload_file", lambda **more: sent.append(more))
    hub.push(tmp_path / "set", "me/ratings")
    pushed = sent[0]["path_or_fileobj"].decode()
    assert "rateloop.sha256" in text and re.search("[0-9a-f]{64}", text.partition("## Reproduce")[2])
    assert "rateloop.sha256" not in pushed and not re.search("[0-9a-f]{64}", pushed)
    assert text.startswith(pushed) and pushed.rstrip().endswith("```")
    assert (tmp_path / "set" / "README.md").read_text("utf-8") == text, "the folder's own stays"
    for path in (tmp_path / "set" / "data").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text


def test_the_command_on_the_card_is_exact():
    words = ExportRequest(format="preference", min_margin=0.123456789).command("a").split()
    assert float(words[words.index("--min-margin") + 1]) == 0.123456789
    words = ExportRequest(format="unpaired", threshold=1 / 3).command("a").split()
    assert float(words[words.index("--threshold") + 1]) == 1 / 3


# ---- what `datasets` makes of the folder


def test_a_later_export_is_loaded_and_not_what_is_left_of_an_earlier_one(world, tmp_path):
    """`datasets` keeps what it loaded under a key: one that leaves the content out would give the old rows again."""
    found = []
    for count in (2, 5):
        bring(world, tmp_path, count)
        export(world.store, tmp_path / "set", file_type="dataset", force=True)
        found.append(datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache")))
    assert [sum(loaded.num_rows.values()) for loaded in found] == [2, 5]


def test_each_part_is_a_split_of_its_own_name(world, tmp_path):
    bring(world, tmp_path, 60)
    export(world.store, tmp_path / "set", file_type="dataset")
    loaded = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    written = {
        part.name.split("-")[0]: pq.ParquetFile(part).metadata.num_rows
        for part in (tmp_path / "set" / "data").iterdir()
    }
    assert set(written) == {"train", "validation", "test"} and loaded.num_rows == written


def test_the_card(rated, tmp_path):
    export(
        rated.store,
        tmp_path / "set",
        format="preference",
        file_type="dataset",
        min_margin=0.5,
        same_rater=True,
    )
    text = (tmp_path / "set" / "README.md").read_text("utf-8")
    head = yaml.safe_load(text.split("---")[1])
    assert head["task_categories"] == ["text-generation"]
    # files that the card names are kept in the cache of `datasets` under their names, whatever is in them
    assert "configs" not in head
    for wanted in (
        "- 10: Just what I wanted",
        "`broken`: Gibberish",
        "8 ratings that count now, by 3 raters",
        "Krippendorff's alpha",
        "n = ",
        "Known biases",
        "Personal data",
        "`margin`: double",
        "export --format preference --as dataset --out set --min-margin 0.5 --same-rater",
    ):
        assert wanted in text, wanted
    assert str(tmp_path) not in text
    assert not any(user.name in text for user in rated.store.users() if user.name != "C")
    for path in (tmp_path / "set" / "data").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    done = subprocess.run(["sha256sum", "-c", "rateloop.sha256"], cwd=tmp_path / "set", capture_output=True)
    assert done.returncode == 0


def test_the_command_on_the_card_makes_the_same_again(rated, tmp_path, monkeypatch):
    wish = ExportRequest(format="unpaired", file_type="jsonl", threshold=4.5, since=1.0, round_number=1, split="train",
                conversational=True)  # fmt: skip
    export(rated.store, tmp_path / "a.jsonl", **{n: getattr(wish, n) for n in ExportRequest.__slots__})
    monkeypatch.chdir(tmp_path)
    words = wish.command("b.jsonl").split()[3:]
    done = CliRunner().invoke(app, [*words, "--home", str(tmp_path / "home")])
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
