"""Where a model's files are: a folder of this machine, or what the hub gives for a name."""

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from rater_data.errors import BadInput, Missing

CONFIG, ADAPTER_CONFIG = "config.json", "adapter_config.json"
DESCRIPTIONS = ["*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja"]
WEIGHTS = ["model*.safetensors", "adapter_model.safetensors"]
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True)
class ModelFolder:
    """The files of the model called `name`. `revision`: the hub's commit, "" for a folder of one's own."""

    name: str
    path: Path
    revision: str

    @property
    def whose(self) -> str:
        """How errors begin."""
        return f"Model {self.name!r}"

    @property
    def is_adapter(self) -> bool:
        return (self.path / ADAPTER_CONFIG).is_file()


def find_folder(name: str) -> ModelFolder:
    """The folder with all but the weights. Raises Missing for a name that leads nowhere, BadInput for a file."""
    path = Path(name).expanduser()
    if path.is_dir():
        return ModelFolder(name, path, "")
    if path.exists():
        raise BadInput(f"Model {name!r} is a file; name the folder that it is in.")
    return _snapshot(name, DESCRIPTIONS)


def fetch_weights(folder: ModelFolder) -> ModelFolder:
    """The same folder with its weights: those of the hub are fetched now. Raises as `find_folder`."""
    return _snapshot(folder.name, DESCRIPTIONS + WEIGHTS) if folder.revision else folder


def check_has_config(folder: ModelFolder) -> None:
    """Raises Missing for a folder without a config.json, with what it seems to be instead."""
    path = folder.path
    if (path / CONFIG).is_file():
        return
    inside = sorted(child.parent.name for child in path.glob(f"*/{CONFIG}"))
    what = "It is no model in the transformers format; name another folder or bring that file."
    if inside:
        what = f"There is one in {', '.join(inside[:5])}: name that folder."
    elif any(path.glob("*.gguf")):
        what = (
            "It holds GGUF files, which are quantised: bring the safetensors model that they were made from."
        )
    elif any(file for pattern in PICKLED for file in path.glob(pattern)):
        what = "It holds pickled weights alone: bring the model as written by transformers' save_pretrained."
    raise Missing(f"{folder.whose}: the folder holds no {CONFIG}. {what}")


def _snapshot(name: str, patterns: list[str]) -> ModelFolder:
    if not HUB_NAME.fullmatch(name):
        raise Missing(f"Model {name!r} was not found: there is no such folder.")
    try:
        path = Path(snapshot_download(name, allow_patterns=patterns, ignore_patterns=["*/*"]))
    except GatedRepoError as error:
        raise BadInput(
            f"Model {name!r} is given by the hub only to those who accepted its terms: accept them on its page, "
            "and log in with `hf auth login`."
        ) from error
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise Missing(
            f"Model {name!r} was not found: no such folder, and no such model on the hub (or the hub cannot be "
            "reached)."
        ) from error
    return ModelFolder(name, path, path.name)
