"""Which base model: the embedded default, `tiny`, a local folder or a hub id; loaded and checked."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ppo.model.base_model import BaseModel, prepare
from ppo.model.devices.moving import devices_of, move_inputs, spread
from ppo.model.loading.adapters import load_adapted
from ppo.model.loading.causal_models import Loaded, load_causal_model
from ppo.model.loading.default_model import DEFAULT, default_model
from ppo.model.loading.folders import find_folder
from ppo.model.loading.quantize import check_can_quantize, quantize_layers
from ppo.model.loading.tiny_model import TINY, tiny_model
from ppo.model.loading.weights import place_layers
from rater_data.errors import BadInput

SPLIT = "split"  # of --device: the layers over all GPUs


def pick_devices(name: str = "auto") -> tuple[torch.device, ...]:
    """The devices that a model's layers are spread over: with `split` all GPUs, with names and commas those; else one.

    Raises BadInput for one that is not there, and for `split` where there is one alone.
    """
    if name == SPLIT:
        count = torch.cuda.device_count()
        if count < 2:
            raise BadInput(
                f"--device {SPLIT} spreads the layers over several GPUs, and this machine has {count}. "
                "Use --device auto."
            )
        return tuple(torch.device("cuda", i) for i in range(count))
    named = tuple(_one_device(part.strip()) for part in name.split(","))
    if len(set(named)) < len(named):
        raise BadInput(f"--device {name} names a device twice.")
    if len(named) > 1 and any(device.index is None for device in named):
        raise BadInput(f"--device {name}: several devices are GPUs by their numbers, as in cuda:0,cuda:1.")
    return named


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU when there is one, else the CPU; of several the first. Raises BadInput for one that is
    not there."""
    return pick_devices(name)[0]


def _one_device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput(
            f"--device {name} was asked for, but this machine has no usable GPU. Use --device auto or cpu."
        )
    if name not in ("cpu", "cuda") and not name.startswith("cuda:"):
        raise BadInput(f"--device {name} is not known. Use auto, cpu, cuda, cuda:N or {SPLIT}.")
    return torch.device(name)


def model_name(name: str) -> str:
    """The name under which a model is kept: a local folder by its whole path, anything else as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_dir() and name not in (DEFAULT, TINY) else name


def load_base(
    name: str, home: Path, device: str = "auto", precision: str = "fp32", quantize: str = ""
) -> BaseModel:
    """The model called `name` on `device` (or its layers over several): all of its tensors and no other, or Missing or
    BadInput with one sentence.

    In fp32; for products in bf16 a model that is stored in bf16 stays in it; with `quantize` ("4bit") its linear layers
    are held in 4 bits. What was done to make it load stands in its notes.
    """
    check_can_quantize(quantize)
    name, devices = model_name(name), pick_devices(device)
    if name == TINY:
        base = tiny_model(devices[0])
    else:
        loaded = _load(name, home, devices, precision, quantize)
        base = prepare(name, loaded.lm, loaded.tokenizer, devices[0])
        base = replace(base, stored_dtype=loaded.stored_dtype, notes=(*loaded.notes, *base.notes))
    if quantize and not getattr(base.lm, "is_loaded_in_4bit", False):
        base = replace(base, notes=(*base.notes, quantize_layers(base.lm, name)))
    if len(devices) > 1:
        base = replace(base, notes=(*base.notes, spread_base(base, devices)))
    return base


def spread_base(base: BaseModel, devices: Sequence[torch.device]) -> str:
    """Puts the layers of a model on several devices, unless they were read to them; what was done, a sentence."""
    if len(devices_of(base.lm)) == 1:
        spread(base.lm, place_layers(base.lm, devices, lambda _name, parameter: parameter.nbytes))
        move_inputs(base.lm)
    shares = [
        f"{sum(p.nbytes for p in base.lm.parameters() if p.device == device) / 2**30:.2f} GiB on {device}"
        for device in devices
    ]
    return f"Its layers are spread over {len(devices)} devices: {', '.join(shares)}."


def _load(name: str, home: Path, devices: Sequence[torch.device], precision: str, quantize: str) -> Loaded:
    """As `load_base`; an adapter is merged into its model as that was before it is put into 4 bits."""
    folder = find_folder(str(default_model(home)) if name == DEFAULT else name)
    if not folder.is_adapter:
        return load_causal_model(replace(folder, name=name), devices, precision, quantize)
    return load_adapted(folder, lambda parent: _load_parent(folder.name, parent, home, precision))


def _load_parent(adapter: str, name: str, home: Path, precision: str) -> Loaded:
    """The model that an adapter was trained on; an adapter itself it cannot be."""
    if name == TINY:
        tiny = tiny_model(torch.device("cpu"))
        return Loaded(tiny.lm, tiny.tokenizer, "float32", ())
    folder = find_folder(str(default_model(home)) if name == DEFAULT else name)
    if folder.is_adapter:
        raise BadInput(f"The adapter {adapter} stands on another adapter, {name}: merge that one first.")
    return load_causal_model(replace(folder, name=name), precision=precision)
