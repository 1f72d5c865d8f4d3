"""ppo/model/loading/base_models.py: which base model, and what is said when it cannot be had."""

import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

from ppo.config import LoraSettings
from ppo.model.loading.base_models import load_base, pick_device
from ppo.model.loading.tiny_model import byte_tokenizer, tiny_model
from ppo.model.policy import Policy, pick_precision
from ppo.model.rollout import rollout_of
from rater_data.errors import BadInput, Missing

CPU = torch.device("cpu")


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
    ids = base.chat.encode_chat([{"role": "user", "content": "Hi"}])
    assert base.decode(ids) == "User: Hi\nAssistant:"


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(Missing, match="was not found"):
        load_base(str(tmp_path / "nowhere"), tmp_path, "cpu")


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path):
    with pytest.raises(Missing, match=r"holds no config.json"):
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
    with pytest.raises(BadInput, match=r"needs about .* GiB are free: .* GiB are missing"):
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
    shared = policy.forward(rollout, 0.7).logprobs
    policy.share_prompts = False
    torch.testing.assert_close(policy.forward(rollout, 0.7).logprobs, shared, atol=1e-5, rtol=0)
    shared.sum().backward()
    assert any(p.grad is not None and p.grad.abs().any() for p in policy.adapter_parameters())


def saved(folder, lm=None):
    """A small Llama with the byte tokenizer as a folder."""
    tokenizer = byte_tokenizer()
    (lm or tiny_model(CPU).lm).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def adapter_for(folder, out):
    """An adapter of `folder`'s model that does something, as PEFT writes it."""
    made = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder), LoraConfig(r=4, target_modules="all-linear")
    )
    with torch.no_grad():
        for i, p in enumerate(p for n, p in sorted(made.named_parameters()) if "lora_" in n):
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(i)) * 0.05)
    made.save_pretrained(out)
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        return made(input_ids=ids).logits


def test_a_starting_adapter_is_the_reference(tmp_path):
    folder = saved(tmp_path / "model")
    wanted = adapter_for(folder, tmp_path / "adapter")
    base = load_base(str(tmp_path / "adapter"), tmp_path, "cpu")
    assert base.name == str(tmp_path / "adapter")
    with torch.no_grad():
        torch.testing.assert_close(
            base.lm(input_ids=torch.tensor([[5, 6, 7]])).logits, wanted, atol=1e-5, rtol=0
        )
    policy = Policy(base, LoraSettings(r=2, alpha=4), "fp32", 0)
    rollout = rollout_of([[5, 6, 7]] * 2, [[1, 2, 3], [4]], [False] * 2, [0, 0], base.pad_id, policy.device)
    with torch.no_grad():
        new = policy.forward(rollout, 0.7).logprobs
        with policy.reference():
            assert torch.equal(policy.forward(rollout, 0.7).logprobs, new), "KL 0 before the first update"


def test_weights_that_are_no_numbers_are_named(tmp_path):
    lm = tiny_model(CPU).lm
    with torch.no_grad():
        lm.model.layers[1].mlp.up_proj.weight[0, 0] = float("nan")
    saved(tmp_path, lm)
    with pytest.raises(BadInput, match=r"not finite, first in model\.layers\.1\.mlp\.up_proj"):
        load_base(str(tmp_path), tmp_path, "cpu")


def test_a_tokenizer_that_knows_more_than_the_model_is_refused(tmp_path):
    saved(tmp_path)
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["<one>", "<two>"])
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(BadInput, match="knows 259 tokens and its tokenizer 261"):
        load_base(str(tmp_path), tmp_path, "cpu")


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
