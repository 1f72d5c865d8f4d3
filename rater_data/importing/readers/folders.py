"""Rows out of the folder of a dataset: cloned from the hub, saved by `datasets`, or our own export.

Which files there are, and which part of the dataset each is of, is what the card says (`configs` in the front matter of
README.md), and without that what the names of the files say.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from rater_data.errors import BadInput
from rater_data.importing.readers.column_files import read_saved
from rater_data.importing.readers.row import Row
from rater_data.importing.readers.splits import part_of_file, split_named

MOST_FILES = 10_000
DEEPEST = 4  # names below each other, as in en/data/train/a.parquet
LONGEST_CARD = 2**22  # characters
DEFAULT_CONFIG = "default"
PARQUET = ".parquet"
NO_DATA = (".rejected.jsonl", "dataset_info.json", "dataset_infos.json")
"""Files that say something about a dataset: rows that an import of ours found bad, and what `datasets` notes."""

Part = tuple[str, Path]
"""The name of a part, or none, and a file of it."""


def read_folder(
    path: Path,
    split: str | None,
    config: str | None,
    is_readable: Callable[[Path], bool],
    read: Callable[[Path], Iterator[Row]],
) -> Iterator[Row]:
    """The rows of all parts, or of the one that `split` names. `config`: which of the card's configurations.

    `is_readable` says by its name whether a file may be one of the dataset, `read` gives its rows. Raises BadInput for
    a folder without a dataset, and for a part or configuration that it has not.
    """
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        if config is not None:
            raise BadInput(f"{path.name} was saved to disk and has no configurations: leave --config out.")
        yield from _read_saved(path, split)
        return
    parts = _find_parts(path, config, is_readable)
    if not parts:
        raise BadInput(f"{path} is a folder without a dataset in it: name a file, or use --dataset.")
    for part, file in _chosen(parts, split, path.name):
        # the folders above tell apart files that are named alike
        name = file.relative_to(path).as_posix()
        for row in read(file):
            yield replace(row, file=name, split=split_named(part))


def part_names(path: Path, config: str | None, is_readable: Callable[[Path], bool]) -> list[str]:
    """The names of the parts that a folder's dataset has, as far as they are named."""
    if (path / "dataset_dict.json").is_file():
        return _saved_splits(path)
    if (path / "state.json").is_file():
        return []
    return sorted({part for part, _ in _find_parts(path, config, is_readable) if part})


def _chosen(parts: list[Part], split: str | None, name: str) -> list[Part]:
    if split is None:
        return parts
    chosen = [part for part in parts if part[0] == split or (not part[0] and split == "train")]
    if not chosen:
        names = ", ".join(sorted({part or "train" for part, _ in parts}))
        raise BadInput(f"{name} has no split {split}: it has {names}.")
    return chosen


# ---- saved by datasets


def _read_saved(path: Path, split: str | None) -> Iterator[Row]:
    if not (path / "dataset_dict.json").is_file():
        if split not in (None, "train"):
            raise BadInput(f"{path.name} has no split {split}: it is one dataset without splits.")
        yield from read_saved(path, path.name)
        return
    for part, folder in _chosen([(part, path / part) for part in _saved_splits(path)], split, path.name):
        yield from read_saved(folder, path.name, part)


def _saved_splits(path: Path) -> list[str]:
    try:
        splits = json.loads((path / "dataset_dict.json").read_text("utf-8"))["splits"]
    except (ValueError, KeyError, TypeError, RecursionError):
        splits = None
    # a name is a folder here: one with a slash would be elsewhere
    if not isinstance(splits, list) or not all(isinstance(part, str) and _is_name(part) for part in splits):
        raise BadInput(f"{path.name}/dataset_dict.json does not list the splits of a saved dataset.")
    return splits


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..") and "/" not in part and "\\" not in part and "\0" not in part


# ---- files


def _find_parts(path: Path, config: str | None, is_readable: Callable[[Path], bool]) -> list[Part]:
    files = _files_of(path, is_readable)
    configs = _configs(path)
    if configs:
        return _parts_of_config(path.name, _choose_config(configs, config, path.name), files)
    if config is not None:
        raise BadInput(f"The card of {path.name} names no configurations: leave --config out.")
    # a folder of whatever files is none: those of a dataset are Parquet, or say which part they are of
    ending = _main_ending(files)
    parts = [(part_of_file(name), file) for name, file in files.items() if _ending(name) == ending]
    return parts if ending == PARQUET else [part for part in parts if part[0]]


def _files_of(path: Path, is_readable: Callable[[Path], bool]) -> dict[str, Path]:
    """The readable files by their path in the folder, in order. Hidden ones are the version control's."""
    found: dict[str, Path] = {}
    for file in sorted(
        chain.from_iterable(path.glob("/".join("*" * depth)) for depth in range(1, DEEPEST + 1))
    ):
        name = file.relative_to(path)
        hidden = any(part.startswith((".", "__")) for part in name.parts)
        if not hidden and not file.name.endswith(NO_DATA) and is_readable(file) and file.is_file():
            found[name.as_posix()] = file
            if len(found) > MOST_FILES:
                raise BadInput(f"{path} has more than {MOST_FILES} files: name one of its folders or files.")
    return found


def _ending(name: str) -> str:
    return "." + name.lower().rpartition("/")[2].partition(".")[2]


def _main_ending(files: dict[str, Path]) -> str:
    """The ending of the data: Parquet, or what most files have. Files about the dataset lie beside it."""
    endings = Counter(_ending(name) for name in files)
    return PARQUET if PARQUET in endings else max(endings, key=lambda ending: endings[ending], default="")


def _configs(path: Path) -> list[dict[str, Any]]:
    """The configurations in the front matter of a dataset's card; none where it has no card or names none."""
    card = path / "README.md"
    if not card.is_file():
        return []
    with card.open(encoding="utf-8", errors="replace") as file:
        text = file.read(LONGEST_CARD)
    front, closed, _ = text.removeprefix("---").partition("\n---")
    if not text.startswith("---") or not closed:
        return []
    try:
        matter = yaml.load(front, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise BadInput(
            f"The front matter of {path.name}/README.md is no YAML: mend it, or name a file."
        ) from None
    configs = matter.get("configs") if isinstance(matter, dict) else None
    usable = [config for config in configs if isinstance(config, dict)] if isinstance(configs, list) else []
    return [config for config in usable if config.get("data_files")]


def _choose_config(configs: list[dict[str, Any]], wanted: str | None, name: str) -> dict[str, Any]:
    by_name = {str(config.get("config_name", DEFAULT_CONFIG)): config for config in configs}
    if wanted is None:
        marked = [config for config in configs if config.get("default") is True]
        if len(marked) == 1 or len(configs) == 1:
            return (marked or configs)[0]
        wanted = DEFAULT_CONFIG
    if wanted not in by_name:
        raise BadInput(
            f"{name} has the configurations {', '.join(by_name)}: choose one of them with --config."
        )
    return by_name[wanted]


def _parts_of_config(name: str, config: dict[str, Any], files: dict[str, Path]) -> list[Part]:
    """`data_files` is a pattern, a list of them, or a list of {split, path: a pattern or a list}."""
    folder = f"{config['data_dir'].strip('/')}/" if isinstance(config.get("data_dir"), str) else ""
    entries = config["data_files"] if isinstance(config["data_files"], list) else [config["data_files"]]
    parts: list[Part] = []
    for entry in entries:
        part, patterns = (entry.get("split"), entry.get("path")) if isinstance(entry, dict) else ("", entry)
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            if not isinstance(pattern, str):
                raise BadInput(
                    f"The card of {name} has data files that are no path: mend it, or name a file."
                )
            pattern = folder + pattern.removeprefix("./")
            matching = [path for path in files if _matches(path, pattern)]
            if not matching:
                raise BadInput(
                    f"The card of {name} names {pattern}, and there is no such file that can be read."
                )
            parts += [(str(part or part_of_file(path)), files[path]) for path in matching]
    return parts


def _matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path, pattern.replace("**/", ""))
