"""`python -m ppo classify`: JSON lines in, scores out, for programs that wait for each answer and for whole files."""

import json
import os
import subprocess
import sys
import threading

import pytest

from ppo.demo.classifier import load_classifier
from ppo.demo.classify_lines import classify_lines
from rater_data.errors import BadInput
from rater_data.rater_functions import ClassifierName


@pytest.fixture(scope="module")
def classifier(sentiment):
    return load_classifier(ClassifierName(str(sentiment)), "cpu")


def answers(classifier, text, *, plain=False):
    """What is written for a whole text that is there from the start."""
    source, target = os.pipe()
    written = []

    def fill():
        with os.fdopen(target, "wb") as file:
            file.write(text.encode())

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        classify_lines(classifier, plain, source, written.append)
    finally:
        os.close(source)
        filler.join()
    return [json.loads(line)["score"] for line in "".join(written).splitlines()]


def lines_of(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_score_for_every_line(classifier):
    texts = [f"{word} film {'very ' * (n % 7)}{word}" for n in range(300) for word in ("good", "awful")]
    rows = [{"prompt": "What?", "response": text} for text in texts]
    scores = answers(classifier, lines_of(*rows))
    assert scores == pytest.approx(classifier.scores(texts), abs=1e-5)
    assert answers(classifier, lines_of(*rows[:2])[:-1]) == pytest.approx(scores[:2], abs=1e-5), "no last \\n"
    assert answers(classifier, "\n" + lines_of(rows[0]) + "\n") == pytest.approx(scores[:1], abs=1e-5)
    assert answers(classifier, "") == []


def test_prompt_and_continuation_are_one_text(classifier):
    row = lines_of({"prompt": "This was awful and", "response": " good"})
    assert answers(classifier, row) == pytest.approx(classifier.scores([" good"]))
    assert answers(classifier, row, plain=True) == pytest.approx(
        classifier.scores(["This was awful and good"])
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "Line 2 is no JSON"),
        ('{"prompt": "a"}', 'Line 2 has no text "response"'),
        ('{"response": "a"}', 'Line 2 has no text "prompt"'),
        ('{"prompt": "a", "response": 3}', 'Line 2 has no text "response"'),
        ("[]", 'Line 2 has no text "prompt"'),
    ],
)
def test_a_bad_line_is_named(classifier, line, words):
    with pytest.raises(BadInput, match=words):
        answers(classifier, '{"prompt": "a", "response": "b"}\n' + line + "\n", plain=True)


def test_the_command_answers_each_line_and_says_what_is_wrong(sentiment, classifier):
    command = [sys.executable, "-m", "ppo", "classify", "--model", str(sentiment), "--device", "cpu"]
    with subprocess.Popen(
        [*command, "--label", "negative"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for text in ("good", "bad"):
            process.stdin.write(lines_of({"response": text}))
            process.stdin.flush()
            score = json.loads(process.stdout.readline())["score"]
            assert score == pytest.approx(11 - classifier.scores([text])[0], abs=1e-4)
        _, errors = process.communicate("nonsense\n", timeout=60)
    assert process.returncode == 1
    assert errors == "Line 3 is no JSON: Expecting value: line 1 column 1 (char 0).\n"
