"""ppo/models.py: which base model, and what is said when it cannot be had."""

import json

import pytest
import torch
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

from ppo.config import LoraSettings
from ppo.models import byte_tokenizer, load_base, pick_device, tiny_model
from ppo.policy import Policy, pick_precision
from ppo.rollout import rollout_of
from rater_data.errors import BadInput, Missing


def test_tiny_is_the_same_every_time():
    one, same = (tiny_model(torch.device("cpu")).lm.state_dict() for _ in range(2))
    assert all(torch.equal(one[k], same[k]) for k in one)


@pytest.mark.parametrize("text", ["hello", "naïve 日本 🙂", "a\nb\tc"])
def test_bytes_come_back(text):
    base = tiny_model(torch.device("cpu"))
    assert base.decode(base.tokenizer(text)["input_ids"]) == text


def test_nul_is_not_handed_to_the_store():
    base = tiny_model(torch.device("cpu"))
    assert "\0" not in base.decode(base.tokenizer("a\0b")["input_ids"])


def test_a_model_without_a_chat_template_gets_a_plain_prompt():
    base = tiny_model(torch.device("cpu"))
    ids = base.encode([{"role": "user", "content": "Hi"}])
    assert base.decode(ids) == "User: Hi\nAssistant:"


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(Missing, match="was not found"):
        load_base(str(tmp_path / "nowhere"), tmp_path, "cpu")


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path):
    with pytest.raises(Missing, match=r"no readable config.json"):
        load_base(str(tmp_path), tmp_path, "cpu")


def test_a_model_that_is_no_causal_lm_is_refused(tmp_path):
    config = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=20
    )
    BertModel(config).save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(written | {"model_type": "vit"}))
    with pytest.raises(BadInput, match="not a causal language model"):
        load_base(str(tmp_path), tmp_path, "cpu")


def test_a_model_that_does_not_fit_says_how_much_is_missing(tmp_path):
    config = GPT2Config(n_embd=65536, n_layer=200, n_head=64, vocab_size=50000)
    config.save_pretrained(tmp_path)
    with pytest.raises(BadInput, match=r"needs about .* GiB of memory and .* GiB are free"):
        load_base(str(tmp_path), tmp_path, "cpu")


def test_another_family_from_a_folder(tmp_path):
    """GPT-2: learned positions and Conv1D layers."""
    tokenizer = byte_tokenizer()
    config = GPT2Config(
        n_embd=16,
        n_layer=2,
        n_head=2,
        n_positions=64,
        vocab_size=len(tokenizer),
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    base = load_base(str(tmp_path), tmp_path, "cpu")
    policy = Policy(base, LoraSettings(r=2, alpha=4), "fp32", 0)
    rollout = rollout_of([[5, 6, 7]] * 2, [[1, 2, 3], [4]], [False] * 2, [0, 0], base.pad_id, policy.device)
    shared = policy.read(rollout, 0.7).logprobs
    policy.share_prompts = False
    torch.testing.assert_close(policy.read(rollout, 0.7).logprobs, shared, atol=1e-5, rtol=0)
    shared.sum().backward()
    assert any(p.grad is not None and p.grad.abs().any() for p in policy.adapter_parameters())


def test_devices():
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in ("cpu", "cuda")
    with pytest.raises(BadInput, match="is not known"):
        pick_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match="no usable GPU"):
            pick_device("cuda")


def test_precision():
    assert pick_precision("fp32", torch.device("cpu")) == "fp32"
    assert pick_precision("auto", torch.device("cpu")) in ("fp32", "bf16")
