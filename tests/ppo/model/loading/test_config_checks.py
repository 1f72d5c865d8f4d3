"""ppo/model/loading/config_checks.py: a config that cannot be used is one sentence, and code of a folder never runs."""

import builtins
import json

import pytest
import torch
import transformers
from transformers import (
    BartConfig,
    BertConfig,
    BertLMHeadModel,
    RobertaConfig,
    RobertaForCausalLM,
    T5Config,
    ViTConfig,
    XLNetConfig,
    XLNetLMHeadModel,
)

from ppo.model.loading.base_models import load_base
from ppo.model.loading.tiny_model import byte_tokenizer
from rater_data.errors import BadInput, Missing
from tests.ppo.model.loading.conftest import ROWS, assert_one_sentence


def loaded(folder):
    return load_base(str(folder), folder, "cpu")


def refused(folder, kind=BadInput):
    with pytest.raises(kind) as error:
        loaded(folder)
    assert_one_sentence(str(error.value))
    return str(error.value)


def change(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


VERSION = f"transformers {transformers.__version__}"
CONFIGS = [
    ("a list", "[1]", r"config\.json holds a list where an object in braces is wanted"),
    ("a text", '"x"', r"config\.json holds a str where"),
    ("cut off", '{"model_type": ', r"config\.json cannot be read \(JSONDecodeError: .*\); copy or download"),
    ("empty", "", r"config\.json cannot be read \(JSONDecodeError"),
    ("binary", b"\xff\xfe\0\0", r"config\.json cannot be read \(UnicodeDecodeError"),
    ("deep", "[" * 100_000, r"config\.json cannot be read \(RecursionError"),
    ("a pointer", "version https://git-lfs.github.com/spec/v1\noid", r"config\.json is a git-lfs pointer"),
    ("no type", "{}", r"config\.json names no model_type"),
    ("a type that is a list", '{"model_type": ["llama"]}', r"names no model_type"),
]


@pytest.mark.parametrize(("text", "said"), [c[1:] for c in CONFIGS], ids=[c[0] for c in CONFIGS])
def test_a_config_that_cannot_be_read(copy_of, text, said):
    import re

    folder = copy_of("llama")
    (folder / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert re.search(said, refused(folder))


CHANGES = [
    (
        "an unknown type",
        {"model_type": "llama9"},
        f"of the type 'llama9', which {VERSION} does not know; a newer",
    ),
    (
        "an unknown type with code",
        {"model_type": "internlm", "auto_map": {"AutoConfig": "a.B", "AutoModelForCausalLM": "a.C"}},
        f"brings code of its own for it (auto_map), which is never run here; {VERSION} has none for it",
    ),
    (
        "heads",
        {"num_attention_heads": 3, "head_dim": None},
        "hidden size (16) is not a multiple of the number of att",
    ),
    (
        "shared heads",
        {"num_key_value_heads": 3, "num_attention_heads": 4, "head_dim": 4},
        "has 3 key-value heads",
    ),
    (
        "rope",
        {"rope_parameters": {"rope_type": "spiral", "rope_theta": 1e4}},
        "the rope_type 'spiral', which trans",
    ),
    (
        "old rope",
        {"rope_parameters": None, "rope_scaling": {"type": "spiral", "factor": 2}},
        "rope_type 'spiral'",
    ),
    ("a width in words", {"hidden_size": "16"}, "Field 'hidden_size' expected int, got str (value: '16')"),
    ("no width", {"hidden_size": None}, "Field 'hidden_size' expected int, got NoneType"),
    ("another width", {"hidden_size": 32}, "is 259×16 instead of 259×32"),
    ("another depth", {"num_hidden_layers": 3}, "9 tensors are missing (model.layers.2."),
    ("less depth", {"num_hidden_layers": 1}, "9 tensors are unknown to it (model.layers.1."),
    ("a vocabulary of more", {"vocab_size": 300}, "is 259×16 instead of 300×16"),
    ("no vocabulary", {"vocab_size": 0}, "is 259×16 instead of 0×16"),
    (
        "an activation",
        {"hidden_act": "sharkfin"},
        "cannot be built from its config.json (KeyError: 'sharkfin')",
    ),
    ("a type of numbers", {"dtype": "float9"}, "config.json cannot be used (AttributeError"),
    (
        "another family",
        {"model_type": "gpt2"},
        "its weights do not fit GPT2LMHeadModel as config.json describes it",
    ),
    ("weights elsewhere", {"transformers_weights": "other.safetensors"}, "names weight files of its own"),
]


@pytest.mark.parametrize(("changes", "said"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_config_that_does_not_describe_the_model(copy_of, changes, said):
    folder = copy_of("llama")
    change(folder, **changes)
    assert said in refused(folder)


@pytest.mark.parametrize(
    ("settings", "method"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq, 4 bits"),
        ({"quant_method": "awq", "bits": 4}, "awq, 4 bits"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes, 4 bits"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes, 8 bits"),
        ({"load_in_8bit": True}, "a method that is not named, 8 bits"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "compressed-tensors", "format": "pack-quantized"}, "compressed-tensors"),
        ("x", "by a method that is not named"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_quantised_models_are_refused_by_the_name_of_the_method(copy_of, settings, method, inside):
    folder = copy_of("llama")
    wanted = {"quantization_config": settings}
    change(folder, **({"text_config": wanted} if inside else wanted))
    text = refused(folder)
    assert f"is quantised ({method}), and only plain weights" in text
    assert "bring the unquantised model" in text


def test_no_quantisation_is_no_reason(copy_of):
    folder = copy_of("llama")
    change(folder, quantization_config=None)
    loaded(folder)


def test_code_of_the_folder_is_not_run_and_nobody_is_asked(copy_of, made, tmp_path, monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("somebody was asked"))
    folder, ran = copy_of("llama"), tmp_path / "ran"
    (folder / "modeling_own.py").write_text(f"open({str(ran)!r}, 'w').write('ran')\n")
    for name in ("custom_generate", "."):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "generate.py").write_text(f"open({str(ran)!r}, 'w').write('ran')\n")
    code = {name: f"modeling_own.{name}" for name in ("AutoConfig", "AutoModelForCausalLM")}
    change(folder, auto_map=code)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "OwnTokenizer", "auto_map": {"AutoTokenizer": ["modeling_own.Own", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    base = loaded(folder)
    assert base.notes[:2] == (
        "The config asks for code of its own (auto_map); it was not run, transformers' own LlamaForCausalLM was used.",
        "The tokenizer asks for code of its own (auto_map); it was not run, tokenizer.json was read.",
    )
    assert base.tokenizer("hello")["input_ids"] == byte_tokenizer()("hello")["input_ids"]
    change(folder, model_type="own")
    refused(folder)
    assert not ran.exists()


@pytest.mark.parametrize(
    "asked",
    [
        {"attn_implementation": "flash_attention_2"},
        {"_attn_implementation": "kernels-community/flash-attn"},
        {"fusion_config": {"rms_norm": True}},
    ],
)
def test_ways_to_compute_that_a_config_asks_for_are_left_to_transformers(copy_of, made, asked):
    folder = copy_of("llama")
    change(folder, **asked)
    base = loaded(folder)
    assert "The config asks for other ways to compute" in base.notes[0]
    assert base.lm.config._attn_implementation == loaded(made("llama")).lm.config._attn_implementation


def test_a_padding_token_beyond_the_embedding_is_not_used(copy_of):
    """Trainers add one and do not always make room for it."""
    folder = copy_of("llama")
    change(folder, pad_token_id=ROWS)
    base = loaded(folder)
    assert (
        base.notes[0]
        == f"The padding token {ROWS} of the config lies beyond its {ROWS} tokens; it is not used."
    )
    assert base.pad_id < ROWS


SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
OTHERS = [
    ("encoder-decoder", T5Config(d_model=16, num_layers=1, vocab_size=ROWS), "is an encoder-decoder model"),
    ("encoder-decoder with a decoder class", BartConfig(vocab_size=ROWS), "is an encoder-decoder model"),
    ("vision", ViTConfig(**SMALL), "is a vit model"),
    ("masked", BertConfig(**SMALL, vocab_size=ROWS), "is a bert model that reads the tokens to come as well"),
    (
        "masked, too",
        RobertaConfig(**SMALL, vocab_size=ROWS),
        "is a roberta model that reads the tokens to come",
    ),
]


@pytest.mark.parametrize(("config", "said"), [o[1:] for o in OTHERS], ids=[o[0] for o in OTHERS])
def test_models_that_are_no_causal_language_models(tmp_path, config, said):
    config.save_pretrained(tmp_path)
    text = refused(tmp_path)
    assert said in text and "not a causal language model" in text


@pytest.mark.parametrize(
    ("config", "model_class"),
    [
        (BertConfig(**SMALL, vocab_size=ROWS, is_decoder=True), BertLMHeadModel),
        (RobertaConfig(**SMALL, vocab_size=ROWS, is_decoder=True), RobertaForCausalLM),
    ],
    ids=["bert", "roberta"],
)
def test_an_encoder_made_a_decoder_is_one(tmp_path, config, model_class):
    torch.manual_seed(0)
    model_class(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    assert loaded(tmp_path).lm.config.is_decoder


def test_a_model_that_reads_ahead_is_found_by_trying(tmp_path):
    """XLNet is in transformers' table of causal models and its plain forward sees the whole text."""
    torch.manual_seed(0)
    XLNetLMHeadModel(
        XLNetConfig(vocab_size=ROWS, d_model=16, n_layer=1, n_head=2, d_inner=16)
    ).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    assert "reads the tokens to come as well: it is not a causal language model" in refused(tmp_path)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "It is no model in the transformers format"),
        (
            ["checkpoint-100/config.json", "checkpoint-20/config.json"],
            "There is one in checkpoint-100, checkpoint-20",
        ),
        (["a.Q4_0.gguf"], "It holds GGUF files, which are quantised"),
        (["consolidated.00.pth"], "It holds pickled weights alone"),
    ],
)
def test_a_folder_without_a_config(tmp_path, files, said):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("{}")
    text = refused(tmp_path, Missing)
    assert "the folder holds no config.json" in text and said in text


def test_a_file_in_place_of_a_folder(copy_of):
    folder = copy_of("llama")
    assert "is a file; name the folder that it is in" in refused(folder / "model.safetensors")
