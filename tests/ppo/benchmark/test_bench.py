"""The bench on the tiny model: it runs, counts what it says it counts, and names bad files. No timed assertion."""

import io
import json

import pytest
from rich.console import Console
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from ppo.algorithm.experience import evaluate_rollout
from ppo.benchmark import bench, head_cost
from ppo.benchmark.bench import Bench
from ppo.benchmark.peers import compare_with_peer, read_peer
from ppo.benchmark.tables import print_scaling
from ppo.benchmark.work import BenchmarkSize
from ppo.cli.main import cli
from rater_data.errors import BadInput, Missing

WORK = BenchmarkSize(batch=4, tokens=6, epochs=2, minibatch=2, rank=4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return Bench("tiny", tmp_path_factory.mktemp("bench"), "cpu", "fp32")


def test_a_run_says_what_was_measured(tiny):
    told = []
    found = bench.run(tiny, WORK, 2, lambda number, _step: told.append(number))
    assert told == [0, 1, 2], "one that does not count, then two"
    assert found["seconds_per_step"] == pytest.approx(
        sum(found["phases"].values())
    )  # of two steps medians are means
    assert found["samples_per_s"] == pytest.approx(4 / found["seconds_per_step"])
    assert set(found["phases"]) == {"generate", "score", "update"}
    assert found["bound_seconds"] > found["phases"]["generate"]
    assert found["times_bound"] == pytest.approx(found["seconds_per_step"] / found["bound_seconds"])
    assert found["ratio_green"]
    assert len(found["rss_mib"]) == 2
    json.dumps(found)


def test_every_response_has_its_full_length(tiny):
    tiny.steps(WORK, 1, lambda _n, _s: None)
    rollout = tiny._generate(WORK, WORK.config(), 3)
    assert (rollout.lengths == 6).all()
    assert not rollout.ended.any()


def test_operations_are_those_that_torch_counts(tiny):
    """Of the scoring of unshared rows; torch counts the products, as we do (attention's as L², not half of it)."""
    tiny.steps(WORK, 1, lambda _n, _s: None)
    tiny.policy.share_prompts = False
    rollout = tiny._generate(WORK, WORK.config(), 0)
    with FlopCounterMode(display=False) as counter:
        evaluate_rollout(tiny.policy, rollout, (), WORK.config())
    tiny.policy.share_prompts = True
    assert counter.get_total_flops() == pytest.approx(tiny.operations(WORK)["score"], rel=0.2)


def test_peers_are_compared_by_the_wall_clock():
    ours = {"seconds_per_step": 10.0, "peak_rss_mib": 1000.0}
    peer = {"median": {"TOTAL": 70.0, "WALL": 80.0}, "peak_rss_mib": 5000.0}
    found = compare_with_peer(ours, peer)
    assert (found["times_faster"], found["share_of_memory"]) == (8.0, 0.2)


def test_the_command_writes_its_numbers(tmp_path):
    peer, out = tmp_path / "trl.json", tmp_path / "bench.json"
    peer.write_text(json.dumps({"median": {"TOTAL": 5.0}, "peak_rss_mib": 10**6}))
    arguments = ["bench", "--model", "tiny", "--precision", "fp32", "--steps", "1", "--batch", "2"]
    arguments += ["--tokens", "4", "--epochs", "1"]
    done = CliRunner().invoke(
        cli, [*arguments, "--peer", str(peer), "--json", str(out), "--home", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert "times the bound" in done.output
    assert "transformers' own generate" in done.output
    assert "trl: 5.0 s a step" in done.output
    written = json.loads(out.read_text())
    assert written["times_plain_generate"] == pytest.approx(
        written["plain_generate_seconds"] / written["phases"]["generate"]
    )
    assert {"seconds_per_step", "samples_per_s", "peak_rss_mib", "phases", "bound_seconds"} <= written.keys()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"median": {}, "peak_rss_mib": 1}', "nonsense"])
def test_a_file_that_is_no_result_is_one_sentence(tmp_path, text):
    file = tmp_path / "peer.json"
    file.write_text(text)
    with pytest.raises(BadInput, match="no result of a peer"):
        read_peer(file)
    with pytest.raises(Missing, match="cannot be read"):
        read_peer(tmp_path / "nowhere.json")


def test_scaling_has_the_batches_and_the_lengths(tiny):
    works = BenchmarkSize().scaled()
    assert [w.batch for w in works] == [8, 16, 32, 64, 16, 16, 16]
    assert [w.tokens for w in works] == [48, 48, 48, 48, 24, 48, 96]
    console = Console(record=True, width=120, file=io.StringIO())
    print_scaling(console, [bench.run(tiny, WORK, 1)])
    assert "ms a token" in console.export_text()


def test_the_head_is_measured_without_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr(head_cost, "SIZES", (16, 24))
    out = tmp_path / "head.json"
    done = CliRunner().invoke(cli, ["bench", "--head", "--json", str(out)], catch_exceptions=False)
    assert done.exit_code == 0 and "report" in done.output
    rows = json.loads(out.read_text())
    assert [r["ratings"] for r in rows] == [16, 24]
    assert all(r[f"{what}{end}"] > 0 for r in rows for what in ("fit", "report") for end in ("_s", "_cpu_s"))
