"""python -m ppo doctor --shape: where a round would end up within the memory, without a weight."""

import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from ppo.benchmark.memory_model import BF16, FP32, NF4, RoundSize, memory_needs
from ppo.benchmark.shapes import SHAPES
from ppo.cli.main import cli
from ppo.doctor import shape_needs
from ppo.doctor.shape_needs import fit
from rater_data.errors import BadInput

LLAMA_8B, SMOL = SHAPES["llama-3.1-8b"], SHAPES["smollm2-135m"]
SIZE = RoundSize(responses=64, response=96, prompt=256, per_prompt=4, microbatch=16384)


def doctor(*arguments):
    ran = CliRunner().invoke(cli, ["doctor", "--device", "cpu", *arguments], catch_exceptions=False)
    return " ".join(ran.output.split())


def test_a_page_says_what_fits_and_with_which_flag(tmp_path, monkeypatch):
    made = []
    real = torch.nn.Parameter.__new__
    monkeypatch.setattr(torch.nn.Parameter, "__new__", lambda *a, **k: made.append(a) or real(*a, **k))
    monkeypatch.setattr(shape_needs, "free_memory", lambda _device: 10 * 2**30)
    out, changes = tmp_path / "needs.json", ("--set", "lora.r=8", "--set", "plan.responses_per_prompt=4")
    said = doctor(
        "--shape",
        "llama-3.1-8b",
        "--max-new-tokens",
        "200",
        *changes,
        "--json",
        str(out),
    )
    assert "8.03 billion parameters in 32 layers, reads 131072 tokens" in said
    assert "cpu, 9.0 GiB to be had" in said
    assert "64 responses of 200 tokens at once, 4 to each prompt of 256, LoRA r 8" in said
    assert said.endswith("A round fits with --quantize 4bit.")
    found = json.loads(out.read_text())
    assert found["chosen"] == NF4 and not found["ways"][BF16]["fits"] and not found["ways"][FP32]["fits"]
    way = found["ways"][NF4]
    assert way["peak"] == max(way["phases"].values()) <= found["room"] == pytest.approx(9 * 2**30)
    assert way["longest_response"] >= 200 and not made
    assert doctor("--shape", "smollm2-135m", "--precision", "fp32").endswith("A round fits, as it is.")
    monkeypatch.setattr(shape_needs, "free_memory", lambda _device: 2**30)
    assert "It does not fit on cpu: --quantize 4bit needs" in doctor("--shape", "llama-3.1-8b")


def test_another_name_is_answered_with_those_there_are():
    with pytest.raises(
        BadInput, match=r"--shape llama-9b is not known\. Use one of smollm2-135m, .*llama-3\.1-8b"
    ):
        doctor("--shape", "llama-9b")
    with pytest.raises(BadInput, match="Give --model or --shape, not both"):
        doctor("--shape", "smollm2-135m", "--model", "tiny")


def test_a_round_ends_up_where_the_trainer_would():
    """Everything kept first; recomputed when that is a byte too much; then micro-batches of half the size."""
    kept = memory_needs(LLAMA_8B, SIZE, BF16).peak
    again = memory_needs(LLAMA_8B, SIZE, BF16, recompute=True).peak
    for room, expected in ((kept, (False, 16384)), (kept - 1, (True, 16384)), (again - 1, (True, 8192))):
        found = fit(LLAMA_8B, SIZE, BF16, room, "cuda")
        assert (found.recompute, found.microbatch) == expected and found.fits and found.peak <= room
    least = fit(LLAMA_8B, SIZE, BF16, 1e9, "cuda")
    assert not least.fits and least.longest_response == 0 and least.microbatch == 96 + 256


def test_the_longest_response_fits_and_one_token_more_does_not():
    room = 24e9
    found = fit(LLAMA_8B, SIZE, BF16, room, "cuda").longest_response
    assert fit(LLAMA_8B, replace(SIZE, response=found), BF16, room, "cuda").fits
    assert not fit(LLAMA_8B, replace(SIZE, response=found + 1), BF16, room, "cuda").fits
    assert fit(SMOL, SIZE, BF16, 1e12, "cuda").longest_response == SMOL.context - SIZE.prompt


def test_fewer_responses_are_written_at_once_where_their_keys_and_values_do_not_fit():
    whole = memory_needs(LLAMA_8B, SIZE, NF4).phases["generate"]
    found = fit(LLAMA_8B, SIZE, NF4, whole - 1, "cuda")
    assert fit(LLAMA_8B, SIZE, NF4, whole, "cuda").rows == 64 and found.rows == 32
    assert found.phases["generate"] < whole


def test_a_cpu_writes_with_a_merged_copy_but_not_of_4_bits():
    gpu, cpu = (memory_needs(SMOL, SIZE, FP32, kind=kind) for kind in ("cuda", "cpu"))
    copied = 4 * (SMOL.linear_weights + SMOL.vocabulary * SMOL.hidden)
    more = cpu.phases["generate"] - gpu.phases["generate"]
    assert more == pytest.approx(copied + cpu.context - gpu.context)
    assert memory_needs(SMOL, SIZE, NF4, kind="cpu").merged == 0
