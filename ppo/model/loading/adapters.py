"""A PEFT adapter's folder: its base model with the adapter merged in, as one model to start from.

Merged, so that the reference of a run that starts here is what the run starts from, at no cost a token. PEFT leaves
what an adapter lacks at its beginning, where it does nothing, and passes over what it does not know; here both are
refused.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from peft import PeftConfig, PeftModel, PeftType
from transformers import PreTrainedModel

from ppo.model.loading.causal_models import Loaded, check_finite
from ppo.model.loading.folders import ADAPTER_CONFIG, ModelFolder, fetch_weights
from ppo.model.loading.foreign import count, read_json, reason_of, silenced, some
from ppo.model.loading.tokenizer import check_ids, has_tokenizer, load_tokenizer
from ppo.model.loading.weight_files import read_header
from rater_data.errors import BadInput

ADAPTER_WEIGHTS = "adapter_model.safetensors"
CAUSAL = ("CAUSAL_LM", None)


def load_adapted(folder: ModelFolder, load_parent: Callable[[str], Loaded]) -> Loaded:
    """The adapter's base model, loaded by `load_parent`, with the adapter merged in. Raises BadInput or Missing."""
    whose = f"The adapter {folder.name}"
    config, parent = _read_config(whose, folder.path)
    folder = fetch_weights(folder)
    weights = folder.path / ADAPTER_WEIGHTS
    if not weights.is_file():
        raise BadInput(
            f"{whose} has no {ADAPTER_WEIGHTS}; other kinds of weight files are not read, save it with PEFT's "
            "save_pretrained."
        )
    read_header(whose, weights)
    loaded = load_parent(parent)
    merged = _merge(whose, folder.path, config, loaded.lm, parent)
    check_finite(whose, merged)
    return _with_own_tokenizer(folder, replace(loaded, lm=merged))


def _with_own_tokenizer(folder: ModelFolder, loaded: Loaded) -> Loaded:
    """The same with the tokenizer of the adapter's folder, if it has one: that is what it was trained with."""
    if not has_tokenizer(folder):
        return loaded
    tokenizer, notes = load_tokenizer(folder, loaded.lm.config)
    embeddings: Any = loaded.lm.get_input_embeddings()
    more = check_ids(folder, tokenizer, embeddings.weight.shape[0])
    taken = "The tokenizer and its chat template are those of the adapter's folder."
    return replace(loaded, tokenizer=tokenizer, notes=(*loaded.notes, taken, *notes, *more))


def _read_config(whose: str, folder: Path) -> tuple[Any, str]:
    """The adapter's config and the name of its base model."""
    written = read_json(whose, folder / ADAPTER_CONFIG)
    kind, parent = written.get("peft_type"), written.get("base_model_name_or_path")
    if kind not in list(PeftType):
        raise BadInput(f"{whose} is of the type {kind!r}, which PEFT does not know; bring one of LoRA.")
    if written.get("task_type") not in CAUSAL:
        raise BadInput(
            f"{whose} was trained for {written['task_type']}, not to write text (CAUSAL_LM); bring one that was."
        )
    if written.get("megatron_config"):
        raise BadInput(f"{whose} needs Megatron's modules (megatron_config), which are not loaded here.")
    if not isinstance(parent, str) or not parent:
        raise BadInput(
            f"{whose} does not name its base model; write it into {ADAPTER_CONFIG} as base_model_name_or_path."
        )
    try:
        with silenced():
            config = PeftConfig.from_pretrained(str(folder))
    except Exception as error:  # every kind of adapter checks its own config
        raise BadInput(
            f"{whose} has a damaged {ADAPTER_CONFIG} ({reason_of(error)}); mend it or get it anew."
        ) from error
    return config, parent


def _merge(whose: str, folder: Path, config: Any, lm: PreTrainedModel, parent: str) -> PreTrainedModel:
    if config.is_prompt_learning or config.is_adaption_prompt:
        raise BadInput(
            f"{whose} ({config.peft_type.value}) cannot be added into the weights of its model; bring one of LoRA."
        )
    misfit = f"{whose} does not fit its model {parent!r}"
    try:
        with silenced():
            config.inference_mode = True
            adapted = PeftModel(lm, config)
            result = adapted.load_adapter(str(folder), "default", is_trainable=False, torch_device="cpu")
            missing, unknown = result.missing_keys, result.unexpected_keys
            if missing or unknown:
                told = (
                    [f"it lacks {count(missing, 'tensor', 'tensors')} ({some(missing)})"] if missing else []
                )
                told += (
                    [f"{count(unknown, 'tensor is', 'tensors are')} unknown to it ({some(unknown)})"]
                    if unknown
                    else []
                )
                raise BadInput(
                    f"{misfit}: {', '.join(told)}; bring it whole, with the model it was trained on."
                )
            return adapted.merge_and_unload()
    except BadInput:
        raise
    except Exception as error:  # every kind of adapter is put into place in its own way
        sizes = re.findall(r"size mismatch for (\S+):", str(error))
        why = (
            f"{count(sizes, 'tensor has', 'tensors have')} another shape ({some(sizes)})"
            if sizes
            else reason_of(error)
        )
        raise BadInput(f"{misfit}: {why}; bring it whole, with the model it was trained on.") from error
