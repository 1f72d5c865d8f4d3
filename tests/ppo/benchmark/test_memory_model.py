"""The calculated memory: what an update keeps is what torch keeps, and 8 B fit where the docs say so."""

import ctypes
import json
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from ppo.benchmark import memory_model
from ppo.benchmark.memory_model import BF16, FP32, GB, NF4, RoundSize, layer_bytes, memory_needs
from ppo.benchmark.shapes import LLAMA, QWEN2, SHAPES, Shape, shaped_model
from ppo.cli.main import cli
from ppo.config import LoraSettings
from ppo.memory import begin_peak, end_peak
from ppo.model.cpu.allocator import LARGE, M_MMAP_THRESHOLD, return_freed_blocks
from ppo.model.cpu.blocks import DecoderBlocks
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of
from rater_data.errors import BadInput
from tests.paths import ROOT

CPU = torch.device("cpu")
RANK = 4
LLAMA_8B = SHAPES["llama-3.1-8b"]
SMALL_LLAMA = Shape(LLAMA, 256, 640, 4, 8, 2, 300, False, 512)
SMALL_QWEN2 = Shape(QWEN2, 128, 768, 8, 4, 4, 300, True, 512)


def as_on_a_gpu(monkeypatch, shape, precision):
    """A policy by transformers' own modules and the fused kernel of attention, with an adapter of small numbers."""
    monkeypatch.setattr(DecoderBlocks, "supports", lambda _lm: False)
    monkeypatch.setitem(SHAPES, "small", shape)
    policy = Policy(shaped_model("small", CPU, precision), LoraSettings(r=RANK, alpha=8), precision, 0)
    policy._can_switch_attention = False
    with torch.no_grad():
        for parameter in policy.adapter_parameters():
            parameter.add_(0.01)
    return policy


def rollout(groups, response=40):
    """Four responses to each prompt of 60 tokens: too many for two in a row, so that none is padded."""
    draw = torch.Generator().manual_seed(0)
    ids = [torch.randint(0, 250, (max(60, response),), generator=draw).tolist() for _ in range(groups)]
    owner = [i // 4 for i in range(4 * groups)]
    prompts, responses = [ids[i][:60] for i in owner], [ids[i][:response] for i in owner]
    return rollout_of(prompts, responses, [False] * len(owner), owner, 0, CPU)


def kept_for_the_way_back(policy, rollout):
    """Bytes of all tensors that a forward keeps beside the weights, each once."""
    weights = {p.untyped_storage().data_ptr() for p in policy.peft.parameters()}
    found = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = policy.forward(rollout, 1.0)
    assert output.logprobs.requires_grad
    return sum(storage.nbytes() for storage in found.values())


@contextmanager
def freed_at_once():
    """Inside, glibc hands back what is freed instead of keeping it, as far as it is large."""
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_THRESHOLD, 64 * 1024)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)


@pytest.mark.parametrize("response", [40, 180], ids=["in shared rows", "a row each"])
@pytest.mark.parametrize("precision", [BF16, FP32])
@pytest.mark.parametrize("family", [LLAMA, QWEN2])
def test_a_layer_keeps_of_a_token_what_is_calculated(monkeypatch, family, precision, response):
    """To one part in a hundred: the adapter's own copies in bf16 are counted once, not by the token."""
    few, more = (Shape(family, 64, 160, layers, 8, 2, 300, False, 512) for layers in (1, 3))
    given, size = rollout(4, response), RoundSize(16, response, 60, 4, RANK)
    found = [
        kept_for_the_way_back(as_on_a_gpu(monkeypatch, shape, precision), given) for shape in (few, more)
    ]
    wanted = layer_bytes(few, RANK, 2 if precision == BF16 else 4, size.shared)
    assert size.shared == (response == 40)
    assert (found[1] - found[0]) / 2 / size.columns == pytest.approx(wanted, rel=0.01)


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the peak of a phase is Linux's to tell"
)
@pytest.mark.parametrize(
    ("shape", "precision", "recompute"),
    [
        (SMALL_LLAMA, FP32, False),
        (SMALL_LLAMA, FP32, True),
        (SMALL_LLAMA, BF16, False),  # once: a chip that only emulates it takes ten times as long
        (SMALL_QWEN2, FP32, False),
        (SMALL_QWEN2, FP32, True),
    ],
    ids=["llama", "llama-recomputed", "llama-bf16", "qwen2", "qwen2-recomputed"],
)
def test_an_update_takes_the_memory_that_is_calculated(monkeypatch, shape, precision, recompute):
    """Of the whole process, measured by the system (forward, backward and what passes between): within 15 %, and with
    layers recomputed, where what passes counts for most, at most half too much."""
    policy, groups = as_on_a_gpu(monkeypatch, shape, precision), 10
    policy.recompute = recompute
    policy.forward(rollout(1), 1.0).logprobs.sum().backward()
    given = rollout(groups)
    with freed_at_once():
        return_freed_blocks()
        begin_peak(CPU)
        before = end_peak(CPU)
        policy.forward(given, 1.0).logprobs.sum().backward()
        measured = end_peak(CPU) - before
    size = RoundSize(4 * groups, 40, 60, 4, RANK, microbatch=10**6)
    assert size.columns == groups * 220
    calculated = memory_needs(shape, size, precision, recompute).activations
    assert 0.85 < calculated / measured < (1.5 if recompute else 1.15)


def test_it_counts_weights_adapter_keys_and_values():
    size = RoundSize(responses=64, response=256, prompt=128, rank=16)
    whole, quarter = memory_needs(LLAMA_8B, size, BF16), memory_needs(LLAMA_8B, size, NF4)
    assert whole.weights == 2 * LLAMA_8B.parameters
    tables = 2 * 128256 * 4096 + LLAMA_8B.small_weights
    assert quarter.weights == pytest.approx(2 * tables + (LLAMA_8B.parameters - tables) * 4.127 / 8)
    assert whole.adapter == 16 * 41_943_040, "PEFT counts as many for r 16 on all linear layers"
    assert whole.kv_cache == 64 * 384 * 32 * 2 * 1024 * 2


def test_smaller_micro_batches_and_recomputing_need_less():
    size = RoundSize(microbatch=4096)
    once = memory_needs(LLAMA_8B, size, BF16)
    half = memory_needs(LLAMA_8B, RoundSize(microbatch=2048), BF16)
    again = memory_needs(LLAMA_8B, size, BF16, recompute=True)
    assert half.activations == pytest.approx(once.activations / 2, rel=0.01)
    assert again.activations < once.activations / 5
    assert again.phases["generate"] == once.phases["generate"]
    found = memory_model.fitting_microbatch(LLAMA_8B, size, NF4, False, 24 * GB)
    fits = memory_needs(LLAMA_8B, RoundSize(microbatch=found), NF4)
    over = memory_needs(LLAMA_8B, RoundSize(microbatch=2 * found), NF4)
    assert fits.peak <= 24 * GB < over.peak
    assert memory_model.fitting_microbatch(LLAMA_8B, size, BF16, False, 16 * GB) == 0


def test_eight_billion_fit_as_the_docs_say(tmp_path):
    out = tmp_path / "memory.json"
    command = ["bench", "--shape", "llama-3.1-8b", "--calculate", "--batch", "64", "--tokens", "256"]
    ran = CliRunner().invoke(cli, [*command, "--per-prompt", "4", "--json", str(out)], catch_exceptions=False)
    assert "llama-3.1-8b, calculated" in ran.output
    rows = {(row["weights"], row["recompute"]): row for row in json.loads(out.read_text())}
    assert rows[NF4, True]["fits"]["24"] == 8192 and rows[NF4, False]["fits"]["24"] == 1024
    assert rows[BF16, True]["fits"]["40"] == 16384 and rows[BF16, False]["fits"]["40"] == 2048
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    for row in rows.values():
        cells = [f"{count:.1f}" for count in row["phases"].values()]
        fits = [str(tokens) if tokens else "no" for tokens in row["fits"].values()]
        assert f"| {' | '.join([*cells, *fits])} |" in page
    with pytest.raises(BadInput, match="--calculate is of a shape"):
        CliRunner().invoke(cli, ["bench", "--calculate"], catch_exceptions=False)
