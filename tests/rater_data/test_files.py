"""What is written is whole or absent, and the old stays until the new is there."""

import errno
import hashlib
from pathlib import Path

import pytest

from rater_data.errors import BadInput, DiskFull
from rater_data.files import explain_os_error, new_file, new_folder, sha256_of_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_place_at_the_end(tmp_path):
    target = tmp_path / "list.json"
    target.write_text("old")
    with new_file(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"
    assert (target.read_text(), names(tmp_path)) == ("new", ["list.json"])
    assert sha256_of_file(target) == hashlib.sha256(b"new").hexdigest()


def test_a_file_that_fails_leaves_the_old_and_nothing_else(tmp_path):
    target = tmp_path / "list.json"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), new_file(target) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert (target.read_text(), names(tmp_path)) == ("old", ["list.json"])


def test_a_folder_replaces_another(tmp_path):
    target = tmp_path / "deep" / "version"
    for text in ("old", "new"):
        with new_folder(target) as part:
            (part / text).write_text(text)
    assert (names(target), names(target.parent)) == (["new"], ["version"])


@pytest.mark.parametrize("step", [1, 2])
def test_a_folder_that_fails_leaves_the_old(tmp_path, monkeypatch, step):
    """At the first rename nothing has moved; at the second the old one is aside and comes back."""
    target = tmp_path / "version"
    with new_folder(target) as part:
        (part / "old").write_text("old")
    rename, calls = Path.rename, []

    def full(self, to):
        calls.append(to)
        if len(calls) == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"), new_folder(target) as part:
        (part / "new").write_text("new")
    assert (names(target), names(tmp_path)) == (["old"], ["version"])


def test_a_folder_that_is_not_to_be_replaced_stays_unless_it_is_empty(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    with new_folder(target, replace=False) as part:
        (part / "first").write_text("1")
    with pytest.raises(OSError, match="not empty"), new_folder(target, replace=False) as part:
        (part / "second").write_text("2")
    assert (names(target), names(tmp_path)) == (["first"], ["model"])


def test_what_a_person_can_mend_is_a_sentence(tmp_path):
    full = explain_os_error(OSError(errno.ENOSPC, ""), tmp_path)
    assert isinstance(full, DiskFull) and str(tmp_path) in str(full)
    assert isinstance(explain_os_error(OSError(errno.EACCES, ""), tmp_path), BadInput)
    assert explain_os_error(OSError(errno.EIO, ""), tmp_path) is None
