"""LLaMA-Factory's description of an export, and what it cannot load."""

import json
from pathlib import Path

import pytest

from rater_data.exporting import llama_factory
from rater_data.importing.import_files import import_ratings
from rater_data.records import Message, Prompt
from tests.rater_data.exporting.helpers import (
    llama_factory_rows,
    rows_of,
    run_export,
)


@pytest.mark.parametrize("format", llama_factory.COLUMNS)
@pytest.mark.parametrize("file_type", ["jsonl", "parquet"])
def test_llama_factory_is_told_what_it_is(rated, tmp_path, format, file_type):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "dataset_info.json").write_text('{"mine": {"file_name": "x.json"}}')
    out = folder / f"rated.{file_type}"
    done = run_export(
        tmp_path, "--format", format, "--as", file_type, "--out", out, "--llama-factory", "write"
    )
    assert done.exit_code == 0, done.stderr
    wanted = rows_of(rated.store, format=format)
    assert len(llama_factory_rows(folder, "rated")) == len(wanted)
    assert json.loads((folder / "dataset_info.json").read_text())["mine"] == {"file_name": "x.json"}
    printed = run_export(
        tmp_path, "--format", format, "--as", file_type, "--out", out, "--force", "--llama-factory", "print"
    )
    stanza = json.loads(printed.stdout[: printed.stdout.rindex("}") + 1])
    assert stanza["rated"] == json.loads((folder / "dataset_info.json").read_text())["rated"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "ratings", "--out", "a.jsonl"], "none of its forms"),
        (["--format", "unpaired", "--out", "a.txt"], "ending"),
        (["--format", "unpaired", "--out", "a", "--as", "dataset"], "ending"),
        (["--format", "unpaired", "--out", "a.jsonl", "--conversational"], "chats"),
    ],
)
def test_what_llama_factory_cannot_load_is_not_written(rated, tmp_path, monkeypatch, words, told):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    done = run_export(tmp_path, *words, "--llama-factory", "write")
    assert (done.exit_code, told in done.stderr) == (1, True)
    assert list(Path().iterdir()) == []
    Path("dataset_info.json").write_text("no json")
    done = run_export(tmp_path, "--format", "unpaired", "--out", "b.jsonl", "--llama-factory", "write")
    assert (done.exit_code, "mend it" in done.stderr) == (1, True)
    assert not Path("b.jsonl").exists()


def test_chats_are_told_from_texts_by_what_is_exported(store, tmp_path):
    chat = Prompt(
        messages=(Message(role="system", content="Brief."), Message(role="user", content="Hi?")),
        split="holdout",
    )
    line = {"messages": [{"role": m.role, "content": m.content} for m in chat.messages], "response": "yes"}
    (tmp_path / "in.jsonl").write_text(
        json.dumps(line | {"rating": 9, "split": "holdout"})
        + '\n{"prompt": "p", "response": "a", "rating": 3}\n'
    )
    import_ratings(store, tmp_path / "in.jsonl")
    assert isinstance(rows_of(store, format="unpaired")[0]["prompt"], list)
    assert isinstance(rows_of(store, format="unpaired", split="train")[0]["prompt"], str)


def test_llama_factory_is_told_why_these_are_chats(rated, tmp_path):
    words = ("--format", "preference", "--out", tmp_path / "a.jsonl", "--llama-factory", "print")
    assert (
        "--conversational makes all of them chats: leave it out"
        in run_export(tmp_path, *words, "--conversational").stderr
    )
    chat = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}
    rows = [chat | {"response": text, "rating": score} for text, score in (("a", 1), ("b", 9))]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    import_ratings(rated.store, tmp_path / "in.jsonl")
    said = run_export(tmp_path, *words).stderr
    assert "one that has several messages makes all of them chats" in said and "--conversational" not in said
    assert run_export(tmp_path, *words, "--round", "1").exit_code == 0
