"""The pieces of the GPU's check, on a CPU with tiny models: they see what is wrong, and one hides no other."""

import importlib.metadata
import json
import re
import sys

import pytest
import torch
from packaging.requirements import Requirement

from ppo.benchmark.bench import Bench
from ppo.benchmark.machine import Machine
from ppo.benchmark.report import report
from ppo.benchmark.work import BenchmarkSize
from ppo.memory import process_peak
from ppo.model import lm_head, row_packing
from ppo.model.lm_head import LMHead
from tests.gpu_check import decoding, exactness, families, head, packages, page
from tests.gpu_check import run as running
from tests.gpu_check.outcome import Held, Outcome, Table
from tests.gpu_check.subjects import moved_policy, tiny_base
from tests.paths import ROOT

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def policy():
    return moved_policy(tiny_base("llama", CPU), "fp32")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_head_is_held_to_fp64(precision, monkeypatch):
    value, entropy, gradient = exactness.head_gaps(CPU, precision)
    assert value < 1e-5 and entropy < 1e-4 and gradient < 1e-3
    right = LMHead.block
    monkeypatch.setattr(LMHead, "block", lambda *args: right(*args).bfloat16().float())
    assert exactness.head_gaps(CPU, precision)[0] > 1e-4, "logits rounded to bf16 are seen"


def test_ways_to_multiply_with_the_head_are_measured():
    outcome = head.check(CPU)
    gaps = {row[0]: row[2] for row in outcome.tables[0].rows}
    assert float(gaps["fp32, as it is"]) < 1e-4 < float(gaps["bf16, rounded"])
    assert len(outcome.tables[1].rows) == 3 and lm_head.CHUNK_ROWS == 256


def test_packed_rows_and_gradients_are_held_to_the_models_own(monkeypatch):
    assert exactness.packed_gap("llama", CPU) < 1e-5
    assert exactness.gradient_gap("llama", CPU) < 1e-5
    assert 0 < exactness.microbatch_gap(CPU, "fp32") < 1e-5
    right = row_packing._tree_attention

    def leaky(kind, prompt, response):
        return right(kind, prompt, torch.zeros_like(response))

    monkeypatch.setattr(row_packing, "_tree_attention", leaky)
    assert exactness.packed_gap("llama", CPU) > 1e-4, "responses that see each other are seen"


def test_running_out_of_memory_is_survived():
    told = {}
    assert exactness.out_of_memory_gap(CPU, False, told) < 1e-3
    assert 0 < exactness.out_of_memory_gap(CPU, True, told) < 5e-2
    whole, then = told["halved"]["microbatches"]
    assert then == whole // 2 and len(told["recomputed"]["said"]) == 1


def test_families_are_looked_at_and_one_that_fails_is_a_row():
    outcome = families.check(CPU, ("qwen2", "no such family"))
    rows = {tuple(row[:2]): row for row in outcome.tables[0].rows}
    assert rows["qwen2", "bf16"][2:] == ["fast", "BlocksDecoder", "0.0e+00", "0.0e+00", "yes"]
    assert rows["no such family", "fp32"][-1].startswith("FAILED")
    assert not outcome.ok and "no such family fp32" in outcome.says


def test_both_decoders_write_the_same(policy, monkeypatch):
    assert decoding._responses_that_differ(policy) == 0
    largest, mean = decoding._logits_gap(policy)
    assert mean <= largest < 1e-4
    assert not decoding._is_captured(policy), "there is no graph on a CPU"
    table, numbers = decoding._rates(policy, (4,), 3)
    assert set(numbers["4"]) == set(decoding.DECODERS) and len(table.rows[0]) == len(table.columns)
    late = decoding.StaticDecoder._forward
    monkeypatch.setattr(decoding.StaticDecoder, "_forward", lambda self: (self._place.add_(1), late(self)))
    assert decoding._responses_that_differ(policy) > 0 and decoding._logits_gap(policy)[0] > 1e-3


def test_a_measurement_that_raises_is_one_that_does_not_hold():
    held = Held("Some")
    held.hold("right", 1.0, lambda: 0.5)
    held.hold("wrong", 1.0, lambda: 2)
    held.hold("not a number", 1.0, lambda: float("nan"))
    held.hold("broken", 1.0, lambda: 1 / 0)
    outcome = held.outcome(extra=1)
    assert [row[-1] for row in outcome.tables[0].rows] == ["yes", "NO", "NO", "FAILED"]
    assert outcome.says == "failed: wrong, not a number, broken" and outcome.numbers["extra"] == 1


def check_of(script, limit=30.0):
    return running.Check("some check", [sys.executable, "-c", script, "FILE"], limit, True, Outcome.read)


def test_a_check_that_fails_or_hangs_hides_none(tmp_path):
    good = Outcome(True, "fine", [Table("T", ["a|b"], [["1"]])], {"x": 1})
    good.write(tmp_path / "good.json")
    copy = f"import shutil, sys; shutil.copy({str(tmp_path / 'good.json')!r}, sys.argv[1])"
    ran = [
        running.run(check_of(copy), tmp_path, 30),
        running.run(check_of("raise ValueError('no such card')"), tmp_path, 30),
        running.run(check_of("import time; time.sleep(60)"), tmp_path, 1.2),
        running.run(check_of(copy), tmp_path, 0),
    ]
    assert ran[0].outcome == good
    said = [one.outcome.says for one in ran[1:]]
    assert said == [
        "exit 1: ValueError: no such card",
        "no end after 1 s: it said nothing",
        "not begun: the time was up",
    ]
    running.write(ran, tmp_path)
    text = (tmp_path / "gpu_check.md").read_text()
    assert (
        "| some check | **FAILED** | 0 | exit 1: ValueError: no such card |" in text and "| a\\|b |" in text
    )
    written = json.loads((tmp_path / "gpu_check.json").read_text())
    assert [one["outcome"]["ok"] for one in written] == [True, False, False, False]
    assert page.line(ran[1]).startswith("FAILED some check (0 s): exit 1")


def test_a_file_of_an_earlier_try_is_not_taken_for_this_one(tmp_path):
    (tmp_path / "some-check.json").write_text("{}")
    assert not running.run(check_of("pass"), tmp_path, 30).outcome.ok


def test_the_bench_is_a_row_of_speeds_and_one_of_memory(tmp_path):
    bench, work = Bench("tiny", tmp_path, "cpu", "fp32"), BenchmarkSize(batch=2, tokens=4, epochs=1, rank=4)
    steps = bench.steps(work, 1, lambda _n, _s: None)
    found = report(bench, work, steps, Machine("cpu", 1, "fp32", 1e9, 1e9), process_peak())
    (tmp_path / "bench.json").write_text(json.dumps(found))
    outcome = running._read_bench(tmp_path / "bench.json")
    assert outcome.ok and "ratio gap 0e+00" in outcome.says
    text = page.markdown([running.Ran("bench tiny", False, 1.0, outcome)])
    assert "| tiny | fp32 | " in text and "### Peak of memory by phase" in text
    (tmp_path / "bench.json").write_text(json.dumps(found | {"ratio_green": False}))
    assert not running._read_bench(tmp_path / "bench.json").ok


def test_every_check_is_there_and_has_a_limit(tmp_path):
    found = running.checks("cuda", ["a", "b"], tmp_path)
    assert [check.name for check in found] == [*running.HERE, "ring", "bench a", "bench b"]
    assert all(check.name.split()[0] in running.LIMITS for check in found)
    assert [check.name for check in found if not check.exact] == ["head", "bench a", "bench b"]
    for name in running.HERE:
        assert (ROOT / "tests" / "gpu_check" / f"{name}.py").exists()


# ---- what it needs


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


PINS = {canonical(one.name): one for one in packages.wanted()}


def test_pins_are_those_of_the_product():
    ours = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    shared = {name: version for name, version in ours.items() if canonical(name) in PINS}
    assert len(shared) >= 10
    assert {name: PINS[canonical(name)].version for name in shared} == shared


def test_whatever_they_need_is_listed_too():
    """But what torch brings."""
    for name, one in PINS.items():
        for text in importlib.metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"python_version": "3.12", "extra": ""}):
                assert canonical(needed.name) in {*PINS, "torch"}, f"{name} needs {needed.name}"
                theirs = PINS.get(canonical(needed.name))
                if theirs and theirs.with_ and not one.with_:
                    assert one.name in theirs.with_, f"{theirs.name} is left out where {one.name} is missing"


def test_only_what_is_missing_is_installed(monkeypatch):
    assert packages.lacking() == []
    there = importlib.metadata.version

    def version(name):
        if name in ("rich", "transformers"):
            return "0.1"
        if name in ("huggingface_hub", "httpx2", "mdurl"):
            raise importlib.metadata.PackageNotFoundError(name)
        return there(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = [pin.partition("==")[0] for pin in packages.lacking()]
    assert found == ["transformers", "huggingface_hub", "httpx2"], "rich is there, whatever its version"
