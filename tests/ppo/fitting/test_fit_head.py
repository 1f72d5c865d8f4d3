"""A file of people's ratings becomes a head and a page about it, without a round: scores and comparisons."""

import json
import random
from io import StringIO

import pytest
from rich.console import Console
from safetensors.numpy import load_file

from ppo.config import Config
from ppo.fitting.fit_head import check_empty, fit_head, write_head
from ppo.fitting.page import phases, print_fit
from ppo.progress import Progress
from ppo.reward.reward_head import ARRAYS
from ppo.training.engine import Engine
from rater_data.errors import BadInput, Missing
from rater_data.importing.import_files import import_ratings
from tests.head_report import HEAD_REPORT
from tests.rater_data.store_world import file_store

PROMPTS, RESPONSES = 24, 3


@pytest.fixture
def engine(tmp_path_factory):
    return Engine(tmp_path_factory.mktemp("home"), "tiny", "cpu", Config(precision="fp32"))


def texts(draw):
    """Responses to a prompt, and how good each is: as good as it has many an x."""
    goods = [draw.uniform(0, 1) for _ in range(RESPONSES)]
    return [("".join(draw.choices("xo", (good, 1 - good), k=draw.randint(20, 40))), good) for good in goods]


def scores_file(folder):
    """Four raters; every third prompt by all of them, and dan answers the other way round."""
    draw, rows = random.Random(0), []
    for prompt in range(PROMPTS):
        for text, good in texts(draw):
            names = ("ann", "ben", "cy", "dan")
            for name in names if prompt % 3 == 0 else names[prompt % 4 : prompt % 4 + 1]:
                score = 1 + round(9 * min(1, max(0, good + draw.gauss(0, 0.05))))
                row = {"prompt": f"Question {prompt}", "response": text, "rater": name}
                rows.append(row | {"rating": 11 - score if name == "dan" else score})
    return written(folder / "scores.jsonl", rows)


def pairs_file(folder):
    draw, rows = random.Random(1), []
    for prompt in range(PROMPTS):
        (one, good), (other, bad), _ = texts(draw)
        best, worst = (one, other) if good > bad else (other, one)
        rows.append({"prompt": f"Question {prompt}", "chosen": best, "rejected": worst})
    return written(folder / "pairs.jsonl", rows)


def written(path, rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_of_scores_gives_a_head_its_report_and_the_raters(engine, tmp_path):
    store = file_store(tmp_path / "home")
    import_ratings(store, scores_file(tmp_path))
    shown = []
    found = fit_head(store, engine, Progress(shown.append))
    page = json.loads(json.dumps(found.page, allow_nan=False))
    store.close()
    assert (page["ratings"], page["responses"], page["prompts"]) == (144, 72, 24)
    # dan alone says of a sixth of the prompts what is not so
    assert page["head"]["pair_accuracy"] > 0.7 > page["head"]["length_pair_accuracy"]
    assert page["head"]["spearman_ci"][0] > 0.1
    assert page["head"]["ceiling"] == page["agreement"]["one_rater"] and page["head"]["ceiling"]["n"] == 96
    assert page["agreement"]["alpha"]["n"] == 24 and page["agreement"]["alpha"]["mean"] < 0.5
    assert [(f["raters"], f["kind"]) for f in page["findings"]] == [(["dan"], "reversed")]
    assert page["head_without"]["dan"]["without"] > page["head_without"]["dan"]["with"]
    assert {row["name"] for row in page["raters"]} == {"ann", "ben", "cy", "dan"}
    read = [p["done"] for p in shown if p["phase"] == "Computing reward features"]
    assert read == sorted(read) and read[-1] == 72 and len(read) > 3, "how far it is, is said"

    folder = tmp_path / "head"
    write_head(found, folder)
    assert load_file(folder / "reward_head.safetensors").keys() == set(ARRAYS)
    assert json.loads((folder / "reward_head.json").read_text())["head"] == page["head"]
    with pytest.raises(BadInput, match="not an empty folder"):
        check_empty(folder)

    console = Console(file=StringIO(), width=150)
    with phases(console) as show:
        show(shown[0])
    print_fit(console, page)
    said = console.file.getvalue()
    assert "144 ratings (0 comparisons) by 4 raters, of 72 responses to 24 prompts." in said
    assert "dan seems to use the scale the other way round" in said
    assert "dan: The reward head agrees with the others at " in said
    ceiling = f"{page['head']['ceiling']['spearman']:.2f}"
    assert f"Spearman: one rater with the others {ceiling}" in " ".join(said.split())


PAGE = {
    "ratings": 64,
    "comparisons": 0,
    "raters_who_count": 2,
    "responses": 48,
    "prompts": 24,
    "edits": 0,
    "left_out": [],
    "scale": "score_1_10",
    "agreement": {"alpha": {"mean": 0.51, "low": 0.3, "high": 0.66, "n": 20}, "one_rater": None},
    "head": HEAD_REPORT
    | {"advice": [{"more": m, "spearman": m / 400, "low": -0.001, "high": m / 200} for m in (16, 32, 64)]},
    "findings": [{"raters": ["ann", "ben"], "kind": "opposed", "says": "use the scale in opposite ways"}],
    "head_without": {
        "ann": {"with": 0.41, "without": 0.52, "low": -0.02, "high": 0.24, "responses": 40, "ratings": 18},
        "ben": {"with": None, "without": None, "ratings": 18},
    },
}
ROWS = {
    "raters with each other (α)": "0.51 0.30 … 0.66",
    "Spearman: one rater with the others": "0.62",
    "Spearman: the head, unseen prompts": "0.41 0.20 … 0.58",
    "pairs: one rater with the others": "0.70",
    "pairs: the head, unseen prompts": "0.64 0.55 … 0.72",
    "pairs: the longer is better": "0.52 0.44 … 0.60",
    "points: the head's favourite above its prompt's mean": "0.83 0.40 … 1.21",
    "calibration slope (1: as sure as it may be)": "0.90 0.50 … 1.30",
}


def printed(page):
    console = Console(file=StringIO(), width=150)
    print_fit(console, page)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_the_whole_report_is_printed_beside_what_it_is_compared_with():
    said = printed(PAGE)
    assert {f"{name} {numbers}" for name, numbers in ROWS.items()} <= set(said)
    more = "16 more +0.04 (+0.00 … +0.08), 32 more +0.08 (+0.00 … +0.16), 64 more +0.16 (+0.00 … +0.32)"
    assert f"More ratings should add to Spearman, with 80 % intervals: {more}." in said
    assert said[-3:] == [
        "ann and ben use the scale in opposite ways.",
        "ann: The reward head agrees with the others at 0.41 with these 18 ratings and at 0.52 without: "
        "+0.11 (−0.02 … +0.24), which may be chance.",
        "ben: Too little is rated to say what leaving these ratings out would do to the reward head.",
    ]
    assert any("logits: the head's favourite" in line for line in printed(PAGE | {"scale": "thumbs"}))


@pytest.mark.parametrize("key", PAGE["head"])
def test_what_is_not_known_is_left_out_of_the_page(key):
    for unknown in (None, []) if isinstance(PAGE["head"][key], list) else (None,):
        said = printed(PAGE | {"head": PAGE["head"] | {key: unknown}})
        assert len(said) in (len(printed(PAGE)) - n for n in (0, 1, 2)), "no row more, no other row less"
        assert "None" not in " ".join(said)


def test_nothing_measured_is_no_row():
    nothing = {
        "spearman_ci": (-1, 1),
        "pair_ci": (0, 1),
        "favourite_ci": (0.0, 0.0),
        "calibration_ci": (0.0, 0.0),
    }
    empty = PAGE["head"] | nothing | {"length_ci": (0, 1), "ceiling": None, "advice": []}
    said = printed(PAGE | {"head": empty, "agreement": {"alpha": None}, "findings": [], "head_without": {}})
    assert said[-1] == HEAD_REPORT["reason"] and len(said) == 2


def test_comparisons_are_held_to_comparisons(engine, tmp_path):
    store = file_store(tmp_path / "home")
    store.choose_scale("pair")
    import_ratings(store, pairs_file(tmp_path))
    page = fit_head(store, engine, Progress(lambda _shown: None)).page
    store.close()
    assert (page["comparisons"], page["responses"]) == (PROMPTS, 2 * PROMPTS)
    assert page["head"]["pair_accuracy"] > 0.75
    assert page["agreement"] == {"alpha": None, "one_rater": None}


def test_nothing_to_fit_is_a_sentence(tmp_path):
    store = file_store(tmp_path)
    with pytest.raises(Missing, match="import-ratings"):
        fit_head(store, None, Progress(lambda _shown: None))
    store.close()
