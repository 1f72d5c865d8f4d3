"""What `python -m ppo demo` prints and refuses; the run itself is in test_ring.py."""

import json
import random
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from ppo.algorithm import measures
from ppo.cli.main import cli
from ppo.config import Config
from ppo.demo import demo, tables
from ppo.demo.classifier import load_classifier
from rater_data.errors import BadInput, Missing, RateloopError
from rater_data.rater_functions import ClassifierName
from rater_data.records import Message, Prompt, User

ROW = {
    "round": 1,
    "version": 1,
    "state": "published",
    "true_mean": 6.5,
    "true_ci": [5.5, 7.5],
    "gain": 3.0,
    "gain_ci": [2.0, 4.0],
    "helped": True,
    "kl": 5.2,
    "length": 20.0,
    "eos_share": 0.5,
    "distinct_2": 0.91,
    "head_spearman": 0.6,
    "head_pair_accuracy": 0.7,
    "of_version": 0,
    "verdict": "open",
    "verdict_gain": None,
    "named": [],
    "seconds": {"rate": 1.0, "PPO on rollouts": 100.0, "Loading the model": 9.0, "evaluate": 5.0},
}
START = {**ROW, "round": 0, "version": 0, "head_spearman": None, "head_pair_accuracy": None, "seconds": {}}


def printed(row):
    start = {k: v for k, v in START.items() if not k.startswith("gain")}
    console = Console(record=True, width=200)
    result = {"rater": "brevity", "seed": 0, "ratings": 64, "rounds": [start, row]}
    tables.print_demo(console, result, [[("Q?", "[b]long[/b]")], [("Q?", "short")]])
    return console.export_text()


def test_the_table_has_every_number():
    text = printed(ROW)
    for part in ("6.50 (5.50 … 7.50)", "+3.00 (+2.00 … +4.00)", "5.2", "20.0", "50%", "0.91", "0.60", "0.70"):
        assert part in text
    assert "[b]long[/b]" in text, "what a model wrote is text, not markup"


def test_what_a_score_is_worth():
    picked = {"of": 16.0, "score_gain": 1.25, "gain": 0.9, "gain_ci": [0.5, 1.3], "kl": 1.835}
    text = printed({**ROW, "score_gain": 0.75, "best_of": picked})
    for part in (
        "Score +0.75",
        "+3.00 points",
        "favourite of 16",
        "+1.25",
        "+0.90 (+0.50 … +1.30)",
        "1.8 nats",
    ):
        assert part in text
    assert "favourite" not in printed({**ROW, "score_gain": 0.75, "best_of": None})


def test_what_the_operator_read_before_a_training():
    text = printed(
        {
            **ROW,
            "of_version": 3,
            "verdict": "hurt",
            "verdict_gain": [-1.0, -1.5, -0.5],
            "named": [["rater-1", "reversed"]],
        }
    )
    assert "blind ratings said of version 3: hurt, -1.00 (-1.50 … -0.50)" in text
    assert "Named: rater-1 (reversed)." in text
    assert "blind" not in printed(ROW) and "Named" not in printed(ROW)


def test_raters_who_turn_the_scale_round_or_do_not_read():
    prompt = Prompt(id=1, messages=(Message(role="user", content="Q?"),))
    run = demo.Demo(
        Path(),
        "tiny",
        "cpu",
        lambda _, text: float(len(text)),
        demo.DemoConfig(1, 8, noise=0),
        Config(),
        print,
    )
    run._noise = random.Random(0)
    user = User(id=1, name="one", role="rater", active=True, excluded=False, created_at=0.0)

    def rated(way, text):
        return run._noisy_rating(prompt, text, demo.ScriptedRater(user, 0.5, way))

    assert (rated(demo.HONEST, "abc"), rated(demo.CONTRARY, "abc")) == (3.5, 8.5)
    assert rated(demo.AT_RANDOM, "abc") != rated(demo.AT_RANDOM, "abc")
    with pytest.raises(BadInput, match="3 raters"):
        demo.DemoConfig(1, 8, contrary=2, at_random=2)


def test_only_training_counts_as_training_time():
    assert tables.training_seconds(ROW) == 100.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "like the new version better"),
        ({"helped": False, "gain_ci": [-1, 1]}, "No improvement can be told from chance"),
        ({"helped": False, "gain_ci": [-2, -1]}, "liked less"),
        ({"state": "refused", "kept_nothing": False}, "gate refused"),
        ({"state": "refused", "kept_nothing": True}, "Nothing of the training could be kept"),
    ],
)
def test_what_is_called_an_improvement(change, words):
    assert words in tables.verdict({**ROW, **change})


def test_distinct_2():
    assert measures.distinct_2(["a b c", "a b d"]) == 3 / 4
    assert measures.distinct_2(["same words here"] * 10) == pytest.approx(0.1)
    assert measures.distinct_2(["one"]) == 1


def test_mean_interval_is_over_prompts_and_not_over_responses():
    mean, low, high = measures.mean_interval([1, 1, 3, 3], [0, 0, 1, 1])
    assert mean == 2
    assert high - mean == pytest.approx(12.706, abs=1e-3)  # t(0.975, 1) · √2 / √2
    assert mean - low == pytest.approx(high - mean)
    assert measures.mean_interval([5, 5], [0, 0]) == (5, 5, 5)


def run(*arguments):
    result = CliRunner().invoke(cli, ["demo", *arguments])
    return result.exception


def test_bad_arguments_are_sentences(tmp_path):
    (tmp_path / "file").write_text("x")
    assert isinstance(run("--rater", "kindness", "--model", "tiny"), BadInput)
    assert isinstance(run("--rater", "none.py:f", "--model", "tiny"), Missing)
    full = run("--rater", "brevity", "--model", "tiny", "--home", str(tmp_path))
    assert isinstance(full, BadInput)
    assert "not empty" in str(full)
    gone = run("--rater", "brevity", "--model", str(tmp_path / "nowhere"))
    assert isinstance(gone, Missing)


def test_a_rater_that_gives_nan_is_a_sentence(tmp_path):
    (tmp_path / "nan.py").write_text("def taste(p, r):\n    return float('nan')\n")
    error = run("--rater", f"{tmp_path}/nan.py:taste", "--model", "tiny", "--ratings", "4")
    assert isinstance(error, RateloopError)
    assert "NaN" in str(error)


def prompts_file(folder, held_out):
    """Six prompts, so many of them held out."""
    splits = ["holdout" if n < held_out else "train" for n in range(6)]
    rows = [{"prompt": f"The film {n} is", "split": split} for n, split in enumerate(splits)]
    file = folder / "beginnings.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize(
    ("held_out", "words"), [(1, "and 1 that are held out"), (6, "has 0 prompts to train")]
)
def test_prompts_have_to_be_trained_on_and_held_out(tmp_path, held_out, words):
    file = prompts_file(tmp_path, held_out)
    error = run("--rater", "brevity", "--model", "tiny", "--prompts", str(file))
    assert isinstance(error, BadInput)
    assert words in str(error)
    assert isinstance(run("--rater", "brevity", "--model", "tiny", "--prompts", "none.jsonl"), BadInput)


def test_a_classifier_rates_continuations_of_other_prompts(tmp_path, sentiment):
    """The notebook's experiment in small: beginnings of reviews, 2 to 6 tokens, a classifier's probability."""
    file = tmp_path / "out.json"
    arguments = ("--rater", f"hf:{sentiment}:positive", "--model", "tiny", "--ratings", "8", "--rounds", "1")
    plain = ("--prompt-format", "plain", "--max-new-tokens", "2:6", "--set", "ppo.steps=1")
    asked = ("--prompts", str(prompts_file(tmp_path, 2)), "--json", str(file), "--device", "cpu")
    result = CliRunner().invoke(cli, ["demo", *arguments, *plain, *asked])
    assert result.exception is None
    said = " ".join(result.output.split())
    assert "of prompt and continuation as one text" in said
    assert "beginnings.jsonl: 4 prompts to train on, 8 responses to measure" in said
    written = json.loads(file.read_text())
    assert written["config"]["sample"]["prompt_format"] == "plain"
    assert 2 <= written["rounds"][0]["length"] <= 6
    unheard = load_classifier(ClassifierName(str(sentiment)), "cpu").scores(["The film 0 is"])[0]
    assert written["rounds"][0]["true_mean"] == pytest.approx(unheard, abs=0.5), "bytes that are no words"


def test_json_has_the_agreed_names(tmp_path):
    (tmp_path / "mine.py").write_text("def taste(p, r):\n    return len(r) % 10\n")
    file = tmp_path / "out.json"
    arguments = ("--rater", f"{tmp_path}/mine.py:taste", "--model", "tiny", "--ratings", "8", "--rounds", "1")
    assert run(*arguments, "--json", str(file)) is None
    rows = json.loads(file.read_text())["rounds"]
    wanted = {
        "round",
        "version",
        "true_mean",
        "true_ci",
        "kl",
        "length",
        "eos_share",
        "distinct_2",
        "seconds",
    }
    wanted |= {"head_spearman", "head_pair_accuracy"}
    assert [r["round"] for r in rows] == [0, 1]
    assert all(wanted <= row.keys() for row in rows)
