"""ppo/model/loading/weights.py: every tensor in its place, or a refusal that names what is wrong."""

import json
import logging

import pytest
import torch

from ppo.model.loading.base_models import load_base
from rater_data.errors import BadInput
from tests.ppo.model.loading.conftest import (
    CONFIGS,
    assert_one_sentence,
    rewrite,
    tensors_of,
)

UP = "model.layers.1.mlp.up_proj.weight"
IDS = torch.tensor([[5, 6, 7, 8]])


def loaded(folder):
    return load_base(str(folder), folder, "cpu")


def logits(folder):
    with torch.no_grad():
        return loaded(folder).lm(input_ids=IDS).logits


def renamed(folder, rename):
    rewrite(folder, {rename(name): tensor for name, tensor in tensors_of(folder).items()})


@pytest.mark.parametrize("family", CONFIGS)
def test_a_whole_model_loads_as_it_was_saved_and_in_silence(made, family, capfd):
    folder = made(family)
    capfd.readouterr()
    base = loaded(folder)
    assert capfd.readouterr() == ("", "")
    assert base.notes == base.chat.notes, "nothing had to be done"
    assert base.stored_dtype == "float32"
    expected = type(base.lm).from_pretrained(folder).state_dict()
    assert expected.keys() == base.lm.state_dict().keys()
    assert all(torch.equal(expected[name], tensor) for name, tensor in base.lm.state_dict().items())


PREFIXES = [
    "_orig_mod.",
    "module.",
    "module._orig_mod.",
    "_orig_mod.module.",
    "base_model.model.",
    "module.base_model.model.",
    "_forward_module.",
    "_fsdp_wrapped_module._orig_mod.",
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_what_training_wraps_around_a_model_is_taken_off_and_told(copy_of, made, family, prefix):
    folder = copy_of(family)
    renamed(folder, lambda name: prefix + name)
    base = loaded(folder)
    count = len(tensors_of(folder))
    assert base.notes[0] == f"The prefix `{prefix}` was taken off {count} tensors."
    original = loaded(made(family)).lm.state_dict()
    assert all(torch.equal(original[name], tensor) for name, tensor in base.lm.state_dict().items())


def test_wrappers_of_single_layers_are_taken_off(copy_of, made):
    folder = copy_of("llama")
    renamed(
        folder,
        lambda name: name.replace(
            "layers.1.", "layers.1._fsdp_wrapped_module._checkpoint_wrapped_module."
        ).replace("mlp.", "mlp._orig_mod."),
    )
    base = loaded(folder)
    assert torch.equal(logits(folder), logits(made("llama")))
    assert len(base.notes) == 3 + len(base.chat.notes), "each kind of wrapping is told"


def test_a_model_that_had_a_prefix_is_saved_without_it(copy_of, tmp_path):
    folder = copy_of("llama")
    names = set(tensors_of(folder))
    renamed(folder, lambda name: "_orig_mod." + name)
    loaded(folder).lm.save_pretrained(tmp_path / "saved")
    assert set(tensors_of(tmp_path / "saved")) == names


@pytest.mark.parametrize(
    ("family", "rename"),
    [
        ("llama", lambda name: name.removeprefix("model.")),
        ("llama", lambda name: "model." + name),  # as Lightning writes it
        ("gpt2", lambda name: name.removeprefix("transformer.")),  # as the first GPT-2 was written
        ("gpt_neox", lambda name: name.removeprefix("gpt_neox.")),
    ],
)
def test_with_and_without_the_prefix_of_the_backbone(copy_of, made, family, rename):
    folder = copy_of(family)
    renamed(folder, rename)
    assert torch.equal(logits(folder), logits(made(family)))


MASK = torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64)


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("llama", {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}),
        ("gpt2", {"transformer.h.0.attn.bias": MASK, "transformer.h.0.attn.masked_bias": torch.tensor(-1e4)}),
        ("gpt2", {"h.0.attn.bias": MASK}),
        ("gpt_neox", {"gpt_neox.layers.0.attention.bias": MASK.bool()}),
        ("gpt_neox", {"gpt_neox.layers.0.attention.masked_bias": torch.tensor(-1e9)}),
        ("gpt_neox", {"gpt_neox.layers.1.attention.rotary_emb.inv_freq": torch.ones(2)}),
    ],
)
def test_constants_of_older_versions_are_passed_over(copy_of, made, family, more):
    folder = copy_of(family)
    rewrite(folder, tensors_of(folder) | more)
    assert torch.equal(logits(folder), logits(made(family)))


def test_layers_that_a_class_leaves_out_on_purpose_are_passed_over(made, tmp_path):
    """Qwen3-Next brings layers that predict further tokens (`mtp.`)."""
    from transformers import Qwen3NextConfig

    from tests.ppo.model.loading.conftest import SHARED, save_model

    folder = save_model(
        Qwen3NextConfig(
            **SHARED,
            head_dim=8,
            layer_types=["linear_attention", "full_attention"],
            num_experts=2,
            num_experts_per_tok=1,
            moe_intermediate_size=8,
            shared_expert_intermediate_size=8,
            linear_num_value_heads=2,
            linear_num_key_heads=2,
            linear_key_head_dim=8,
            linear_value_head_dim=8,
        ),
        tmp_path / "model",
    )
    before = logits(folder)
    rewrite(
        folder, tensors_of(folder) | {"mtp.fc.weight": torch.ones(16, 32), "mtp.norm.weight": torch.ones(16)}
    )
    assert torch.equal(logits(folder), before)


def without(*endings):
    return lambda tensors: {n: t for n, t in tensors.items() if not n.endswith(endings)}


def with_more(**more):
    return lambda tensors: tensors | {name.replace("__", "."): t for name, t in more.items()}


def shaped(name, *shape):
    return lambda tensors: tensors | {name: torch.zeros(shape)}


FAULTS = [
    ("one missing", "llama", without(UP), rf"1 tensor is missing \({UP}\)"),
    ("a norm missing", "gpt2", without("ln_f.bias"), r"1 tensor is missing \(transformer\.ln_f\.bias\)"),
    (
        "a layer missing",
        "llama",
        lambda ts: {n: t for n, t in ts.items() if ".layers.1." not in n},
        r"9 tensors are missing \(model\.layers\.1\.input_layernorm\.weight, .* and 6 more\)",
    ),
    (
        "no head",
        "llama",
        without("lm_head.weight"),
        r"lm_head\.weight\); save it with its head, or set tie_word",
    ),
    (
        "a tied embedding",
        "tied",
        without("embed_tokens.weight"),
        r"missing \(lm_head\.weight, model\.embed_tok",
    ),
    (
        "one too many",
        "llama",
        with_more(score__weight=torch.ones(2, 16)),
        r"1 tensor is unknown to it \(score\.",
    ),
    (
        "a value head",
        "llama",
        with_more(v_head__summary__weight=torch.ones(1, 16), v_head__summary__bias=torch.ones(1)),
        r"2 tensors are unknown to it \(v_head\.summary\.bias, v_head\.summary\.weight\)",
    ),
    (
        "a real bias",
        "gpt_neox",
        with_more(gpt_neox__layers__0__attention__extra=torch.ones(16)),
        r"attention\.extra",
    ),
    (
        "another shape",
        "llama",
        shaped(UP, 20, 16),
        rf"1 tensor has another shape \({UP} is 20×16 instead of 24×16\)",
    ),
    (
        "another vocabulary",
        "tied",
        shaped("model.embed_tokens.weight", 300, 16),
        r"model\.embed_tokens\.weight is 300×16 instead of 259×16",
    ),
    (
        "another family",
        "gpt2",
        lambda ts: {"model.embed_tokens.weight": torch.ones(259, 16), "lm_head.weight": torch.ones(259, 16)},
        r"GPT2LMHeadModel .*\d+ tensors are missing .*1 tensor is unknown to it \(model\.embed_tokens\.weight\)",
    ),
    (
        "a prefix nobody knows",
        "llama",
        lambda ts: {f"actor.{n}": t for n, t in ts.items()},
        r"21 tensors are missing .*21 tensors are unknown to it \(actor\.lm_head\.weight",
    ),
    (
        "one expert short of a part",
        "mixtral",
        without("experts.1.w1.weight"),
        r"cannot be put together as MixtralForCausalLM wants them",
    ),
    (
        "one expert short",
        "mixtral",
        lambda ts: {n: t for n, t in ts.items() if ".experts.1." not in n},
        r"mlp\.experts\.down_proj is 2×16×24 instead of 3×16×24",
    ),
    (
        "twice, with and without the backbone's prefix",
        "llama",
        lambda ts: ts | {UP.removeprefix("model."): ts[UP] + 1},
        r"holds two tensors for layers\.1\.mlp\.up_proj\.weight",
    ),
    (
        "twice, with and without a wrapper",
        "llama",
        lambda ts: ts | {f"_orig_mod.{UP}": ts[UP] + 1},
        rf"{UP} and _orig_mod\.{UP}|_orig_mod\.{UP} and {UP}",
    ),
    (
        "LoRA that is not merged",
        "llama",
        lambda ts: {n.replace("q_proj.weight", "q_proj.base_layer.weight"): t for n, t in ts.items()},
        r"an adapter \(LoRA\) that is not merged \(.*q_proj\.base_layer.*\); merge it with PEFT's",
    ),
    (
        "LoRA beside its model",
        "llama",
        with_more(model__layers__0__self_attn__q_proj__lora_A__default__weight=torch.ones(2, 16)),
        r"not merged .*lora_A",
    ),
    (
        "modules kept twice",
        "llama",
        lambda ts: ts | {"lm_head.modules_to_save.default.weight": ts["lm_head.weight"]},
        r"modules twice, as PEFT keeps them .*; merge",
    ),
    (
        "quantised without a word in the config",
        "llama",
        lambda ts: without(UP)(ts) | {UP.replace("weight", "qweight"): torch.ones(2, 24, dtype=torch.int32)},
        r"holds quantised weights.*up_proj\.qweight",
    ),
    (
        "flattened by FSDP",
        "llama",
        lambda ts: {"_fsdp_wrapped_module._flat_param": torch.ones(1000)},
        r"flattened parameters of FSDP .*; save a full state dict",
    ),
    (
        "no numbers",
        "llama",
        lambda ts: ts | {UP: torch.full((24, 16), torch.nan)},
        rf"not finite, first in {UP}",
    ),
]


@pytest.mark.parametrize(
    ("family", "damage", "said"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_tensors_that_do_not_fit_are_refused_by_name(copy_of, family, damage, said):
    folder = copy_of(family)
    rewrite(folder, damage(tensors_of(folder)))
    with pytest.raises(BadInput, match=said) as refused:
        loaded(folder)
    assert_one_sentence(str(refused.value))


def test_reports_of_transformers_are_not_written(copy_of):
    folder = copy_of("llama")
    rewrite(folder, without(UP)(tensors_of(folder)))
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("transformers")
    logger.addHandler(handler)
    level = logger.level
    try:
        with pytest.raises(BadInput):
            loaded(folder)
    finally:
        logger.removeHandler(handler)
    assert records == []
    assert logger.level == level, "it is as loud as before"


def test_a_head_of_its_own_is_kept_where_the_config_ties_it(copy_of, tmp_path):
    folder = copy_of("tied")
    head = torch.randn(259, 16)
    rewrite(folder, tensors_of(folder) | {"lm_head.weight": head})
    base = loaded(folder)
    assert torch.equal(base.lm.lm_head.weight, head)
    assert "head of its own, which was kept" in base.notes[0]
    base.lm.tie_weights()
    assert torch.equal(base.lm.lm_head.weight, head), "tying again must not lose it"
    base.lm.save_pretrained(tmp_path / "saved")
    assert torch.equal(tensors_of(tmp_path / "saved")["lm_head.weight"], head)


@pytest.mark.parametrize(
    "change",
    [
        lambda ts: ts | {"lm_head.weight": ts["model.embed_tokens.weight"].clone()},
        lambda ts: {n.replace("model.embed_tokens", "lm_head"): t for n, t in ts.items()},
    ],
    ids=["saved twice", "only as the head"],
)
def test_tied_weights_may_be_saved_under_either_name_or_both(copy_of, made, change):
    folder = copy_of("tied")
    rewrite(folder, change(tensors_of(folder)))
    base = loaded(folder)
    assert base.lm.lm_head.weight is base.lm.model.embed_tokens.weight
    assert base.notes == base.chat.notes
    assert torch.equal(logits(folder), logits(made("tied")))


def test_the_type_on_the_disk_is_told_and_fp32_is_loaded(copy_of):
    folder = copy_of("llama")
    rewrite(folder, {name: t.bfloat16() for name, t in tensors_of(folder).items()})
    base = loaded(folder)
    assert base.stored_dtype == "bfloat16"
    assert {p.dtype for p in base.lm.parameters()} == {torch.float32}


def test_end_tokens_of_the_generation_config_are_read(copy_of):
    folder = copy_of("llama")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [257, 46]}))
    assert {257, 46} <= set(loaded(folder).stop_ids)
    (folder / "generation_config.json").write_text("[]")
    with pytest.raises(BadInput, match=r"generation_config\.json holds a list"):
        loaded(folder)


def test_a_family_that_cannot_be_built_without_numbers_is_not_asked_for_its_size(made, monkeypatch):
    from transformers import LlamaForCausalLM

    build = LlamaForCausalLM.__init__

    def fails_on_meta(self, config):
        if torch.empty(0).device.type == "meta" and not torch.is_inference_mode_enabled():
            frames.append(1)
            if len(frames) == 1:
                raise NotImplementedError("no meta kernels")
        build(self, config)

    frames: list[int] = []
    monkeypatch.setattr(LlamaForCausalLM, "__init__", fails_on_meta)
    loaded(made("llama"))
    assert frames, "the size was asked for"
