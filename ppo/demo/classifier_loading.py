"""Text classifiers of transformers, from a folder or the hub: loaded as they were trained, or refused with a sentence.

Weights are read from safetensors alone, code that comes with a model is never run, and a model whose head is not among
its weights is no classifier: transformers would make one at random.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
)

from ppo.model.base_model import CONTEXT_NAMES
from ppo.model.loading.base_models import pick_device
from rater_data.errors import BadInput, Missing

KEYS_NAMED = 3  # weights that a refusal names
UNLIMITED = 2**30  # tokens


def load_model(name: str, device: str) -> tuple[PreTrainedModel, Any]:
    """The classifier called `name` in fp32 on `device`, and its tokenizer. Raises Missing or BadInput."""
    folder = str(Path(name).expanduser())
    config = _load_config(name, folder)
    if Path(folder).is_dir() and not any(Path(folder).glob("*.safetensors")):
        raise BadInput(
            f"Classifier {name!r} has no weights in safetensors, and no others are read: save it with save_pretrained."
        )
    try:
        model, found = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise BadInput(f"Classifier {name!r} cannot be loaded from safetensors: {_reason(error)}.") from error
    _check_weights(name, model, sorted(found["missing_keys"]))
    tokenizer = _load_tokenizer(name, folder, model)
    return model.eval().requires_grad_(False).to(pick_device(device)), tokenizer


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


def _load_config(name: str, folder: str) -> Any:
    try:
        raw, _ = PreTrainedConfig.get_config_dict(folder)
    except (OSError, ValueError) as error:
        where = "no such folder, and no such model on the hub (or the hub cannot be reached)"
        if Path(folder).is_dir():
            where = "the folder's config.json cannot be read"
        raise Missing(f"Classifier {name!r} was not found: {where}.") from error
    if all(key.startswith("_") for key in raw):
        raise Missing(f"Classifier {name!r} was not found: there is no config.json in that place.")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        why = _reason(error)
        if "auto_map" in raw:
            why = "it needs code that comes with it, and no model's code is run here"
        raise BadInput(f"Classifier {name!r} cannot be used: {why}.") from error
    if type(config) not in AutoModelForSequenceClassification._model_mapping:
        raise BadInput(
            f"Model {name!r} is a {config.model_type} model, of which transformers knows no text classifier."
        )
    return config


def _check_weights(name: str, model: PreTrainedModel, missing: list[str]) -> None:
    """Raises BadInput for weights that were not in the file, and for some that are no numbers."""
    if missing:
        more = f" and {len(missing) - KEYS_NAMED} more" if len(missing) > KEYS_NAMED else ""
        raise BadInput(
            f"Model {name!r} is no trained text classifier: {', '.join(missing[:KEYS_NAMED])}{more} "
            "are not among its weights and would be random."
        )
    for where, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise BadInput(
                f"Classifier {name!r} holds numbers that are not finite, first in {where}. Get it anew."
            )


def _load_tokenizer(name: str, folder: str, model: PreTrainedModel) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, truncation_side="right")
    except (OSError, ValueError, TypeError, KeyError, ImportError) as error:
        raise BadInput(f"The tokenizer of classifier {name!r} cannot be loaded: {_reason(error)}.") from error
    ids = set(tokenizer.get_vocab().values())
    # Where its files are missing, transformers makes one up of special tokens alone
    if ids <= set(tokenizer.all_special_ids):
        raise BadInput(f"Classifier {name!r} comes without a tokenizer: save that in the same place.")
    embeddings: Any = model.get_input_embeddings()
    rows = embeddings.weight.shape[0]
    if max(ids) >= rows:
        raise BadInput(
            f"Classifier {name!r} knows {rows} tokens and its tokenizer {max(ids) + 1}: they do not belong together."
        )
    return tokenizer


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__
