"""Text classifiers of transformers, from a folder or the hub: loaded as they were trained, or refused with a sentence.

As for base models, weights are read from safetensors alone and code that comes with a model is never run. A model whose
head is not among its weights is no classifier: transformers would make one at random. Tensors that the class does not
know are passed over here, since many classifiers were saved with parts of what they were before.
"""

from typing import Any

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoConfig,
    PreTrainedModel,
)

from ppo.model.base_model import CONTEXT_NAMES
from ppo.model.loading.base_models import pick_device
from ppo.model.loading.causal_models import check_finite
from ppo.model.loading.folders import CONFIG, ModelFolder, check_has_config, fetch_weights, find_folder
from ppo.model.loading.foreign import count, read_json, reason_of, silenced, some
from ppo.model.loading.tokenizer import check_ids, load_tokenizer
from ppo.model.loading.weight_files import stored_tensors
from rater_data.errors import BadInput

UNLIMITED = 2**30  # tokens


def load_model(name: str, device: str) -> tuple[PreTrainedModel, Any]:
    """The classifier called `name` in fp32 on `device`, and its tokenizer. Raises Missing or BadInput."""
    where = pick_device(device)
    folder = find_folder(name)
    if folder.is_adapter:
        raise BadInput(
            f"{folder.whose} is an adapter; merge it into its model with PEFT's merge_and_unload and save that."
        )
    config = _read_config(folder)
    tokenizer, _ = load_tokenizer(folder, config)
    tokenizer.truncation_side = "right"
    folder = fetch_weights(folder)
    _check_weight_files(folder)
    model = _build(folder, config)
    check_finite(folder.whose, model)
    embeddings: Any = model.get_input_embeddings()
    check_ids(folder, tokenizer, embeddings.weight.shape[0])
    return model.eval().requires_grad_(False).to(where), tokenizer


def token_limit(model: PreTrainedModel, tokenizer: Any) -> int:
    """Tokens that the classifier reads at most, special ones included."""
    config: Any = model.config.get_text_config()
    lengths = [getattr(config, name, None) for name in CONTEXT_NAMES]
    limit = next((int(length) for length in lengths if length and length > 0), UNLIMITED)
    for name, module in model.named_modules():
        # RoBERTa's family counts positions from behind the padding's
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            unused = 0 if module.padding_idx is None else module.padding_idx + 1
            limit = min(limit, module.num_embeddings - unused)
    return min(limit, tokenizer.model_max_length)


def _read_config(folder: ModelFolder) -> Any:
    check_has_config(folder)
    written = read_json(folder.whose, folder.path / CONFIG)
    if "auto_map" in written and written.get("model_type") not in CONFIG_MAPPING:
        raise BadInput(f"{folder.whose} needs code that comes with it (auto_map), which is never run here.")
    try:
        with silenced():
            config = AutoConfig.from_pretrained(folder.path, trust_remote_code=False)
    except Exception as error:  # every family checks its own config, in its own way
        raise BadInput(
            f"{folder.whose}: {CONFIG} cannot be used ({reason_of(error)}); mend it or get it anew."
        ) from error
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise BadInput(
            f"{folder.whose} is of the type {config.model_type!r}, of which transformers knows no text classifier."
        )
    return config


def _check_weight_files(folder: ModelFolder) -> None:
    if not any(folder.path.glob("model*.safetensors")):
        raise BadInput(
            f"{folder.whose} has no weights in safetensors, and no others are read; write it with transformers' "
            "save_pretrained."
        )
    stored_tensors(folder)


def _build(folder: ModelFolder, config: Any) -> PreTrainedModel:
    model_class: Any = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
    try:
        with silenced():
            model, info = model_class.from_pretrained(
                folder.path,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # they are told by name
                output_loading_info=True,
            )
    except Exception as error:  # every family builds itself in its own way
        raise BadInput(
            f"{folder.whose} cannot be built from its {CONFIG} ({reason_of(error)}); mend it or get it anew."
        ) from error
    random = {*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])}
    if random:
        raise BadInput(
            f"{folder.whose} is no trained text classifier: of {type(model).__name__} "
            f"{count(random, 'tensor is', 'tensors are')} not among its weights and would be random ({some(random)})."
        )
    result: PreTrainedModel = model
    return result
