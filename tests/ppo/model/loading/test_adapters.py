"""ppo/model/loading/adapters.py: an adapter is merged whole into its own model, or refused with a sentence."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from ppo.model.loading.base_models import load_base
from ppo.model.loading.tiny_model import byte_tokenizer
from rater_data.errors import BadInput, Missing
from tests.ppo.model.loading.conftest import assert_one_sentence

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
A_UP = "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight"
IDS = torch.tensor([[5, 6, 7, 8]])


def save_adapter(base: Path, out: Path, config) -> torch.Tensor:
    """An adapter with random weights of `base`'s model, as PEFT writes it; the adapted logits."""
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in sorted(adapted.named_parameters()):
            if parameter.requires_grad and "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    adapted.eval().save_pretrained(out)
    with torch.no_grad():
        return adapted(input_ids=IDS).logits


@pytest.fixture(scope="module")
def wholes(made, tmp_path_factory):
    """A folder with an adapter of the small Llama, and what it should compute."""
    out = tmp_path_factory.mktemp("adapters") / "lora"
    return out, save_adapter(
        made("llama"), out, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    )


@pytest.fixture
def adapter(wholes, tmp_path):
    return Path(shutil.copytree(wholes[0], tmp_path / "adapter"))


def loaded(folder):
    return load_base(str(folder), folder, "cpu")


def test_a_whole_adapter_is_merged_into_its_model(adapter, wholes):
    base = loaded(adapter)
    with torch.no_grad():
        merged = base.lm(input_ids=IDS).logits
    torch.testing.assert_close(merged, wholes[1], atol=1e-5, rtol=0)
    assert base.name == str(adapter)
    assert base.notes == base.chat.notes


def test_modules_that_were_trained_whole_are_taken_over(made, tmp_path):
    settings = LoraConfig(
        r=2, target_modules=["q_proj"], modules_to_save=["lm_head"], task_type="CAUSAL_LM", use_dora=True
    )
    wanted = save_adapter(made("llama"), tmp_path / "adapter", settings)
    with torch.no_grad():
        torch.testing.assert_close(
            loaded(tmp_path / "adapter").lm(input_ids=IDS).logits, wanted, atol=1e-5, rtol=0
        )


def test_the_tokenizer_of_the_adapters_folder_is_what_it_was_trained_with(adapter):
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{% endfor %}"
    tokenizer.save_pretrained(adapter)
    base = loaded(adapter)
    assert base.notes == (
        "The tokenizer and its chat template are those of the adapter's folder.",
        *base.chat.notes,
    )
    ids = base.chat.encode_chat([{"role": "user", "content": "Hi"}])
    assert base.tokenizer.decode(ids) == "[user] Hi"
    tokenizer.add_tokens(["<word>"])
    tokenizer.save_pretrained(adapter)
    with pytest.raises(BadInput, match="knows 259 tokens and its tokenizer 260"):
        loaded(adapter)


def tensors(change):
    def damage(folder):
        whole = {name: tensor.clone() for name, tensor in load_file(folder / WEIGHTS).items()}
        save_file(change(whole), folder / WEIGHTS)

    return damage


def settings(**changes):
    def damage(folder):
        written = json.loads((folder / CONFIG).read_text()) | changes
        (folder / CONFIG).write_text(json.dumps(written))

    return damage


def write(file, content):
    return lambda folder: (folder / file).write_bytes(content)


def without(name):
    return tensors(lambda ts: {n: t for n, t in ts.items() if n != name})


FAULTS = [
    (
        "one missing",
        without(A_UP),
        r"does not fit its model .*: it lacks 1 tensor \(.*1\.mlp\.up_proj\.lora_A",
    ),
    (
        "all B missing",
        tensors(lambda ts: {n: t for n, t in ts.items() if "lora_B" not in n}),
        r"it lacks 14 tensors \(.* and 11 more\)",
    ),
    (
        "wrapped names",
        tensors(
            lambda ts: {
                n.replace("base_model.model.", "base_model.model._orig_mod."): t for n, t in ts.items()
            }
        ),
        r"it lacks 28 tensors .*28 tensors are unknown to it \(base_model\.model\._orig_mod\.model",
    ),
    (
        "one too many",
        tensors(lambda ts: ts | {"base_model.model.score.weight": torch.ones(1)}),
        r"1 tensor is unknown to it",
    ),
    (
        "another shape",
        tensors(lambda ts: ts | {A_UP: torch.ones(4, 20)}),
        r"1 tensor has another shape \(.*up_proj",
    ),
    ("another rank", settings(r=8), r"28 tensors have another shape \("),
    (
        "no numbers",
        tensors(lambda ts: ts | {A_UP: torch.full((4, 16), torch.inf)}),
        r"not finite, first in model\.layers",
    ),
    ("fewer layers", settings(target_modules=["q_proj"]), r"24 tensors are unknown to it"),
    (
        "no such layers",
        settings(target_modules=["c_attn"]),
        r"Target modules \{'c_attn'\} not found in the base model; bring",
    ),
    ("another type", settings(peft_type="LORA9"), r"is of the type 'LORA9', which PEFT does not know"),
    ("no type", settings(peft_type=None), r"is of the type None"),
    ("another task", settings(task_type="SEQ_CLS"), r"was trained for SEQ_CLS, not to write text"),
    (
        "of Megatron",
        settings(megatron_config={"a": 1}, megatron_core="antigravity"),
        r"needs Megatron's modules",
    ),
    (
        "no base",
        settings(base_model_name_or_path=None),
        r"does not name its base model; write it into adapter_config",
    ),
    ("a setting of another kind", settings(r="four"), r"does not fit its model|damaged adapter_config"),
    ("a config cut off", write(CONFIG, b"{"), r"adapter_config\.json cannot be read \(JSONDecodeError"),
    ("a config of a list", write(CONFIG, b"[]"), r"adapter_config\.json holds a list"),
    (
        "weights cut off",
        write(WEIGHTS, b"\x20\0\0\0\0\0\0\0{"),
        r"adapter_model\.safetensors is cut off at 9 bytes",
    ),
    ("empty weights", write(WEIGHTS, b""), r"adapter_model\.safetensors is empty"),
    ("a pointer", write(WEIGHTS, b"version https://git-lfs.github.com/spec/v1\n"), r"git-lfs pointer"),
    (
        "pickled",
        lambda f: (f / WEIGHTS).rename(f / "adapter_model.bin"),
        r"has no adapter_model\.safetensors; other kinds of weight files are not read, save it",
    ),
]


@pytest.mark.parametrize(("damage", "said"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_an_adapter_that_is_not_whole_is_one_sentence(adapter, damage, said, capfd):
    damage(adapter)
    capfd.readouterr()
    with pytest.raises(BadInput, match=said) as refused:
        loaded(adapter)
    assert_one_sentence(str(refused.value))
    assert capfd.readouterr() == ("", "")


def test_an_adapter_of_another_model_is_refused(adapter, made):
    settings(base_model_name_or_path=str(made("gpt2")))(adapter)
    with pytest.raises(BadInput, match="does not fit its model") as refused:
        loaded(adapter)
    assert_one_sentence(str(refused.value))


def test_an_adapter_whose_model_is_gone_or_an_adapter_is_refused(adapter, tmp_path):
    settings(base_model_name_or_path=str(tmp_path / "gone"))(adapter)
    with pytest.raises(Missing, match=r"'/.*gone' was not found: there is no such folder\."):
        loaded(adapter)
    settings(base_model_name_or_path=str(adapter))(adapter)
    with pytest.raises(BadInput, match="stands on another adapter"):
        loaded(adapter)


def test_an_adapter_that_is_no_change_of_weights_is_refused(made, tmp_path):
    folder = tmp_path / "prompts"
    save_adapter(made("llama"), folder, PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM"))
    with pytest.raises(BadInput, match=r"\(PROMPT_TUNING\) cannot be added into the weights"):
        loaded(folder)
