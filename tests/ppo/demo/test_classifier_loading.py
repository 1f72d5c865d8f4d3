"""ppo/demo/classifier_loading.py: what is no classifier, or no whole one, is refused with one true sentence."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import DistilBertConfig, DistilBertForSequenceClassification, DistilBertModel, ViTConfig

from ppo.demo.classifier_loading import load_model
from ppo.model.loading.tiny_model import byte_tokenizer, tiny_model
from rater_data.errors import BadInput, Missing

CONFIG = DistilBertConfig(vocab_size=259, dim=16, n_layers=1, n_heads=2, hidden_dim=16)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder with everything in it."""
    folder = tmp_path_factory.mktemp("classifier")
    DistilBertForSequenceClassification(CONFIG).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(whole, tmp_path / "spoiled")


def refusal(folder, kind=BadInput) -> str:
    with pytest.raises(kind) as raised:
        load_model(str(folder), "cpu")
    sentence = str(raised.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_a_whole_one_loads_for_reading_only(folder):
    model, tokenizer = load_model(str(folder), "cpu")
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert tokenizer.truncation_side == "right"


def test_what_is_not_there(tmp_path):
    assert "there is no such folder" in refusal(tmp_path / "nowhere", Missing)
    assert "the folder holds no config.json" in refusal(tmp_path, Missing)
    (tmp_path / "config.json").write_text("no JSON")
    assert "config.json cannot be read" in refusal(tmp_path)


def test_a_causal_model_has_no_head(tmp_path):
    tiny = tiny_model(torch.device("cpu"))
    tiny.lm.save_pretrained(tmp_path)
    tiny.tokenizer.save_pretrained(tmp_path)
    assert "1 tensor is not among its weights and would be random (score.weight)" in refusal(tmp_path)


def test_an_encoder_without_its_head_is_refused_by_the_names_of_what_is_missing(folder):
    DistilBertModel(CONFIG).save_pretrained(folder)
    assert "(classifier.bias, classifier.weight, pre_classifier.bias and 1 more)" in refusal(folder)


def test_one_missing_weight_is_enough(folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    del weights["distilbert.transformer.layer.0.ffn.lin1.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    assert "distilbert.transformer.layer.0.ffn.lin1.weight" in refusal(folder)


def test_other_weight_files_are_not_read(folder):
    file = folder / "model.safetensors"
    file.rename(folder / "pytorch_model.bin")
    assert "no weights in safetensors, and no others are read" in refusal(folder)


def test_a_damaged_file(folder):
    (folder / "model.safetensors").write_bytes(b"\x08" + bytes(30))
    assert "is no safetensors file" in refusal(folder)


def test_a_head_for_other_labels(folder):
    config = json.loads((folder / "config.json").read_text())
    labels = {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
    (folder / "config.json").write_text(json.dumps(config | labels))
    assert "2 tensors are not among its weights and would be random (classifier.bias" in refusal(folder)


def test_an_adapter_is_no_whole_model(folder):
    (folder / "adapter_config.json").write_text("{}")
    assert "is an adapter; merge it" in refusal(folder)


def test_parts_of_what_it_was_before_do_no_harm(folder):
    file = folder / "model.safetensors"
    save_file(load_file(file) | {"vocab_projector.bias": torch.ones(3)}, file, metadata={"format": "pt"})
    load_model(str(folder), "cpu")


def test_numbers_that_are_none(folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, file, metadata={"format": "pt"})
    assert "not finite, first in classifier.bias" in refusal(folder)


def test_a_missing_tokenizer_is_not_made_up(folder):
    for file in folder.glob("tokenizer*"):
        file.unlink()
    assert "has no tokenizer" in refusal(folder)


def test_a_tokenizer_of_another_model(folder):
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["another"])
    tokenizer.save_pretrained(folder)
    assert "knows 259 tokens and its tokenizer 260" in refusal(folder)


def test_a_model_of_something_else(tmp_path):
    ViTConfig().save_pretrained(tmp_path)
    assert "is of the type 'vit', of which transformers knows no text classifier" in refusal(tmp_path)


def test_code_that_comes_with_a_model_is_not_run(folder):
    marker = folder / "was-run"
    (folder / "own.py").write_text(f"open({str(marker)!r}, 'w')\n")
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForSequenceClassification": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "own", "auto_map": own}))
    assert "needs code that comes with it (auto_map), which is never run here" in refusal(folder)
    assert not marker.exists()
