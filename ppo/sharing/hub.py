"""A folder onto the Hugging Face hub, in one commit: all of it is there, or nothing of it."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from ppo.sharing.adapter_folder import RECORD
from rater_data.errors import BadInput, Missing, Refused

Found = TypeVar("Found")


def push_folder(folder: Path, name: str, message: str, *, public: bool, api: HfApi) -> str:
    """Sends the files of `folder` as the model `name`; returns the commit's address.

    A repository that is there already has to hold an adapter from here, and has to be as private as is wanted. One that
    was made for this and got nothing is taken away. Raises BadInput and Refused with a sentence; the folder stays.
    """
    _ask(name, api.whoami)
    is_new = _check_free(api, name, public)
    if is_new:
        _ask(name, lambda: api.create_repo(name, private=not public, repo_type="model"))
    files = sorted(file for file in folder.iterdir() if file.is_file())
    operations = [CommitOperationAdd(path_in_repo=file.name, path_or_fileobj=str(file)) for file in files]
    try:
        done = _ask(
            name, lambda: api.create_commit(name, operations, commit_message=message, repo_type="model")
        )
    except BaseException:
        if is_new:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                api.delete_repo(name, repo_type="model", missing_ok=True)
        raise
    return str(done.commit_url)


def licence_of(name: str, api: HfApi) -> str:
    """What the hub says of a model's licence; "" where it says nothing or is not reached."""
    with contextlib.suppress(Exception):  # it is asked for the card alone, which can do without
        card = api.model_info(name).card_data
        return str(card.license or "") if card is not None and isinstance(card.license, str) else ""
    return ""


def _check_free(api: HfApi, name: str, public: bool) -> bool:
    """Whether there is no such repository yet. Raises Refused for one of something else, or open to all unasked."""
    try:
        found = _ask(name, lambda: api.repo_info(name, repo_type="model"))
    except Missing:
        return True
    names = {file.rfilename for file in getattr(found, "siblings", None) or []}
    if names - {".gitattributes"} and RECORD not in names:
        raise Refused(f"The name {name} is taken: that repository holds something else. Choose another --to.")
    if not found.private and not public:
        raise Refused(
            f"{name} is open to everybody: say --public if this version may be, or choose another --to."
        )
    return False


def _ask(name: str, call: Callable[[], Found]) -> Found:
    """What the hub answers; what it refuses is a sentence."""
    try:
        return call()
    except RepositoryNotFoundError as error:
        raise Missing(f"There is no {name} on the hub, or this token may not see it.") from error
    except LocalTokenNotFoundError as error:
        raise BadInput(
            "The hub wants to know who you are: log in with `hf auth login`, or set HF_TOKEN to a token that may write."
        ) from error
    except HFValidationError as error:
        raise BadInput(
            f"{name!r} is no name that the hub takes: write it as owner/name ({_first_line(error)})."
        ) from error
    except OfflineModeIsEnabled as error:
        raise Refused("HF_HUB_OFFLINE is set, so nothing is sent to the hub: unset it first.") from error
    except HfHubHTTPError as error:
        raise _explain_status(name, error) from error
    except Exception as error:  # httpx's, hf_xet's and the system's errors have nothing in common
        raise Refused(
            f"The hub cannot be reached, and nothing of {name} was sent ({_first_line(error)}): try again later."
        ) from error


def _explain_status(name: str, error: HfHubHTTPError) -> BadInput | Refused:
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status == 401:
        return BadInput(
            "The hub does not know this token: log in anew with `hf auth login`, or set HF_TOKEN to one that may write."
        )
    if status == 403:
        return BadInput(
            f"This token may not write to {name}: use one with write access there, or another --to."
        )
    if status == 409:
        return Refused(
            f"The name {name} is taken, or somebody is writing there right now: choose another --to or try again."
        )
    return Refused(f"The hub did not take {name} ({_first_line(error)}): nothing of it is there.")


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:200]
