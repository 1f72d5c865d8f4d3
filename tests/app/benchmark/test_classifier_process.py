"""A text classifier as a rater over HTTP: its own process, its own sentences, and no life without its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from app import cli
from app.access import accounts
from app.benchmark.classifier_process import ClassifierProcess, open_rater
from ppo.demo.classifier import Classifier, load_classifier
from rater_data.errors import BadInput
from rater_data.rater_functions import ClassifierName
from tests import fake_worker
from tests.app.helpers import serving, wait_until
from tests.ppo.demo.sentiment_classifier import FEW_WORDS, train

TEXTS = [f" {adverb} {word}" for word in FEW_WORDS for adverb in ("", "very", "not")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sentiment")
    train(made, FEW_WORDS, texts=1500)
    return made


@pytest.fixture(scope="module")
def own(folder: Path) -> Classifier:
    """The same classifier, loaded here."""
    return load_classifier(ClassifierName(str(folder)), "cpu")


@pytest.fixture(scope="module")
def process(folder: Path) -> Iterator[ClassifierProcess]:
    with tempfile.TemporaryFile() as errors:
        made = ClassifierProcess(ClassifierName(str(folder), "POSITIVE"), errors)
        yield made
        made.close()
    assert not psutil.pid_exists(made.pid)


def card_of(*messages: str, continuation: bool) -> dict:
    return {"messages": [{"content": text} for text in messages], "continuation": continuation}


def test_a_response_alone_or_with_the_text_it_goes_on_in(process: ClassifierProcess, own: Classifier) -> None:
    chat, text = (card_of("awful", "It was bad and", continuation=on) for on in (False, True))
    alone, whole = own.scores([" good", "awful\nIt was bad and good"])
    assert abs(alone - whole) > 0.5
    assert process.rate(chat, " good", (1, 10)) == pytest.approx(alone, abs=1e-4)
    assert process.rate(text, " good", (1, 10)) == pytest.approx(whole, abs=1e-4)
    assert process.rate(chat, " good", (0, 1)) == pytest.approx((alone - 1) / 9, abs=1e-4)


def test_ratings_are_the_classifiers_scores_on_the_homes_scale(
    folder: Path, own: Classifier, tmp_path: Path
) -> None:
    plain = {"prompt_format": "plain"}
    with serving(tmp_path, scale="score_1_5") as live:
        fake_worker.generate(live.store, {"texts": TEXTS, "overlap": 1, "sample": plain})
        token = accounts.create_token(live.store, "op", "script", role="operator")
        asked = ["--url", live.url, "--token", token, "--ratings", "12", "--clients", "2"]
        done = CliRunner().invoke(cli.app, ["simulate", *asked, "--rater", f"hf:{folder}:positive"])
        rated = live.store.rated(1)
    assert done.exit_code == 0, done.output
    assert "12 ratings in" in done.output
    scores = own.scores([one.prompt.text + one.response.text for one in rated])
    on_scale = [1 + (score - 1) / 9 * 4 for score in scores]
    assert [one.rating.score for one in rated] == [float(round(value)) for value in on_scale]
    assert len({one.rating.score for one in rated}) > 1


def test_its_refusals_are_the_commands(tmp_path: Path) -> None:
    asked = ["simulate", "--url", "http://127.0.0.1:9", "--token", "rl-x", "--rater", f"hf:{tmp_path}"]
    done = CliRunner().invoke(cli.app, asked)
    assert done.exit_code == 1
    loading, sentence = done.output.splitlines()
    assert loading == f"Loading {tmp_path} …"
    assert sentence.startswith(f"Model '{tmp_path}': the folder holds no config.json.")


def test_one_that_is_killed_is_a_sentence(process: ClassifierProcess) -> None:
    first = process.score("good")
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: psutil.Process(process.pid).status() == "zombie", "its end")
    with pytest.raises(BadInput, match="ended with exit code -9"):
        process.score("bad")
    assert process.score("good") == first, "what is known is known"


def test_it_ends_with_a_killed_parent(folder: Path) -> None:
    code = (
        "import sys, time; from app.benchmark.classifier_process import ClassifierProcess; "
        "from rater_data.rater_functions import ClassifierName\n"
        "made = ClassifierProcess(ClassifierName(sys.argv[1]), sys.stderr.buffer)\n"
        "made.score('good'); print(made.pid, flush=True); time.sleep(300)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        assert psutil.Process(pid).is_running()
        parent.kill()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", "its end")


def test_a_function_needs_no_process(tmp_path: Path) -> None:
    (tmp_path / "taste.py").write_text("def words(prompt, response):\n    return len(response.split())\n")
    with open_rater(f"{tmp_path}/taste.py:words") as rate:
        assert rate(card_of("Why?", continuation=False), "three little words", (0, 1)) == 3
    with (
        pytest.raises(BadInput, match=r"neither FILE\.py:FUNCTION nor hf:MODEL:LABEL"),
        open_rater("brevity"),
    ):
        pass
