"""Which base model: the embedded default, `tiny`, a local folder or a hub id; loaded in fp32 and checked."""

from pathlib import Path
from typing import Any

import psutil
import torch
from peft import PeftConfig, PeftModel
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from ppo.model.base_model import BaseModel, prepare
from ppo.model.loading.default_model import DEFAULT, default_model
from ppo.model.loading.tiny_model import TINY, tiny_model
from rater_data.errors import BadInput, Missing

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU when there is one, else the CPU. Raises BadInput for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput(
            f"--device {name} was asked for, but this machine has no usable GPU. Use --device auto or cpu."
        )
    if name not in ("cpu", "cuda") and not name.startswith("cuda:"):
        raise BadInput(f"--device {name} is not known. Use auto, cpu, cuda or cuda:N.")
    return torch.device(name)


def model_name(name: str) -> str:
    """The name under which a model is kept: a local folder by its whole path, anything else as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_dir() and name not in (DEFAULT, TINY) else name


def load_base(name: str, home: Path, device: str = "auto") -> BaseModel:
    """The model called `name` in fp32 on `device`. Raises Missing or BadInput with one sentence."""
    name = model_name(name)
    if name == TINY:
        return tiny_model(pick_device(device))
    if (Path(name) / ADAPTER_CONFIG).is_file():
        return prepare(name, *_load_adapted(name, home), pick_device(device))
    folder = str(default_model(home)) if name == DEFAULT else name
    return prepare(name, *_load(name, folder), pick_device(device))


def _load_adapted(name: str, home: Path) -> tuple[PreTrainedModel, Any]:
    """A PEFT adapter's folder: its base model with the adapter merged in, as one model to start from.

    Merged, so that the reference of a run that starts here is what the run starts from, at no cost a token.
    """
    folder = Path(name)
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise BadInput(
            f"The adapter {name} has no {ADAPTER_WEIGHTS}; other kinds of weight files are not read."
        )
    try:
        parent = PeftConfig.from_pretrained(str(folder)).base_model_name_or_path or ""
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(f"The adapter {name} has a damaged {ADAPTER_CONFIG}: {_first_line(error)}") from error
    if parent == TINY:
        tiny = tiny_model(torch.device("cpu"))
        lm, tokenizer = tiny.lm, tiny.tokenizer
    else:
        lm, tokenizer = _load(parent, str(default_model(home)) if parent == DEFAULT else parent)
    try:
        merged = PeftModel.from_pretrained(lm, folder).merge_and_unload()
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise BadInput(
            f"The adapter {name} does not fit its model {parent!r}: {_first_line(error)}"
        ) from error
    _check_weights(name, merged, tokenizer)
    return merged, tokenizer


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _load(name: str, folder: str) -> tuple[PreTrainedModel, Any]:
    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        where = "no such folder, and no such model on the hub (or the hub cannot be reached)"
        if Path(folder).is_dir():
            where = "the folder holds no readable config.json"
        raise Missing(f"Model {name!r} was not found: {where}.") from error
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise BadInput(f"Model {name!r} is a {config.model_type} model, not a causal language model.")
    _check_memory(name, config)
    try:
        lm = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise BadInput(f"Model {name!r} could not be loaded: {_first_line(error)}") from error
    _check_weights(name, lm, tokenizer)
    return lm, tokenizer


def _check_weights(name: str, lm: PreTrainedModel, tokenizer: Any) -> None:
    """Raises BadInput for weights that are no numbers, and for a tokenizer that knows more tokens than the model."""
    for where, parameter in lm.named_parameters():
        if not torch.isfinite(parameter).all():
            raise BadInput(
                f"Model {name!r} holds numbers that are not finite, first in {where}. Get it anew."
            )
    embeddings: Any = lm.get_input_embeddings()
    rows = embeddings.weight.shape[0]
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= rows:
        raise BadInput(
            f"Model {name!r} knows {rows} tokens and its tokenizer {largest + 1}: they do not belong together."
        )


def _check_memory(name: str, config: Any) -> None:
    """Raises BadInput when the weights alone, once in fp32 and once for sampling, exceed the free memory."""
    with torch.device("meta"):
        parameters = sum(p.numel() for p in AutoModelForCausalLM.from_config(config).parameters())
    needed, free = parameters * 6 / 2**30, psutil.virtual_memory().available / 2**30
    if needed > free:
        raise BadInput(
            f"Model {name!r} needs about {needed:.1f} GiB of memory and {free:.1f} GiB are free: "
            f"{needed - free:.1f} GiB are missing. Free some memory or name a smaller model with --model."
        )
