"""python -m ppo doctor: what it says is what was loaded and measured."""

import json
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from ppo.cli.main import cli
from ppo.config import Config, SampleConfig
from ppo.costs import measuring
from ppo.doctor import diagnosis
from ppo.doctor.page import print_diagnosis
from ppo.model.loading.tiny_model import tiny_model
from ppo.training.engine import Engine
from rater_data.errors import BadInput
from rater_data.planning.basis import planned_values
from rater_data.planning.estimate import ON_ROLLOUTS, HomeFacts, estimate_round

CONFIG = replace(Config(), precision="fp32", sample=SampleConfig(max_new_tokens=12, system="Be brief."))


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine(tmp_path_factory.mktemp("home"), "tiny", "cpu", CONFIG)


def user(text):
    return [{"role": "user", "content": text}]


def page_of(found):
    console = Console(width=140, record=True, force_terminal=False)
    with console.capture() as capture:
        print_diagnosis(console, found)
    return capture.get()


def test_it_says_what_was_loaded_and_leaves_the_adapter_alone(engine):
    before = engine.policy.adapter_state()
    found = json.loads(json.dumps(diagnosis.diagnose(engine, CONFIG, lambda _: None)))
    assert all(torch.equal(p, before[n]) for n, p in engine.policy.adapter_state().items())
    parameters = sum(p.numel() for p in tiny_model(torch.device("cpu")).lm.parameters())
    assert (found["model"]["parameters"], found["model"]["context"]) == (parameters, 512)
    assert found["path"]["path"] == "fast"
    assert "System: Be brief." in found["prompts"]["example"]
    assert set(found["prompts"]["stops"].values()) >= {"<|end|>", ".", "?"}
    whole = found["needs"]["measured"]
    assert whole["responses"] == 16
    assert whole["microbatch"] <= engine.policy.microbatch_tokens
    asked = [engine.base.encode(user(q), CONFIG.sample) for q in measuring.QUESTIONS]
    assert whole["tokens"] == sum(4 * (len(ids) + 12) for ids in asked)
    assert whole["shared"] == sum(len(ids) + 4 * 12 for ids in asked)
    assert 0 < whole["rest"] <= found["needs"]["peak"] < found["needs"]["free"] and found["needs"]["fits"]
    page = page_of(found)
    assert "Fast path" in page and "Ready: a round as configured fits." in page and "<|end|> (" in page


def test_a_round_that_does_not_fit_is_said(engine, monkeypatch):
    monkeypatch.setattr(measuring, "free_bytes", lambda _device: 0)
    monkeypatch.setattr(measuring, "HEADROOM", 0.5)
    found = diagnosis.diagnose(engine, CONFIG, lambda _: None)
    assert not found["needs"]["fits"] and "does not fit" in page_of(found)


MINI = measuring.Measured(
    responses=16,
    per_prompt=4,
    tokens=16 * (7 + 12),
    shared=4 * 7 + 16 * 12,
    microbatch=100,
    few_s=1.0,
    write_s=2.0,
    read_s=3.0,
    train_s=4.0,
    rest=1000,
    few_peak=1100,
    write_peak=1400,
    train_peak=3000,
)


def test_the_longest_response_is_what_one_reading_of_it_takes(engine, monkeypatch):
    """1,000 bytes at rest, and 2,000 more while 100 tokens are read in one go: 20 a token, 4,900 are left."""
    monkeypatch.setattr(diagnosis, "work_minibatch", lambda *_: MINI)
    monkeypatch.setattr(measuring, "free_bytes", lambda _device: 2900)
    monkeypatch.setattr(measuring, "HEADROOM", 1.0)
    needs = diagnosis.measure_needs(engine, CONFIG, lambda _costs: HomeFacts())
    assert (needs.free, needs.longest_response) == (5900, 4900 // 20 - 7)


def test_minutes_and_memory_are_those_that_the_console_says(engine, monkeypatch):
    """One function for both: by the same costs and settings they say the same, whatever a home knows besides."""
    monkeypatch.setattr(diagnosis, "work_minibatch", lambda *_: MINI)
    facts = HomeFacts(length=9.0, limit=12, ratios={ON_ROLLOUTS: 1.5}, spread=1.3)
    changes = ["ppo.epochs=3", "ppo.steps=9", "plan.ratings=128"]
    needs = diagnosis.measure_needs(engine, CONFIG.changed(changes), lambda _costs: facts)
    stored = {"sample": {"max_new_tokens": 12}, "ppo": {"epochs": 3, "steps": 9}, "plan": {"ratings": 128}}
    said = estimate_round(planned_values(stored), needs.costs, facts)
    assert (needs.minutes * 60, needs.writing_minutes * 60) == pytest.approx((said.train_s, said.writing_s))
    assert (needs.peak, needs.spread) == (said.peak, 1.3)
    fewer = estimate_round(planned_values({**stored, "ppo": {"steps": 9}}), needs.costs, facts)
    assert fewer.train_s < said.train_s, "further epochs cost time"


def test_the_command_and_its_refusal(tmp_path, monkeypatch):
    monkeypatch.setenv("RATELOOP_HOME", str(tmp_path))
    ran = CliRunner().invoke(
        cli, ["doctor", "--model", "tiny", "--max-new-tokens", "4:8", "--json", str(tmp_path / "d.json")]
    )
    assert ran.exit_code == 0, ran.output
    assert "at most 4 to 8 tokens" in ran.output
    assert json.loads((tmp_path / "d.json").read_text())["sample"]["max_new_tokens_from"] == 4
    with pytest.raises(BadInput, match="8:4"):
        CliRunner().invoke(
            cli, ["doctor", "--model", "tiny", "--max-new-tokens", "8:4"], catch_exceptions=False
        )
