"""A model's config.json: understood by transformers' own code, of a causal language model, and of plain weights.

Code that a folder brings is never run and nobody is asked whether it may be: a type that transformers knows is read by
its own classes, any other is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import transformers
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from ppo.model.loading.folders import CONFIG, ModelFolder, check_has_config
from ppo.model.loading.foreign import read_json, reason_of, silenced
from rater_data.errors import BadInput

INSTALLED = f"transformers {transformers.__version__}"
# Bidirectional as they come; their configs make decoders of them with `is_decoder`
ENCODERS = (
    "bert bert-generation big_bird camembert data2vec-text electra ernie megatron-bert reformer rembert roberta "
    "roberta-prelayernorm roc_bert roformer xlm-roberta xlm-roberta-xl xmod"
)
# Ways of computing that a config may ask for; some are fetched from the hub as code
IMPLEMENTATIONS = ("_attn_implementation", "attn_implementation", "experts_implementation", "fusion_config")
NO_CAUSAL = "not a causal language model; name one that is made to write text"


@dataclass(frozen=True)
class Architecture:
    """Which class of transformers a model is, with which config. `notes`: what was changed to make it load."""

    model_class: type[PreTrainedModel]
    config: Any
    notes: tuple[str, ...]


def read_config(folder: ModelFolder) -> Architecture:
    """The checked config. Raises Missing or BadInput with one sentence for one that cannot be used."""
    check_has_config(folder)
    written = read_json(folder.whose, folder.path / CONFIG)
    _check_type(folder, written)
    _check_plain_weights(folder, written)
    try:
        with silenced():
            config: Any = AutoConfig.from_pretrained(folder.path, trust_remote_code=False)
    except Exception as error:  # every family checks its own config, in its own way
        raise BadInput(
            f"{folder.whose}: {CONFIG} cannot be used ({reason_of(error)}); mend it or get it anew."
        ) from error
    if config.is_encoder_decoder or type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        kind = "encoder-decoder" if config.is_encoder_decoder else config.model_type
        raise BadInput(f"{folder.whose} is {_a(kind)} model, {NO_CAUSAL}.")
    model_class, config = _class_for(config)
    _check_shape(folder, config)
    notes = [
        *_code_notes(written, model_class),
        *_drop_implementations(config, written),
        *_drop_padding(config),
    ]
    return Architecture(model_class, config, tuple(notes))


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _check_type(folder: ModelFolder, written: dict[str, Any]) -> None:
    kind = written.get("model_type")
    if not isinstance(kind, str):
        raise BadInput(
            f"{folder.whose}: {CONFIG} names no model_type; get the file anew or write in it which family this is."
        )
    if kind in CONFIG_MAPPING:
        return
    if "auto_map" in written:
        raise BadInput(
            f"{folder.whose} is of the type {kind!r} and brings code of its own for it (auto_map), which is never run "
            f"here; {INSTALLED} has none for it, a newer version may have."
        )
    raise BadInput(
        f"{folder.whose} is of the type {kind!r}, which {INSTALLED} does not know; a newer version may know it."
    )


def _check_plain_weights(folder: ModelFolder, written: dict[str, Any]) -> None:
    parts = [written, *(part for part in written.values() if isinstance(part, dict))]
    for part in parts:
        for key in ("quantization_config", "compression_config"):
            if settings := part.get(key):
                raise BadInput(
                    f"{folder.whose} is quantised ({_method_of(settings)}), and only plain weights are trained here; "
                    "bring the unquantised model that it was made from."
                )
    if written.get("transformers_weights"):
        raise BadInput(
            f"{folder.whose}: {CONFIG} names weight files of its own (transformers_weights), which are not read here; "
            "write the model with transformers' save_pretrained."
        )


def _method_of(settings: Any) -> str:
    if not isinstance(settings, dict):
        return "by a method that is not named"
    bits = 4 if settings.get("load_in_4bit") else 8 if settings.get("load_in_8bit") else settings.get("bits")
    method = str(settings.get("quant_method") or settings.get("format") or "a method that is not named")
    return f"{method}, {bits} bits" if bits else method


def _class_for(config: Any) -> tuple[type[PreTrainedModel], Any]:
    """The class, and the config that it takes: of a model of several parts the text's, where its class is for text."""
    model_class: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    of_text = config.sub_configs.get("text_config")
    if of_text is not None and model_class.config_class is of_text:
        config = config.get_text_config()
    return model_class, config


def _check_shape(folder: ModelFolder, config: Any) -> None:
    """Raises BadInput for what builds a model that cannot be run, or one that reads what it is to write."""
    text = config.get_text_config()
    if text.model_type in ENCODERS.split() and not text.is_decoder:
        raise BadInput(
            f"{folder.whose} is {_a(text.model_type)} model that reads the tokens to come as well (is_decoder is "
            f"false), {NO_CAUSAL}."
        )
    written = vars(text)  # read so, since settings that differ by layer refuse to be asked for as one
    for kind in _rope_types(written.get("rope_parameters")):
        if kind not in ROPE_INIT_FUNCTIONS and kind != "default":
            raise BadInput(
                f"{folder.whose}: {CONFIG} asks for the rope_type {kind!r}, which {INSTALLED} does not know; a newer "
                "version may know it."
            )
    heads, shared = written.get("num_attention_heads"), written.get("num_key_value_heads")
    if isinstance(heads, int) and isinstance(shared, int) and shared > 0 and heads % shared:
        raise BadInput(
            f"{folder.whose}: {CONFIG} has {shared} key-value heads, which do not divide the {heads} attention heads; "
            "get the file anew."
        )


def _rope_types(settings: Any) -> Iterator[str]:
    """Those of a model, or of each kind of its layers."""
    if isinstance(settings, dict):
        if "rope_type" in settings:
            yield str(settings["rope_type"])
        for part in settings.values():
            yield from _rope_types(part)


def _code_notes(written: dict[str, Any], model_class: type[PreTrainedModel]) -> Iterator[str]:
    if "auto_map" in written:
        yield (
            "The config asks for code of its own (auto_map); it was not run, transformers' own "
            f"{model_class.__name__} was used."
        )


def _drop_implementations(config: PreTrainedConfig, written: dict[str, Any]) -> Iterator[str]:
    """Leaves to transformers how attention and experts are computed: the sums are the same."""
    named = sorted({str(written[name]) for name in IMPLEMENTATIONS if written.get(name)})
    config._attn_implementation = None
    config._experts_implementation = None
    if hasattr(config, "fusion_config"):
        del config.fusion_config
    if named:
        yield f"The config asks for other ways to compute ({', '.join(named)}); transformers' own were used."


def _drop_padding(config: PreTrainedConfig) -> Iterator[str]:
    """Takes out a padding token that the embedding has no row for: trainers add one and never use it."""
    text: Any = config.get_text_config()
    padding, rows = getattr(text, "pad_token_id", None), getattr(text, "vocab_size", None)
    if isinstance(padding, int) and isinstance(rows, int) and padding >= rows:
        text.pad_token_id = None
        yield f"The padding token {padding} of the config lies beyond its {rows} tokens; it is not used."
