"""The command line: what it prints, how it fails, and that nobody sees a traceback."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.round_settings import ENGINE_REPORT, RATER_REVIEW, SET_ASIDE
from rater_data.store import Store
from tests.paths import GOLDEN, ROOT
from tests.rater_data.store_world import make_world, open_store, rate_next

FIVE = GOLDEN / "five_ratings.jsonl"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("RATELOOP_HOME", str(tmp_path / "home"))

    def call(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return call


def test_from_nothing_to_an_export(run, tmp_path):
    assert run("init").stdout.rstrip().endswith("prompts added.")
    assert run("init").stdout.rstrip().endswith("0 prompts added.")
    (tmp_path / "mine.txt").write_text("One?\nTwo?\nOne?\n")
    assert run("import-prompts", tmp_path / "mine.txt", "--split", "holdout").stdout == (
        "3 rows read as prompts from lines of text.\n2 prompts added, 1 duplicates left out.\n"
    )
    assert run("import-ratings", FIVE).stdout.endswith(".\n5 ratings added, 0 were there already.\n")
    done = run("export", "--format", "ratings", "--as", "csv", "--out", tmp_path / "out.csv")
    assert (done.exit_code, done.stdout) == (0, f"5 ratings written to {tmp_path / 'out.csv'}.\n")
    again = run("export", "--as", "csv", "--out", tmp_path / "out.csv")
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)
    assert run("export", "--as", "csv", "--out", tmp_path / "out.csv", "--force").exit_code == 0


def test_stats_tell_what_the_trainer_knows_of_raters(run, tmp_path):
    """In a table of its own, where its look has anything of them."""
    world = make_world(tmp_path / "home")
    for rater in world.raters:
        rate_next(world.store, rater)
    assert "slope" not in run("stats").stdout
    given = {"mean": -0.6, "low": -0.9, "high": -0.2, "n": 4}
    known = {"shared": 4, "by_head": 0, "slope": given, "noise": given, "direction": given}
    rows = [{"rater_id": world.rater.id, **known}, {"rater_id": world.raters[1].id, **known, "shared": 0}]
    review = {"ratings": 0, "of": 9, "raters": rows, "findings": [], "head": {}}  # too old for offsets
    world.store.set_setting(RATER_REVIEW, review)
    told = run("stats").stdout
    world.store.close()
    assert [line.split() for line in told.splitlines()].count(["Rater", "slope", "noise", "direction"]) == 1
    assert told.count("-0.60") == 3 and "-0.90 … -0.20" in told
    assert "By the trainer's last look, at 0 of 9 ratings: Slope: how many points" in " ".join(told.split())


def test_a_home_whose_raters_compare(run, tmp_path):
    assert run("init", "--scale", "pair").exit_code == 0
    pairs = [{"prompt": "p", "chosen": "a", "rejected": other, "rater": "Ann"} for other in "bc"]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    assert "2 ratings added" in run("import-ratings", tmp_path / "pairs.jsonl").stdout
    with closing(Store.open(tmp_path / "home")) as store:
        assert [(one.user.name, one.ratings) for one in store.rater_stats()] == [("Ann", 2)]
    for scale, told in (
        ("score_1_10", "has ratings on the scale pair"),
        ("stars", "is not known: use one of"),
    ):
        done = run("init", "--scale", scale)
        assert (done.exit_code, told in done.stderr) == (1, True)


def test_pairs(run, tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=2)
    for score in (2, 9):
        rate_next(world.store, world.rater, score)
    world.store.close()
    out = tmp_path / "pairs.jsonl"
    done = run("export", "--format", "preference", "--out", out, "--min-margin", "3")
    assert done.stdout == f"1 pairs written to {out}.\n"
    assert json.loads(out.read_text())["margin"] == 7.0


def test_status(run, tmp_path):
    world = make_world(tmp_path / "home")
    rate_next(world.store, world.rater)
    world.store.enqueue("train", {"round": 1})
    world.store.close()
    shown = run("status").stdout
    for line in ("Prompts", "3 (0 holdout)", "Round 1: Open for rating", "1 of 12", "train, queued"):
        assert line in shown


def test_status_tells_what_went_wrong(run, tmp_path):
    store = open_store(tmp_path / "home")
    job = store.enqueue("generate", {})
    store.claim("trainer")
    store.fail(job.id, "trainer", "The model cannot be had.")
    store.set_setting(
        SET_ASIDE,
        {"round": 1, "prompts": {str(i): {"text": f"And {i}?", "why": "No user turn."} for i in range(12)}},
    )
    report = {
        "model": "mine",
        "says": "Plain path, which is slower.",
        "notes": ["The experts are left alone."],
    }
    store.set_setting(ENGINE_REPORT, report)
    store.close()
    shown = " ".join(run("status").stdout.split())
    for line in (
        "State Getting ready: Writing stopped",
        "The first responses could not be written: The model cannot be had. No trainer",
        "The console offers “Try again”",
        "Set aside And 0?: No user turn.",
        "… and 2 prompts more",
        "Model mine. Plain path, which is slower. The experts are left alone.",
    ):
        assert line in shown, shown


READS = [["verify"], ["export", "--out", "x.jsonl"], ["stats"], ["purge", "--rater", "Anna"], ["status"]]


@pytest.mark.parametrize("words", READS)
def test_a_command_that_looks_at_a_store_makes_none(run, tmp_path, monkeypatch, server, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "foreign.db").touch()
    (tmp_path / "other.db").touch()
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE mine (x)")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    empty = server.new(empty=True)
    places = [
        [],
        *(["--database", f"sqlite:///{tmp_path / name}.db"] for name in ("typo", "foreign", "other")),
    ]
    for place in (*places, ["--database", f"sqlite:///{tmp_path}/none/x.db"], ["--database", empty]):
        done = run(*words, *place)
        assert (done.exit_code, done.exception.__class__) == (1, SystemExit), done.output
        assert done.stderr.startswith("There is no store at "), done.stderr
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    assert server.tables(empty) == 0
    server.drop(empty)
    done = run(*words, "--home", tmp_path / "none")
    assert done.stderr.startswith("There is no home folder at ")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["status"], "no home folder"),
        (["export", "--out", "x.jsonl"], "no home folder"),
        (["import-prompts", "none.txt"], "does not exist"),
        (["import-ratings", "none.txt"], "has to end in"),
        (["init", "--home", __file__], "is a file"),
    ],
)
def test_errors_are_one_sentence_on_stderr(run, words, told):
    done = run(*words)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert isinstance(done.exception, SystemExit)


def test_a_bad_row_leaves_the_home_as_it_was(run, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"prompt": "a", "response": "b", "rating": 5}\n{"prompt": "a"}\n')
    done = run("import-ratings", tmp_path / "bad.jsonl")
    assert (done.exit_code, done.stderr[:21]) == (1, "bad.jsonl, line 2: th")
    store = Store.open(tmp_path / "home")
    assert (store.prompts(), store.rated()) == ([], [])
    store.close()


def test_as_a_program(tmp_path):
    root = ROOT
    command = [sys.executable, "-W", "error", "-m", "rater_data"]
    done = subprocess.run(
        [*command, "status", "--home", tmp_path / "none"], cwd=root, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("There is no home folder at")
    shown = subprocess.run([*command, "--help"], cwd=root, capture_output=True, text=True, env=os.environ)
    for name in ("init", "import-prompts", "import-ratings", "export", "status"):
        assert name in shown.stdout
