"""A version's files as a zip: whole and checked, or a sentence. The route: tests/ppo/training/test_elsewhere.py."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.exports.adapters import read_and_close, zip_version
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.errors import BadInput, Missing
from rater_data.lifecycle import Version
from rater_data.records import RESTORED
from tests.rater_data.artifacts.test_artifacts import fill
from tests.rater_data.store_world import version


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path)


@pytest.fixture
def published(artifacts: FolderArtifacts) -> Version:
    return replace(version(1, 0), sha256=artifacts.put("versions/0001", fill()))


def test_all_files_are_in_it(artifacts: FolderArtifacts, published: Version) -> None:
    file = zip_version(published, artifacts)
    with zipfile.ZipFile(io.BytesIO(b"".join(read_and_close(file)))) as archive:
        assert archive.testzip() is None
        assert archive.read("version-1/adapter.safetensors") == b"weights"
        assert sorted(archive.namelist()) == [
            "version-1/adapter.safetensors",
            "version-1/manifest.json",
            "version-1/state.json",
        ]
    assert file.closed


def test_what_there_is_not_is_said(artifacts: FolderArtifacts, published: Version) -> None:
    with pytest.raises(Missing, match="Version 0 is the base model itself"):
        zip_version(version(0), artifacts)
    with pytest.raises(Missing, match="known from an import"):
        zip_version(replace(published, metrics={RESTORED: True}), artifacts)
    with pytest.raises(Missing, match="not whole"):
        zip_version(replace(published, folder="versions/0002"), artifacts)
    (artifacts.root / "versions" / "0001" / "state.json").write_text("{}")
    with pytest.raises(BadInput, match=r"damaged: state\.json"):
        zip_version(published, artifacts)
