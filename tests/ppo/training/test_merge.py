"""ppo/training/merge.py: a version leaves as a plain model that says the same."""

import json
import shutil

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from ppo.cli.main import cli
from ppo.model.loading.tiny_model import tiny_model
from ppo.training import merge
from rater_data.errors import BadInput, DiskFull, Missing
from rater_data.store import Store
from tests.ppo.training.test_ring import demo

IDS = torch.tensor([[5, 6, 7, 8, 9]])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    home = tmp_path_factory.mktemp("trained")
    demo(home).run()
    return home


@pytest.fixture
def home(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "home")


@pytest.fixture
def store(home):
    opened = Store.open(home)
    yield opened
    opened.close()


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def test_the_merged_model_gives_the_same_logits(home, tmp_path):
    out = tmp_path / "plain"
    done = CliRunner().invoke(cli, ["merge", "--version", "1", "--out", str(out), "--home", str(home)])
    assert done.exit_code == 0, done.output
    assert "Version 1 of tiny" in done.output
    adapted = logits(
        PeftModel.from_pretrained(tiny_model(torch.device("cpu")).lm, home / "versions" / "0001")
    )
    merged = logits(AutoModelForCausalLM.from_pretrained(out))
    torch.testing.assert_close(merged, adapted, atol=1e-5, rtol=0)
    assert not torch.allclose(merged, logits(tiny_model(torch.device("cpu")).lm), atol=1e-3), "it did move"
    assert AutoTokenizer.from_pretrained(out).decode(IDS[0])
    lineage = json.loads((out / "rateloop.json").read_text())
    assert (lineage["version"], lineage["base_model"]) == (1, "tiny")
    assert not {p.suffix for p in out.iterdir()} & {".bin", ".pt", ".pkl"}


def test_the_current_version_by_default_and_the_base_too(store, home, tmp_path):
    assert merge.merge(store, home, None, tmp_path / "a").version == 1
    assert merge.merge(store, home, 0, tmp_path / "b").difference == 0
    base = logits(AutoModelForCausalLM.from_pretrained(tmp_path / "b"))
    assert torch.equal(base, logits(tiny_model(torch.device("cpu")).lm))


def test_what_cannot_be_merged_is_one_sentence(store, home, tmp_path):
    with pytest.raises(Missing, match="no version 9"):
        merge.merge(store, home, 9, tmp_path / "out")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("keep me")
    with pytest.raises(BadInput, match="no empty folder"):
        merge.merge(store, home, 1, full)
    assert (full / "mine.txt").read_text() == "keep me"
    weights = home / "versions" / "0001" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(BadInput, match="cut short or altered"):
        merge.merge(store, home, 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing(store, home, tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merge.Path, "rename", full)
    with pytest.raises(DiskFull, match="No space left"):
        merge.merge(store, home, 1, tmp_path / "out")
    assert not [p for p in tmp_path.iterdir() if p.name != "home"]
