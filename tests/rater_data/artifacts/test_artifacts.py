"""Artifacts in a folder and in an object store: one contract, and what is an object store's own."""

import json
import logging
import shutil
import sys
from pathlib import Path

import pytest

from rater_data.artifacts.addresses import CACHE, display_location, find_artifacts
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.artifacts.objects import KEPT, ObjectArtifacts
from rater_data.checksums import MANIFEST
from rater_data.errors import Away, BadInput, DiskFull, Missing, Unavailable
from rater_data.store.database import patience
from tests.rater_data.artifacts.object_store import ObjectStore

ROOT = "/bucket/rateloop"


def fill(text="weights"):
    def write(folder: Path) -> None:
        (folder / "adapter.safetensors").write_text(text)
        (folder / "state.json").write_text(json.dumps({"text": text}))

    return write


def read(folder):
    return {file.name: file.read_text() for file in folder.iterdir() if file.name != MANIFEST}


@pytest.fixture
def objects(tmp_path):
    return ObjectArtifacts(ObjectStore(), ROOT, "s3://bucket/rateloop", tmp_path / CACHE)


@pytest.fixture(params=["folder", "objects"])
def artifacts(request, tmp_path):
    if request.param == "folder":
        return FolderArtifacts(tmp_path / "kept")
    return request.getfixturevalue("objects")


def on_another_machine(artifacts, folder):
    """The same place with an empty cache."""
    if isinstance(artifacts, FolderArtifacts):
        return artifacts
    return ObjectArtifacts(artifacts._files, ROOT, artifacts.location, folder / "cache of another")


def damage(artifacts, name, file, change):
    """Changes a file where it is kept; `change` gives None to take it away."""
    if isinstance(artifacts, FolderArtifacts):
        place = artifacts.root / name / file
        new = change(place.read_bytes())
        place.unlink() if new is None else place.write_bytes(new)
        return
    (path,) = artifacts._files.glob(f"{ROOT}/{name}/*/{file}")
    new = change(artifacts._files.cat_file(path))
    artifacts._files.rm_file(path)
    if new is not None:
        artifacts._files.pipe_file(path, new)


# ---- the contract


def test_what_one_machine_puts_another_fetches(artifacts, tmp_path):
    sha256 = artifacts.put("versions/0001", fill())
    other = on_another_machine(artifacts, tmp_path)
    assert other.exists("versions/0001")
    assert read(other.fetch("versions/0001", sha256)) == {
        "adapter.safetensors": "weights",
        "state.json": '{"text": "weights"}',
    }
    assert list(other.find_faults("versions/0001", sha256)) == []
    assert artifacts.put("versions/0001", fill()) == sha256, "the same files have the same hash"


def test_what_is_not_there_is_said(artifacts):
    assert not artifacts.exists("versions/0001")
    with pytest.raises(Missing, match="0001"):
        artifacts.fetch("versions/0001", "ab" * 32)
    assert artifacts.below("rounds/0001") == []
    assert artifacts.read_note("rounds/0001/seal") is None
    artifacts.remove("rounds/0001")


@pytest.mark.parametrize("name", ["../elsewhere", "/etc", "versions/../../x", "", "C:/x"])
def test_no_name_leads_elsewhere(artifacts, name):
    with pytest.raises(BadInput, match="lies outside"):
        artifacts.put(name, fill())


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("adapter.safetensors", lambda data: data[:-1], "adapter.safetensors was cut short or altered"),
        ("adapter.safetensors", lambda data: b"X" + data[1:], "adapter.safetensors was cut short or altered"),
        ("adapter.safetensors", lambda _: None, "lacks its file adapter.safetensors"),
        (MANIFEST, lambda _: None, "not whole"),
        (MANIFEST, lambda data: data.replace(b"\n", b"\n "), "not the one that was published"),
    ],
)
def test_an_artifact_that_does_not_match_its_hash_is_not_handed_out(artifacts, tmp_path, file, change, told):
    sha256 = artifacts.put("versions/0001", fill())
    damage(artifacts, "versions/0001", file, change)
    other = on_another_machine(artifacts, tmp_path)
    with pytest.raises((BadInput, Missing), match=told):
        other.fetch("versions/0001", sha256)
    assert any(told in str(fault) for fault in other.find_faults("versions/0001", sha256))


def test_steps_are_listed_in_order_and_taken_away(artifacts, tmp_path):
    for number in (2, 10, 1):
        artifacts.put(f"rounds/0001/step-{number:04d}", fill(str(number)))
    artifacts.write_note("rounds/0001/seal", "ab")
    artifacts.put("rounds/0002/step-0001", fill())
    names = [f"rounds/0001/step-{number:04d}" for number in (1, 2, 10)]
    other = on_another_machine(artifacts, tmp_path)
    assert other.below("rounds/0001") == names
    assert read(other.fetch(names[2]))["adapter.safetensors"] == "10"
    other.remove(names[0])
    assert artifacts.below("rounds/0001") == names[1:]
    assert artifacts.read_note("rounds/0001/seal") == "ab"
    artifacts.remove("rounds/0001")
    assert (artifacts.below("rounds/0001"), artifacts.read_note("rounds/0001/seal")) == ([], None)
    assert artifacts.below("rounds/0002") == ["rounds/0002/step-0001"]


def test_what_is_put_again_is_what_is_fetched(artifacts, tmp_path):
    artifacts.put("rounds/0001/step-0001", fill("old"))
    artifacts.put("rounds/0001/step-0001", fill("new"))
    other = on_another_machine(artifacts, tmp_path)
    assert read(other.fetch("rounds/0001/step-0001"))["adapter.safetensors"] == "new"


def test_writing_that_fails_leaves_nothing(artifacts):
    def die(folder):
        fill()(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskFull):
        artifacts.put("versions/0001", die)
    assert not artifacts.exists("versions/0001")
    kept = artifacts.root if isinstance(artifacts, FolderArtifacts) else artifacts.cache
    assert [path for path in kept.rglob("*") if path.is_file()] == []


# ---- a folder


def test_a_folder_is_laid_out_as_homes_always_were(tmp_path):
    FolderArtifacts(tmp_path).put("versions/0001", fill())
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == [
        "versions",
        "versions/0001",
        "versions/0001/adapter.safetensors",
        "versions/0001/manifest.json",
        "versions/0001/state.json",
    ]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be used"):
        FolderArtifacts(tmp_path / "file").check_writable()


# ---- an object store


def test_the_manifest_is_written_last_and_nothing_over_anything(objects):
    objects.put("versions/0001", fill("one"))
    objects.put("versions/0001", fill("two"))
    assert objects._files.written() == ["adapter.safetensors", "state.json", MANIFEST] * 2
    paths = [path for method, path in objects._files.asked if method in ("pipe_file", "put_file")]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("at", ["adapter.safetensors", "state.json", MANIFEST])
def test_an_upload_that_ends_in_the_middle_is_nothing_to_anybody(objects, tmp_path, at):
    whole = objects.put("versions/0001", fill("one"))

    def die(_method, path):
        if path.endswith(at):
            raise KeyboardInterrupt

    objects._files.fail = die
    with pytest.raises(KeyboardInterrupt):
        objects.put("versions/0001", fill("two"))
    objects._files.fail = lambda *_: None
    other = on_another_machine(objects, tmp_path)
    assert read(other.fetch("versions/0001"))["adapter.safetensors"] == "one"
    assert list(other.find_faults("versions/0001", whole)) == []


def test_two_that_write_one_name_do_not_damage_each_other(objects, tmp_path):
    mine = objects.put("versions/0001", fill("mine"))
    theirs = on_another_machine(objects, tmp_path).put("versions/0001", fill("theirs"))
    third = ObjectArtifacts(objects._files, ROOT, "", tmp_path / "third")
    assert read(third.fetch("versions/0001", mine))["adapter.safetensors"] == "mine"
    assert read(third.fetch("versions/0001", theirs))["adapter.safetensors"] == "theirs"


def test_a_version_is_fetched_once_and_again_when_the_cache_is_damaged(objects, tmp_path):
    sha256, other = objects.put("versions/0001", fill()), on_another_machine(objects, tmp_path)
    objects._files.asked.clear()
    folder = other.fetch("versions/0001", sha256)
    fetched = len(objects._files.asked)
    assert other.fetch("versions/0001", sha256) == folder
    assert len(objects._files.asked) == fetched > 0
    (folder / "state.json").write_text("{}")
    assert read(other.fetch("versions/0001", sha256))["state.json"] == '{"text": "weights"}'
    assert len(objects._files.asked) == 2 * fetched


def test_two_processes_of_one_home_share_a_cache(objects, monkeypatch):
    """The second to arrive leaves alone what the first put there: it may be reading it."""
    sha256 = objects.put("versions/0001", fill())
    shutil.rmtree(objects.cache)
    second = ObjectArtifacts(objects._files, ROOT, "", objects.cache)
    real = ObjectArtifacts._manifest

    def let_the_other_be_quicker(self, *arguments):
        monkeypatch.setattr(ObjectArtifacts, "_manifest", real)
        first.append(second.fetch("versions/0001", sha256).stat().st_ino)
        return real(self, *arguments)

    first = []
    monkeypatch.setattr(ObjectArtifacts, "_manifest", let_the_other_be_quicker)
    folder = objects.fetch("versions/0001", sha256)
    assert [folder.stat().st_ino] == first
    assert [path.name for path in objects.cache.iterdir()] == [sha256]


def test_the_cache_does_not_grow_for_ever(objects):
    hashes = [objects.put(f"rounds/0001/step-{n:04d}", fill(str(n))) for n in range(KEPT + 3)]
    assert {folder.name for folder in objects.cache.iterdir()} == set(hashes[3:])


@pytest.mark.parametrize(
    ("raised", "kind", "told"),
    [
        (PermissionError("Access Denied"), BadInput, "check the credentials"),
        (type("NoCredentialsError", (Exception,), {})("Unable to locate"), BadInput, "check the credentials"),
        (FileNotFoundError("The specified bucket does not exist"), Missing, "make the bucket first"),
        (OSError(28, "No space left on device"), DiskFull, "no room left"),
        (type("ClientError", (Exception,), {})("QuotaExceeded: the limit"), DiskFull, "no room left"),
        (ConnectionError("Connection reset by peer"), Away, "does not answer"),
        (TimeoutError(), Away, "does not answer"),
    ],
)
def test_what_a_driver_raises_is_a_sentence(objects, raised, kind, told):
    def fail(method, _path):
        if method == "pipe_file":
            raise raised

    objects._files.fail = fail
    with pytest.raises(kind, match=told) as error:
        objects.put("versions/0001", fill())
    assert "s3://bucket/rateloop" in str(error.value)
    objects._files.fail = lambda *_: None
    assert not objects.exists("versions/0001")


def test_a_store_that_is_away_is_not_taken_for_an_empty_one(objects, tmp_path):
    """As fsspec's own `exists`, `isfile` and `glob` would: a training in progress would be begun anew."""
    sha256 = objects.put("rounds/0001/step-0001", fill())
    objects.write_note("rounds/0001/seal", "ab")

    def away(*_):
        raise ConnectionError("Connection reset by peer")

    objects._files.fail = away
    other = on_another_machine(objects, tmp_path)
    for ask in (
        lambda: other.read_note("rounds/0001/seal"),
        lambda: other.below("rounds/0001"),
        lambda: other.exists("rounds/0001/step-0001"),
        lambda: other.fetch("rounds/0001/step-0001", sha256),
        lambda: other.fetch("rounds/0001/step-0001"),
        lambda: other.remove("rounds/0001"),
        lambda: list(other.find_faults("rounds/0001/step-0001", sha256)),
    ):
        with pytest.raises(Away):
            ask()
    objects._files.fail = lambda *_: None
    assert read(other.fetch("rounds/0001/step-0001"))["adapter.safetensors"] == "weights"


def test_a_bug_is_not_taken_for_a_store_that_is_away(objects):
    def fail(*_):
        raise TypeError("a bug")

    objects._files.fail = fail
    with pytest.raises(TypeError, match="a bug"):
        objects.put("versions/0001", fill())


def test_a_store_that_is_away_is_waited_for(objects, caplog, monkeypatch):
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.001)
    times = iter(range(3))

    def fail(_method, path):
        if path.endswith("state.json") and next(times, None) is not None:
            raise ConnectionError("Connection refused")

    objects._files.fail = fail
    objects.wait_for_the_store(60)
    with caplog.at_level(logging.WARNING):
        sha256 = objects.put("versions/0001", fill())
    assert not any(objects.find_faults("versions/0001", sha256))
    assert [r.getMessage().split(":")[0] for r in caplog.records] == [
        "The artifact store s3",
        "The artifact store s3",
    ]
    assert "is away, trying again" in caplog.text
    assert "is back after" in caplog.text
    objects.wait_for_the_store(0.01)
    objects._files.fail = lambda *_: (_ for _ in ()).throw(ConnectionError("still"))
    with pytest.raises(Unavailable, match="It was waited for"):
        objects.put("versions/0002", fill())


# ---- addresses


def test_the_default_is_the_home_and_a_folder_may_be_written_in_three_ways(tmp_path):
    assert find_artifacts(None, tmp_path).root == tmp_path
    for address in (str(tmp_path / "a"), f"file://{tmp_path}/a", f"  {tmp_path}/a "):
        assert find_artifacts(address, tmp_path).root == tmp_path / "a"


def test_the_memory_of_a_process(tmp_path):
    artifacts = find_artifacts("memory://rateloop", tmp_path)
    sha256 = artifacts.put("versions/0001", fill())
    shutil.rmtree(tmp_path / CACHE)
    assert read(artifacts.fetch("versions/0001", sha256))["adapter.safetensors"] == "weights"
    artifacts.remove("versions/0001")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("gopher://x/y", "not understood: write a folder"),
        ("simplecache::s3://x/y", "not understood"),
        ("memory://", "names no place"),
        (
            "s3://bucket/x",
            "needs the package s3fs, which is not installed: .venv/bin/python -m pip install s3fs==",
        ),
    ],
)
def test_an_address_that_cannot_be_used_is_said(tmp_path, address, told, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(BadInput, match=told):
        find_artifacts(address, tmp_path)


def test_no_secret_of_an_address_is_shown(tmp_path):
    assert display_location("s3://key:geheim@bucket/x?token=geheim") == "s3://bucket/x"
    with pytest.raises(BadInput) as error:
        find_artifacts("gopher://olga:geheim@x/y", tmp_path)
    assert "geheim" not in str(error.value)
