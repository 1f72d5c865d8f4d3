"""The weight files of a model's folder: which ones, and are they whole?

Read from the headers of the safetensors files: no tensor is loaded, and pickled files are not opened.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ppo.model.loading.folders import PICKLED, ModelFolder
from ppo.model.loading.foreign import check_no_pointer, count, read_json, reason_of, some
from rater_data.errors import BadInput

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
MOST_HEADER = 100_000_000  # bytes; the safetensors library reads no longer one
DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: `dtype` in the words of safetensors ("BF16")."""

    file: Path
    dtype: str
    shape: tuple[int, ...]


def stored_tensors(folder: ModelFolder) -> dict[str, StoredTensor]:
    """Every tensor of a model by its name. Raises BadInput for files that are missing, damaged or of another kind."""
    single, index = folder.path / SINGLE, folder.path / INDEX
    parts = _index_of(folder.whose, index) if index.is_file() else {}
    if single.is_file() and set(parts.values()) - {SINGLE}:
        raise BadInput(
            f"{folder.whose} holds two sets of weights, {SINGLE} and the files of {INDEX}: remove the one that "
            "is not meant."
        )
    if single.is_file():
        return read_header(folder.whose, single)
    if not parts:
        raise BadInput(f"{folder.whose} {_what_is_there_instead(folder.path)}")
    return _sharded(folder, parts)


def dtype_of(tensors: Mapping[str, StoredTensor]) -> str:
    """The type in which most of the numbers are stored, in torch's words."""
    sizes: Counter[str] = Counter()
    for tensor in tensors.values():
        sizes[tensor.dtype] += prod(tensor.shape)
    most = sizes.most_common(1)[0][0]
    return DTYPES.get(most, most.lower())


def _index_of(whose: str, index: Path) -> dict[str, str]:
    parts = read_json(whose, index).get("weight_map")
    if not isinstance(parts, dict) or not parts or not all(isinstance(part, str) for part in parts.values()):
        raise BadInput(f"{whose}: {index.name} has no weight_map of tensors; copy or download it anew.")
    return parts


def _sharded(folder: ModelFolder, parts: dict[str, str]) -> dict[str, StoredTensor]:
    files = sorted(set(parts.values()))
    absent = [file for file in files if not (folder.path / file).is_file()]
    if absent:
        raise BadInput(
            f"{folder.whose}: {INDEX} names {len(files)} weight files and {len(absent)} not there "
            f"({some(absent)}); copy or download them."
        )
    found: dict[str, StoredTensor] = {}
    for file in files:
        for name, tensor in read_header(folder.whose, folder.path / file).items():
            if name in found:
                raise BadInput(
                    f"{folder.whose} holds the tensor {name} twice, in {found[name].file.name} and in {file}; "
                    "copy or download the weight files anew."
                )
            found[name] = tensor
    lost = [name for name, file in parts.items() if name not in found or found[name].file.name != file]
    if lost:
        raise BadInput(
            f"{folder.whose}: {INDEX} names {count(lost, 'tensor', 'tensors')} not held by the file it is said to "
            f"be in ({some(lost)}); index and weight files are of two models, copy or download them anew."
        )
    return found


def read_header(whose: str, file: Path) -> dict[str, StoredTensor]:
    """The tensors of one safetensors file. Raises BadInput for one that is empty, cut off or something else."""
    try:
        check_no_pointer(whose, file)
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            text = opened.read(length) if length <= MOST_HEADER else b""
    except OSError as error:
        raise BadInput(f"{whose}: {file.name} cannot be read ({reason_of(error)}).") from error
    if not size:
        raise BadInput(f"{whose}: {file.name} is empty (0 bytes); copy or download it anew.")
    if not text.startswith(b"{"):
        raise BadInput(f"{whose}: {file.name} is no safetensors file; copy or download it anew.")
    if len(text) < length:
        raise BadInput(f"{whose}: {file.name} is cut off at {size} bytes; copy or download it anew.")
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        end = 8 + length + max((entry["data_offsets"][1] for entry in header.values()), default=0)
        found = {
            name: StoredTensor(file, entry["dtype"], tuple(entry["shape"])) for name, entry in header.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise BadInput(f"{whose}: {file.name} has a damaged header; copy or download it anew.") from error
    if size != end:
        wrong = "is cut off" if size < end else "goes on after its end"
        raise BadInput(
            f"{whose}: {file.name} {wrong}: it has {size} bytes where its header tells {end}; copy or download it "
            "anew."
        )
    if not found:
        raise BadInput(f"{whose}: {file.name} holds no tensor; copy or download it anew.")
    return found


def _what_is_there_instead(path: Path) -> str:
    """The end of a sentence about a folder without weights that are read here."""
    safe = sorted(file.name for file in path.glob("*.safetensors"))
    if any(re.fullmatch(r"model-\d+-of-\d+\.safetensors", name) for name in safe):
        return f"has parts of its weights and no {INDEX} that says which; copy or download that file."
    if safe:
        return (
            f"has no {SINGLE}; what is there ({some(safe)}) is not in the form of transformers' save_pretrained, "
            "write it so."
        )
    if any(path.glob("*.gguf")):
        return (
            "has GGUF files alone, which are quantised; bring the safetensors model that they were made from."
        )
    if any(path.glob("pytorch_model*.bin")):
        return (
            "has pickled weights alone, which can run code when they are read and are not read here; where you "
            'trust them, convert them: python -c "from transformers import AutoModelForCausalLM as M; '
            f'M.from_pretrained({str(path)!r}).save_pretrained({str(path)!r})".'
        )
    if any(file for pattern in PICKLED for file in path.glob(pattern)):
        return (
            "has pickled weights alone, which can run code when they are read and are not read here; bring the model "
            "as written by transformers' save_pretrained."
        )
    return f"has no weights: there is no {SINGLE} and no {INDEX} in its folder."
