"""The tensors of a folder into a model of transformers: every one of them in its place, or a refusal by name.

transformers fills what it does not find with random numbers and passes over what it does not know. What its classes
leave out on purpose (buffers of old versions, layers that predict further tokens) is left out here as well.
"""

import contextlib
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import psutil
import torch
from accelerate.hooks import remove_hook_from_submodules
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel

from ppo.model.devices.layer_map import layer_map
from ppo.model.devices.moving import move_inputs
from ppo.model.loading.config_checks import Architecture
from ppo.model.loading.folders import ModelFolder
from ppo.model.loading.foreign import count, read_json, reason_of, silenced, some
from ppo.model.loading.quantize import BITS, QuantizedWhileRead, quantizable_layers, quantize_layers
from ppo.model.loading.weight_files import StoredTensor, dtype_of, stored_tensors
from rater_data.errors import BadInput

GENERATION = "generation_config.json"
CPU = torch.device("cpu")
# What training wraps around a model, in the names of its tensors: torch.compile, FSDP and checkpointing anywhere,
# data parallelism, DeepSpeed, Lightning, PEFT and TRL at the front
WRAPPERS = re.compile(
    r"(?:(?<=\.)|^)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\."
    r"|^(?:module|base_model\.model|pretrained_model)\."
)
# Constants that older versions stored, beside those that transformers itself passes over
CONSTANTS = re.compile(r"(^|\.)(masked_bias|rotary_emb\.(inv_freq|cos_cached|sin_cached)|causal_mask)$")
CAUSAL_MASK = re.compile(r"(^|\.)(attn|attention)\.bias$")  # of four dimensions, (1, 1, n, n)
# (names, what they are, what to do)
UNFINISHED = (
    (
        re.compile(r"\.(lora_[AB]|lora_embedding_[AB]|base_layer|lora_magnitude_vector)\."),
        "an adapter (LoRA) that is not merged",
        "merge it with PEFT's merge_and_unload and save the model",
    ),
    (
        re.compile(r"\.(modules_to_save|original_module)\."),
        "modules twice, as PEFT keeps them while it trains",
        "merge with PEFT's merge_and_unload and save the model",
    ),
    (
        re.compile(
            r"\.(qweight|qzeros|SCB|weight_packed|weight_scale|weight_scale_inv|quant_state\.\w+)$|absmax"
        ),
        "quantised weights, and only plain ones are trained here",
        "bring the unquantised model",
    ),
    (
        re.compile(r"(^|\.)_?flat_param(_\d+)?$"),
        "the flattened parameters of FSDP",
        "save a full state dict of the model",
    ),
)


def load_weights(
    folder: ModelFolder,
    architecture: Architecture,
    devices: Sequence[torch.device] = (CPU,),
    precision: str = "fp32",
    quantize: str = "",
) -> tuple[PreTrainedModel, str, tuple[str, ...]]:
    """The model with all tensors of the folder on `devices`, the type in which they are stored, and what was done.

    In fp32; for products in bf16 a model that is stored in bf16 stays as it is. With `quantize` ("4bit") each linear
    layer is put into 4 bits as its weight is read.

    Raises BadInput for files that are damaged, and for tensors that are missing, unknown or of another shape.
    """
    stored = stored_tensors(folder)
    for pattern, what, todo in UNFINISHED:
        if found := [name for name in stored if pattern.search(name)]:
            raise BadInput(f"{folder.whose} holds {what} ({some(found)}); {todo}.")
    renamed, notes = _unwrapped(stored)
    _check_names_once(folder, architecture, renamed)
    dtype = loaded_type(dtype_of(stored), precision)
    lm = _build(folder, architecture, _open(folder, renamed), devices, dtype, quantize)
    notes += _keep_own_head(lm)
    if quantize:
        notes.append(quantize_layers(lm, folder.name))
    if len(devices) > 1:
        move_inputs(lm)
    return lm, dtype_of(stored), tuple(notes)


def loaded_type(stored: str, precision: str) -> torch.dtype:
    """The type that a model stored as `stored` is held in for products in `precision`: nothing is rounded here."""
    return torch.bfloat16 if precision == "bf16" and stored == "bfloat16" else torch.float32


def check_memory(
    folder: ModelFolder,
    architecture: Architecture,
    dtype: torch.dtype,
    devices: Sequence[torch.device] = (CPU,),
    quantize: str = "",
) -> None:
    """Raises BadInput when the weights alone, held in `dtype` (with `quantize` the linear layers in 4 bits), exceed the
    free memory of `devices`."""
    skeleton = _skeleton(architecture)
    if skeleton is None:
        return  # what is wrong is said when it is built in earnest
    needed, free = weight_bytes(skeleton, dtype, quantize) / 2**30, sum(map(free_memory, devices)) / 2**30
    if needed > free:
        where = "" if devices[0].type == "cpu" else f" on {', '.join(map(str, devices))}"
        raise BadInput(
            f"{folder.whose} needs about {needed:.1f} GiB of memory for its weights alone and {free:.1f} GiB are "
            f"free{where}: {needed - free:.1f} GiB are missing. Free some memory or name a smaller model with --model."
        )


def weight_bytes(lm: PreTrainedModel, dtype: torch.dtype, quantize: str = "") -> float:
    """Bytes of a model's weights in `dtype`; with `quantize` of its linear layers in 4 bits, and of the largest of them
    once more in `dtype`, which it is in while it is quantised."""
    parameters = sum(p.numel() for p in lm.parameters())
    linear = [m.weight.numel() for m in quantizable_layers(lm).values()] if quantize else []
    plain = parameters - sum(linear) + max(linear, default=0)
    return plain * dtype.itemsize + sum(linear) * BITS / 8


def place_layers(
    lm: PreTrainedModel, devices: Sequence[torch.device], bytes_of: Callable[[str, Tensor], float]
) -> dict[str, torch.device]:
    """Each part of a model → its device, as full as its share of what is free. Raises BadInput where that is too
    little."""
    return layer_map(lm, devices, [float(free_memory(device)) for device in devices], bytes_of)


def _places(
    folder: ModelFolder,
    architecture: Architecture,
    devices: Sequence[torch.device],
    dtype: torch.dtype,
    quantize: str,
) -> dict[str, torch.device]:
    """Where each part of the model is read to, for transformers' `device_map`."""
    if len(devices) == 1:
        return {"": devices[0]}
    skeleton = _skeleton(architecture)
    if skeleton is None:
        raise BadInput(f"{folder.whose} cannot be spread over several devices; name one with --device.")
    narrow = {f"{name}.weight" for name in quantizable_layers(skeleton)} if quantize else set()
    return place_layers(
        skeleton, devices, lambda name, p: p.numel() * (BITS / 8 if name in narrow else dtype.itemsize)
    )


def free_memory(device: torch.device) -> int:
    """Bytes that are free on `device`."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _skeleton(architecture: Architecture) -> PreTrainedModel | None:
    """The model without numbers; None for a family that cannot be built so."""
    with contextlib.suppress(Exception), silenced(), torch.device("meta"):
        return architecture.model_class(copy.deepcopy(architecture.config))
    return None


def _unwrapped(stored: Mapping[str, StoredTensor]) -> tuple[list[tuple[str, str, StoredTensor]], list[str]]:
    """(name for the model, name in the file, tensor) of each, and what was taken off the names, a sentence each."""
    renamed, taken = [], Counter[str]()
    for name, tensor in stored.items():
        short, removed = name, ""
        while match := WRAPPERS.search(short):
            removed += match.group()
            short = short[: match.start()] + short[match.end() :]
        if removed:
            taken[removed] += 1
        renamed.append((short, name, tensor))
    notes = [f"The prefix `{text}` was taken off {count} tensors." for text, count in sorted(taken.items())]
    return renamed, notes


def _check_names_once(
    folder: ModelFolder, architecture: Architecture, renamed: Iterable[tuple[str, str, StoredTensor]]
) -> None:
    """Raises BadInput for two tensors of one place: transformers takes either, the one whose name comes last."""
    base = f"{architecture.model_class.base_model_prefix}."
    places: dict[str, str] = {}
    for short, name, _ in renamed:
        place = short.removeprefix(base)
        if place in places:
            raise BadInput(
                f"{folder.whose} holds two tensors for {place}: {places[place]} and {name}; save the model anew with "
                "one of them."
            )
        places[place] = name


def _open(folder: ModelFolder, renamed: Iterable[tuple[str, str, StoredTensor]]) -> dict[str, Any]:
    """The tensors under the model's names, still on the disk: each is read as it is put into place.

    Read, not mapped: the pages of a mapped file count as this process's memory until all of it is let go.
    """
    files: dict[Any, Any] = {}
    tensors = {}
    try:
        for short, name, stored in renamed:
            if stored.file not in files:
                files[stored.file] = safe_open(stored.file, framework="pt", backend="pread")
            tensors[short] = files[stored.file].get_slice(name)
    except (OSError, SafetensorError) as error:
        raise BadInput(
            f"{folder.whose}: {stored.file.name} is damaged ({reason_of(error)}); copy or download it anew."
        ) from error
    return tensors


def _build(
    folder: ModelFolder,
    architecture: Architecture,
    tensors: dict[str, Any],
    devices: Sequence[torch.device],
    dtype: torch.dtype,
    quantize: str,
) -> PreTrainedModel:
    generation = _generation_config(folder)
    quantized = QuantizedWhileRead() if quantize else None
    places = _places(folder, architecture, devices, dtype, quantize)
    shapes = {name: torch.Size(tensor.get_shape()) for name, tensor in tensors.items()}
    try:
        with silenced():
            built: Any = architecture.model_class.from_pretrained(
                None,
                config=architecture.config,
                state_dict=tensors,
                generation_config=generation,
                dtype=dtype,
                device_map=places,
                quantization_config=quantized,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # they are told by name, with the others
                output_loading_info=True,
            )
    except torch.OutOfMemoryError as error:
        raise BadInput(
            f"{folder.whose} does not fit on {', '.join(map(str, devices))}. Use --device cpu or a smaller model."
        ) from error
    except RuntimeError as error:
        # Experts of a mixture that cannot be stacked; the report that says which goes to the log alone
        if "conversion" in str(error):
            raise BadInput(
                f"{folder.whose}: its tensors cannot be put together as {architecture.model_class.__name__} wants "
                "them, some are missing or of another shape; copy or download the weights anew."
            ) from error
        raise _cannot_build(folder, error) from error
    except Exception as error:  # every family builds itself in its own way
        raise _cannot_build(folder, error) from error
    lm, info = built
    if len(devices) > 1:
        remove_hook_from_submodules(
            lm
        )  # accelerate's, which would move each mask for each layer; ours come later
    _check_complete(folder, lm, info, shapes)
    if quantized is not None and quantized.not_finite:
        raise not_finite(folder.whose, quantized.not_finite[0])
    lm.config._name_or_path = lm.name_or_path = str(folder.path)
    lm.config._commit_hash = folder.revision or None
    return lm


def not_finite(whose: str, name: str) -> BadInput:
    """The refusal of weights that are no numbers."""
    return BadInput(f"{whose} holds numbers that are not finite, first in {name}. Get it anew.")


def _cannot_build(folder: ModelFolder, error: Exception) -> BadInput:
    return BadInput(
        f"{folder.whose} cannot be built from its config.json ({reason_of(error)}); mend it or get it anew."
    )


def _generation_config(folder: ModelFolder) -> GenerationConfig | None:
    """The folder's settings for writing, the end tokens among them; None where it has none."""
    file = folder.path / GENERATION
    if not file.is_file():
        return None
    settings = read_json(folder.whose, file)
    try:
        with silenced():
            return GenerationConfig.from_dict(settings)
    except Exception as error:  # the settings are checked by whatever each of them means
        raise BadInput(
            f"{folder.whose}: {GENERATION} cannot be used ({reason_of(error)}); mend it or remove it."
        ) from error


def _check_complete(
    folder: ModelFolder, lm: PreTrainedModel, info: dict[str, Any], shapes: Mapping[str, torch.Size]
) -> None:
    """Raises BadInput for tensors that are missing, unknown or of another shape, by name."""
    missing = set(info["missing_keys"])
    unknown = {name for name in info["unexpected_keys"] if not _is_constant(name, shapes.get(name))}
    misshapen = [
        f"{name} is {_size(found)} instead of {_size(wanted)}"
        for name, found, wanted in info["mismatched_keys"]
    ]
    faults = []
    if missing:
        faults.append(f"{count(missing, 'tensor is', 'tensors are')} missing ({some(missing)})")
    if unknown:
        faults.append(f"{count(unknown, 'tensor is', 'tensors are')} unknown to it ({some(unknown)})")
    if misshapen:
        faults.append(f"{count(misshapen, 'tensor has', 'tensors have')} another shape ({some(misshapen)})")
    if not faults:
        return
    todo = "bring weights and config.json of one and the same model"
    if missing == {"lm_head.weight"} and not unknown and not misshapen:
        todo = "save it with its head, or set tie_word_embeddings to true in config.json if the embedding is its head"
    raise BadInput(
        f"{folder.whose}: its weights do not fit {type(lm).__name__} as config.json describes it: "
        f"{', '.join(faults)}; {todo}."
    )


def _size(shape: Iterable[int]) -> str:
    return "×".join(map(str, shape)) or "one number"


def _is_constant(name: str, shape: torch.Size | None) -> bool:
    """Whether a tensor holds nothing that was learned: masks and rotations that the model computes itself."""
    is_mask = CAUSAL_MASK.search(name) and shape is not None and len(shape) == 4 and shape[2] == shape[3]
    return bool(is_mask or CONSTANTS.search(name))


def _keep_own_head(lm: PreTrainedModel) -> list[str]:
    """Unties in the config what the file holds apart, or the head would be lost when the weights are tied again."""
    head, embeddings = lm.get_output_embeddings(), lm.get_input_embeddings()
    config: Any = lm.config.get_text_config()
    own = getattr(head, "weight", None)
    if own is None or not getattr(config, "tie_word_embeddings", False) or own is embeddings.weight:
        return []
    lm.config.tie_word_embeddings = config.tie_word_embeddings = False
    return ["The config ties the LM head to the embedding; the file holds a head of its own, which was kept."]
