"""Where a store's artifacts are: the home, another place that becomes the store's, and refusals in between."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import rater_data.cli.main
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.artifacts.moving import move_artifacts
from rater_data.artifacts.opening import MARKER, open_artifacts
from rater_data.cli.status_command import status_lines
from rater_data.errors import BadInput, Missing, Refused
from rater_data.verify.home import verify
from tests.rater_data.artifacts.test_artifacts import damage, fill, read
from tests.rater_data.store_world import open_store, version


@pytest.fixture
def store(tmp_path):
    made = open_store(tmp_path / "home")
    yield made
    made.close()


def publish(store, artifacts, number=1):
    """A version row with its files in a place."""
    if not store.versions():
        store.add_version(version(0, status="current"))
    name = f"versions/{number:04d}"
    sha256 = artifacts.put(name, fill(f"version {number}"))
    store.add_version(replace(version(number, number - 1), folder=name, sha256=sha256))
    return sha256


def test_a_home_without_an_address_stays_as_it_is(store):
    before = sorted(path.name for path in store.home.iterdir())
    assert open_artifacts(store, None).root == store.home
    assert open_artifacts(store, str(store.home)).root == store.home
    assert sorted(path.name for path in store.home.iterdir()) == before
    assert store.setting("artifacts") is None


def test_a_place_becomes_the_store_s_and_nobody_looks_elsewhere(store, tmp_path):
    place = str(tmp_path / "kept")
    with pytest.raises(Refused, match="start the server with this address first"):
        open_artifacts(store, place)
    assert open_artifacts(store, place, begin=True).location == place
    assert open_artifacts(store, f"file://{place}").location == place
    with pytest.raises(Refused, match=rf"kept in {place}: name it with RATELOOP_ARTIFACTS"):
        open_artifacts(store, None)
    with pytest.raises(
        Refused, match=rf"kept in {place}, and .*/empty holds none of them: .* is mounted here"
    ):
        open_artifacts(store, str(tmp_path / "empty"))


def test_a_server_whose_start_was_cut_off_begins_again(store, tmp_path):
    """Nothing is published yet: a mark that was not written, or a place that it thought better of, costs nothing."""
    place = str(tmp_path / "kept")
    store.set_setting("artifacts", {"id": "ab", "location": place})
    assert open_artifacts(store, place, begin=True).location == place
    publish(store, open_artifacts(store, place))
    with pytest.raises(Refused, match="holds none of them"):
        open_artifacts(store, str(tmp_path / "other"), begin=True)


def test_the_place_of_another_store_is_refused(store, tmp_path):
    place = str(tmp_path / "kept")
    open_artifacts(store, place, begin=True)
    other = open_store(tmp_path / "other")
    with pytest.raises(Refused, match="keeps the versions of another store"):
        open_artifacts(other, place)
    open_artifacts(other, str(tmp_path / "own"), begin=True)
    with pytest.raises(Refused, match="keeps the versions of another store"):
        open_artifacts(other, place)
    other.close()
    (tmp_path / "kept" / MARKER).write_text("{")
    with pytest.raises(BadInput, match="damaged"):
        open_artifacts(store, place)


def test_versions_of_a_home_are_moved_to_another_place_and_back(store, tmp_path):
    sha256 = publish(store, FolderArtifacts(store.home))
    place = str(tmp_path / "kept")
    with pytest.raises(Refused, match="move-artifacts first"):
        open_artifacts(store, place, begin=True)
    run, home = CliRunner(), ["--home", str(store.home)]
    done = run.invoke(rater_data.cli.main.app, ["move-artifacts", "--to", place, *home])
    assert (done.exit_code, "1 versions are in" in done.output) == (0, True), done.output
    new = open_artifacts(store, place)
    assert read(new.fetch("versions/0001", sha256))["adapter.safetensors"] == "version 1"
    assert list(verify(store, artifacts=new)) == []
    damage(new, "versions/0001", "state.json", lambda data: data + b" ")
    assert [str(f) for f in verify(store, artifacts=new)] == [
        "Version 1: The checkpoint 0001 is damaged: state.json was cut short or altered."
    ]
    back = ["move-artifacts", "--to", str(store.home), *home, "--artifacts", place]
    assert "is damaged" in run.invoke(rater_data.cli.main.app, back).output
    damage(new, "versions/0001", "state.json", lambda data: data[:-1])
    assert run.invoke(rater_data.cli.main.app, back).exit_code == 0
    assert open_artifacts(store, None).root == store.home
    with pytest.raises(Refused, match="another store"):
        open_artifacts(store, place)


def test_a_version_that_is_not_whole_stops_the_move(store, tmp_path):
    publish(store, FolderArtifacts(store.home))
    publish(store, FolderArtifacts(store.home), 2)
    damage(FolderArtifacts(store.home), "versions/0002", "manifest.json", lambda _: None)
    with pytest.raises(Missing, match="0002"):
        move_artifacts(store, FolderArtifacts(store.home), str(tmp_path / "kept"))
    assert open_artifacts(store, None).root == store.home


def test_verify_and_status_say_where_versions_are(store, tmp_path):
    place = str(tmp_path / "kept")
    publish(store, open_artifacts(store, place, begin=True))
    run, home = CliRunner(), ["--home", str(store.home)]
    assert run.invoke(rater_data.cli.main.app, ["verify", *home, "--artifacts", place]).exit_code == 0
    refused = run.invoke(rater_data.cli.main.app, ["verify", *home])
    assert (refused.exit_code, "name it with RATELOOP_ARTIFACTS" in refused.output) == (1, True)
    assert ("Artifacts", place) in status_lines(store)


def test_the_mark_holds_an_id_and_nothing_else(store, tmp_path):
    open_artifacts(store, str(tmp_path / "kept"), begin=True)
    kept = store.setting("artifacts")
    assert json.loads((tmp_path / "kept" / MARKER).read_text()) == {"artifacts": kept["id"]}
    assert not (store.home / MARKER).exists()
