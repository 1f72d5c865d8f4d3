"""Models of known shapes: as large as they say, random as they say, and the bench takes them for any other."""

import json

import pytest
import torch
from transformers import LlamaForCausalLM, Qwen2ForCausalLM
from typer.testing import CliRunner

from ppo.benchmark import shapes
from ppo.benchmark.bench import Bench
from ppo.benchmark.machine import Machine
from ppo.benchmark.report import report
from ppo.benchmark.shapes import LLAMA, QWEN2, SHAPES, Shape, shaped_model
from ppo.benchmark.work import BenchmarkSize
from ppo.cli.main import cli
from ppo.memory import process_peak
from rater_data.errors import BadInput

CPU = torch.device("cpu")
CLASSES = {LLAMA: LlamaForCausalLM, QWEN2: Qwen2ForCausalLM}
WORK = BenchmarkSize(batch=4, tokens=6, epochs=1, minibatch=2, rank=4)
PUBLISHED = {
    "smollm2-135m": 134_515_008,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "qwen2.5-7b": 7_615_616_512,
    "llama-3.1-8b": 8_030_261_248,
}


SMALL = {
    QWEN2: Shape(QWEN2, 64, 96, 2, 4, 2, 320, True, 512),
    LLAMA: Shape(LLAMA, 64, 96, 2, 4, 2, 320, False, 512, shapes.LLAMA_3_ROPE),
}


@pytest.fixture(params=SMALL)
def either(request, monkeypatch):
    monkeypatch.setitem(SHAPES, "small", SMALL[request.param])
    return SMALL[request.param]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(SHAPES, "small", SMALL[QWEN2])
    return SMALL[QWEN2]


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_as_many_weights_as_the_model_that_it_is_named_after(name):
    shape = SHAPES[name]
    with torch.device("meta"):
        lm = CLASSES[shape.family](shape.config())
    assert sum(p.numel() for p in lm.parameters()) == shape.parameters == PUBLISHED[name]
    linear = sum(
        m.weight.numel() for n, m in lm.named_modules() if isinstance(m, torch.nn.Linear) if n != "lm_head"
    )
    assert linear == shape.linear_weights


def test_weights_are_random_in_bf16_and_the_same_each_time(either):
    one, other = (shaped_model("small", CPU, "bf16") for _ in range(2))
    assert sum(p.numel() for p in one.lm.parameters()) == either.parameters
    for (name, p), q in zip(one.lm.named_parameters(), other.lm.parameters(), strict=True):
        assert p.dtype == torch.bfloat16 and torch.equal(p, q)
        if "norm" in name:
            assert (p == 1).all()
        elif p.numel() > 1000:
            assert float(p.float().std()) == pytest.approx(0.02, rel=0.1)
    assert shaped_model("small", CPU, "fp32").lm.dtype == torch.float32


def test_it_reads_as_transformers_own_of_the_same_weights(either):
    """Nothing that is computed and not learned (the angles of positions) was lost on the way."""
    lm = shaped_model("small", CPU, "fp32").lm
    usual = CLASSES[either.family](lm.config).eval()
    usual.load_state_dict(lm.state_dict())
    ids = torch.arange(40).unsqueeze(0)
    with torch.no_grad():
        torch.testing.assert_close(lm(input_ids=ids).logits, usual(input_ids=ids).logits)


def test_the_bench_takes_a_shape_and_makes_it_anew_for_the_plain_generate(small, tmp_path):
    bench = Bench("", tmp_path, "cpu", "bf16", shape="small")
    steps = bench.steps(WORK, 1, lambda _n, _s: None)
    found = report(bench, WORK, steps, Machine("cpu", 1, "bf16", 1e9, 1e9), process_peak())
    assert found["model"] == "small" and found["ratio_green"]
    assert set(found["peak_mib_by_phase"]) == {"load", "policy", "generate", "score", "update"}
    assert found["peak_rss_mib"] >= max(found["peak_mib_by_phase"].values())
    assert found["weights_mib"] == pytest.approx(2 * small.parameters / 2**20)
    assert found["bound_seconds"] == pytest.approx(found["operations"] / 1e9 + found["phases"]["generate"])
    policy = bench.policy
    assert bench.plain_generate(WORK) > 0
    assert bench._policy is None and bench.base.lm is not policy.base.lm


def test_the_bytes_that_writing_reads_are_those_of_weights_keys_and_values(small, tmp_path):
    bench = Bench("", tmp_path, "cpu", "bf16", shape="small")
    bench.steps(WORK, 1, lambda _n, _s: None)
    prompts = [len(p) for p in bench.prompts(WORK)]
    seen = sum(length + t for length in prompts for t in range(1, WORK.tokens))
    weights = 2 * (small.linear_weights + small.vocabulary * small.hidden)
    kept = 2 * 2 * small.layers * small.kv_width
    assert bench.generated_bytes(WORK) == WORK.tokens * weights + kept * seen


def test_a_shape_that_is_unknown_too_large_or_beside_a_model_is_one_sentence(small, monkeypatch, tmp_path):
    with pytest.raises(BadInput, match=r"--shape gpt-9 is not known. Use one of smollm2-135m, "):
        shaped_model("gpt-9", CPU, "fp32")
    with pytest.raises(BadInput, match="not both"):
        CliRunner().invoke(cli, ["bench", "--model", "tiny", "--shape", "small"], catch_exceptions=False)
    monkeypatch.setattr(shapes, "free_memory", lambda _device: 10**4)
    with pytest.raises(BadInput, match="Name a smaller one"):
        shaped_model("small", CPU, "bf16")


def test_the_command_measures_a_shape(small, tmp_path):
    out = tmp_path / "bench.json"
    arguments = [
        "bench",
        "--shape",
        "small",
        "--steps",
        "1",
        "--batch",
        "2",
        "--tokens",
        "4",
        "--epochs",
        "1",
    ]
    done = CliRunner().invoke(cli, [*arguments, "--json", str(out)], catch_exceptions=False)
    assert "× weights" in done.output and "of the memory's speed" in done.output
    found = json.loads(out.read_text())
    assert found["share_of_bandwidth"] == pytest.approx(1 / found["times_generate_bound"])
    assert found["generate_bound_seconds"] < found["phases"]["generate"]
