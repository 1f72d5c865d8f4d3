"""An exported dataset folder onto the Hugging Face hub: the data by `datasets`' own push, the card after it."""

import re
import sys
import tempfile
from pathlib import Path

from rater_data.errors import BadInput, Refused

NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)


def check_name(name: str) -> None:
    """Raises BadInput for what is no name of a dataset on the hub."""
    if not NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name of a dataset: write it as person/name or organisation/name.")


def push(folder: Path, name: str, *, public: bool = False) -> None:
    """Sends a folder that `export` made. Private unless `public`.

    Raises BadInput for a name that is none, and Refused when the hub would not take it; the folder stays.
    """
    from rater_data.exporting.dataset_card import (
        without_checksums,  # pandas and scipy take a second to import
    )

    check_name(name)
    # two seconds to import: only those who want it wait
    import datasets
    import huggingface_hub

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    try:
        with tempfile.TemporaryDirectory() as cache:
            dataset = datasets.load_dataset(str(folder), cache_dir=cache)
            dataset.push_to_hub(name, private=not public)
        # datasets writes a card of its own there; ours says how the data came about. It encodes the files anew, too,
        # so their checksums are others than the folder's
        text = without_checksums((folder / "README.md").read_text(encoding="utf-8"))
        huggingface_hub.upload_file(
            path_or_fileobj=text.encode(), path_in_repo="README.md", repo_id=name, repo_type="dataset"
        )
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise Refused(f"{folder} was written, but the hub did not take it as {name}: {reason}.") from error
