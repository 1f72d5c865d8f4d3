"""The commands that bring data in: what they say, how they fail, and that the page about them names what exists."""

import json
import re
import tempfile
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.importing.layouts.table import LAYOUTS
from rater_data.store import Store
from tests.paths import DOCS

PAGE = (DOCS / "imports.md").read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("RATELOOP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return call


def lines(name: str, *rows: dict) -> Path:
    path = Path(name)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_dry_run_says_what_would_be_and_does_nothing(run):
    pair = {"prompt": "p", "chosen": "a", "rejected": "b"}
    path = lines("pairs.jsonl", pair, pair, {"prompt": "p", "chosen": "a"})
    words = ("import-ratings", path, "--chosen-score", "8", "--rejected-score", "3")
    dry = run(*words, "--dry-run")
    assert dry.exit_code == 1
    assert dry.stdout.splitlines() == [
        "This is a dry run: nothing was imported.",
        "3 rows read as preference from JSON lines.",
        "2 ratings would be added, 2 were there already.",
        "2 of those are twice in the file.",
        "New with them: 1 prompts, 2 responses, 1 raters.",
        "1 bad rows left out.",
    ]
    assert dry.stderr == "pairs.jsonl, line 3: chosen and rejected have to be there, and filled.\n"
    assert not Path("pairs.jsonl.rejected.jsonl").exists()
    assert run(*words).stderr == (
        "pairs.jsonl, line 3: chosen and rejected have to be there, and filled. Nothing of the file was imported.\n"
    )
    done = run(*words, "--skip-bad")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (
        0,
        "1 bad rows left out. pairs.jsonl.rejected.jsonl has them with the reasons.",
    )
    assert json.loads(Path("pairs.jsonl.rejected.jsonl").read_text())["line"] == 3
    assert run("import-ratings", path, "--skip-bad").stderr.startswith(
        "Raters of this home give scores (score_1_10)"
    )
    assert run("verify").exit_code == 0


CARD = """---
configs:
- config_name: main
  data_files: [{split: train, path: a.jsonl}, {split: test, path: b.jsonl}]
- config_name: other
  data_files: a.jsonl
---
"""


def test_prompts_of_a_dataset_by_its_own_columns(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    Path("some/questions").mkdir(parents=True)
    Path("some/questions/README.md").write_text(CARD)
    lines("some/questions/a.jsonl", {"question": "No?"})
    lines("some/questions/b.jsonl", {"question": "Hi?"}, {"question": "Ho?"}, {"question": None})
    words = ("import-prompts", "--dataset", "some/questions", "--config", "main", "--map", "prompt=question")
    assert run(*words, "--split", "test").stderr.startswith(
        "some/questions (test), row 3: there is no prompt"
    )
    done = run(*words, "--split", "test", "--skip-bad").stdout.splitlines()
    assert "2 prompts added, 0 duplicates left out." in done
    assert Path("some-questions.rejected.jsonl").is_file()


def test_responses(run):
    path = lines("r.jsonl", {"prompt": "p", "response": "a"}, {"prompt": "p", "response": "b"})
    assert run("import-responses", path).stdout.splitlines() == [
        "2 rows read as responses from JSON lines.",
        "2 responses added, 0 were there already.",
        "New with them: 1 prompts.",
    ]
    assert run("import-responses", path, "--offer").stdout.endswith(
        "\n0 responses added, 2 were there already.\n"
    )
    store = Store.open("home")
    rater = store.add_user("Anna", "rater")
    assert store.next_card(rater.id).text in ("a", "b")
    store.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["import-ratings"], "Name a file or a --dataset"),
        (["import-prompts", "x.txt", "--dataset", "y"], "one of the two"),
        (["import-ratings", "x.jsonl", "--split", "train"], "--split chooses a part of a dataset's folder"),
        (["import-prompts", "x.jsonl", "--split", "test"], "train, holdout"),
        (["import-prompts", "x.jsonl", "--map", "prompt"], "--map prompt is not understood"),
        (["import-ratings", "x.jsonl", "--scores", "5"], "--scores 5 is not understood"),
        (["import-ratings", "x.jsonl", "--scores", "5:5"], "has to go up"),
        (["import-ratings", "x.jsonl", "--chosen-score", "11"], "outside 1–10"),
        (["import-ratings", "none.jsonl"], "does not exist"),
        (["import-ratings", "."], "without a dataset in it"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(run, words, told):
    lines("x.jsonl", {"prompt": "p", "response": "r", "rating": 5})
    done = run(*words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("question;answer;rating\na;b;3\n", "the columns are 'question', 'answer', 'rating'."),
        ("question,answer,rating\na,b,3\n", "the columns are 'question', 'answer', 'rating'."),
    ],
)
def test_who_looks_for_a_prompt_is_told_the_columns_there_are(run, text, told):
    Path("semi.csv").write_text(text)
    done = run("import-ratings", "semi.csv")
    assert done.exit_code == 1
    assert "semi.csv, line 2: there is no prompt" in done.stderr and told in done.stderr


def test_the_page_names_what_exists():
    commands = typer.main.get_command(app).commands
    for name in re.findall(r"python -m rater_data ([a-z-]+)", PAGE):
        assert name in commands
    known = {
        flag for command in commands.values() for p in command.params for flag in (*p.opts, *p.secondary_opts)
    }
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= known
    layouts = set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE))
    assert layouts == set(LAYOUTS)


COMMANDS = ("import-prompts", "import-responses", "import-ratings")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("words", [("gone.jsonl",), ("a.doc",), (), ("a.jsonl", "--dataset", "b"),
                                   ("a.jsonl", "--config", "c"), ("a.jsonl", "--map", "prompt")])  # fmt: skip
def test_a_mistyped_command_makes_no_home(run, tmp_path, command, words):
    lines("a.jsonl", {"prompt": "p", "response": "r", "rating": 5})
    done = run(command, *words)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dry_run_where_there_is_no_store_leaves_nothing(run, tmp_path, monkeypatch, command):
    lines("a.jsonl", {"prompt": "p", "response": "r", "rating": 5})
    (tmp_path / "aside").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "aside"))
    dry = run(command, "a.jsonl", "--dry-run")
    assert (dry.exit_code, dry.stderr) == (0, "")
    assert f"1 {command.partition('-')[2]} would be added" in dry.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name != "aside"] == ["a.jsonl"]
    assert list((tmp_path / "aside").iterdir()) == []
    run(command, "a.jsonl")
    assert "0 " + command.partition("-")[2] in run(command, "a.jsonl", "--dry-run").stdout
