"""python -m ppo doctor: what it says is what was loaded and measured."""

import json
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from ppo.cli.main import cli
from ppo.config import Config, SampleConfig
from ppo.doctor import diagnosis
from ppo.doctor.page import print_diagnosis
from ppo.model.loading.tiny_model import tiny_model
from ppo.training.engine import Engine
from rater_data.errors import BadInput

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
    asked = [engine.base.encode(user(q), CONFIG.sample) for q in diagnosis.QUESTIONS]
    assert whole["tokens"] == sum(4 * (len(ids) + 12) for ids in asked)
    assert 0 < whole["rest"] <= whole["peak"] < found["needs"]["free"] and found["needs"]["fits"]
    page = page_of(found)
    assert "Fast path" in page and "Ready: a round as configured fits." in page and "<|end|> (" in page


def test_a_round_that_does_not_fit_is_said(engine, monkeypatch):
    monkeypatch.setattr(diagnosis, "_free", lambda _device: 0)
    monkeypatch.setattr(diagnosis, "HEADROOM", 0.5)
    found = diagnosis.diagnose(engine, CONFIG, lambda _: None)
    assert not found["needs"]["fits"] and "does not fit" in page_of(found)


def test_the_longest_response_is_what_one_reading_of_it_takes(engine, monkeypatch):
    """1,000 bytes at rest, and 2,000 more while 100 tokens are read in one go: 20 a token, 4,900 are left."""
    mini = diagnosis.Measured(16, 16 * (7 + 12), 100, 4, 4, 1000, 3000)
    monkeypatch.setattr(diagnosis, "_work", lambda *_: mini)
    monkeypatch.setattr(diagnosis, "_free", lambda _device: 2900)
    monkeypatch.setattr(diagnosis, "HEADROOM", 1.0)
    needs = diagnosis.measure_needs(engine, CONFIG)
    assert (needs.free, needs.longest_response) == (5900, 4900 // 20 - 7)


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
