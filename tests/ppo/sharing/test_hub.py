"""ppo/sharing/hub.py: a folder is on the hub as a whole or not at all, and every refusal is a sentence."""

import http.server
import threading
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, RepositoryNotFoundError

from ppo.sharing.hub import licence_of, push_folder
from rater_data.errors import BadInput, Refused


def refusal(status, kind=HfHubHTTPError):
    request = httpx2.Request("GET", "https://hub.example/api")
    return kind(f"{status} Client Error.\n\nmore", response=httpx2.Response(status, request=request))


class StandIn(HfApi):
    """A hub in memory. `fails`: what a call raises, by its name."""

    def __init__(self, **fails):
        super().__init__(token=False)
        self.repositories, self.calls, self.fails = {}, [], fails

    def _called(self, name):
        self.calls.append(name)
        if name in self.fails:
            raise self.fails[name]

    def whoami(self, token=None, **_more):
        self._called("whoami")
        return {"name": "me"}

    def repo_info(self, repo_id, **_more):
        self._called("repo_info")
        if repo_id not in self.repositories:
            raise refusal(404, RepositoryNotFoundError)
        known = self.repositories[repo_id]
        return SimpleNamespace(
            private=known["private"], siblings=[SimpleNamespace(rfilename=name) for name in known["files"]]
        )

    def create_repo(self, repo_id, *, private=None, **_more):
        self._called("create_repo")
        assert repo_id not in self.repositories
        self.repositories[repo_id] = {"private": private, "files": {}, "commits": []}

    def create_commit(self, repo_id, operations, *, commit_message, **_more):
        self._called("create_commit")
        known = self.repositories[repo_id]
        known["files"] |= {o.path_in_repo: Path(o.path_or_fileobj).read_bytes() for o in operations}
        known["commits"].append(commit_message)
        return SimpleNamespace(commit_url=f"https://hub.example/{repo_id}/commit/1")

    def delete_repo(self, repo_id, **_more):
        self._called("delete_repo")
        del self.repositories[repo_id]


@pytest.fixture
def folder(tmp_path):
    for name in ("README.md", "adapter_config.json", "adapter_model.safetensors", "rateloop.json"):
        (tmp_path / name).write_text(name)
    return tmp_path


def send(folder, api, public=False):
    return push_folder(folder, "me/adapter", "Version 1", public=public, api=api)


def test_everything_in_one_commit_and_the_next_version_is_another(folder):
    hub = StandIn()
    assert send(folder, hub) == "https://hub.example/me/adapter/commit/1"
    assert hub.calls == ["whoami", "repo_info", "create_repo", "create_commit"]
    assert hub.repositories["me/adapter"]["private"] is True
    assert len(hub.repositories["me/adapter"]["files"]) == 4
    (folder / "README.md").write_text("newer")
    send(folder, hub)
    assert hub.repositories["me/adapter"]["commits"] == ["Version 1"] * 2
    assert hub.repositories["me/adapter"]["files"]["README.md"] == b"newer"


def test_public_only_where_it_is_said(folder):
    hub = StandIn()
    send(folder, hub, public=True)
    assert hub.repositories["me/adapter"]["private"] is False
    with pytest.raises(Refused, match="open to everybody: say --public"):
        send(folder, hub)


def test_a_name_of_something_else_is_left_alone(folder):
    hub = StandIn()
    hub.repositories["me/adapter"] = {
        "private": True,
        "files": {".gitattributes": b"", "model.safetensors": b""},
        "commits": [],
    }
    with pytest.raises(Refused, match="is taken: that repository holds something else"):
        send(folder, hub)
    assert hub.repositories["me/adapter"]["commits"] == []


def test_what_was_made_for_it_goes_again_when_the_commit_fails(folder):
    hub = StandIn(create_commit=httpx2.ConnectError("cut off"))
    with pytest.raises(Refused, match=r"cannot be reached, and nothing of me/adapter was sent \(cut off\)"):
        send(folder, hub)
    assert hub.repositories == {} and hub.calls[-1] == "delete_repo"


def test_what_was_there_stays_when_the_commit_fails(folder):
    hub = StandIn()
    send(folder, hub)
    hub.fails["create_commit"] = refusal(500)
    with pytest.raises(Refused, match="did not take me/adapter"):
        send(folder, hub)
    assert len(hub.repositories["me/adapter"]["files"]) == 4 and "delete_repo" not in hub.calls


@pytest.mark.parametrize(
    ("fails", "error", "words"),
    [
        ({"whoami": LocalTokenNotFoundError("no token")}, BadInput, "hf auth login.*, or set HF_TOKEN"),
        ({"whoami": refusal(401)}, BadInput, "does not know this token"),
        ({"create_repo": refusal(403)}, BadInput, "may not write to me/adapter"),
        ({"create_repo": refusal(409)}, Refused, "is taken"),
        ({"create_commit": refusal(404, RepositoryNotFoundError)}, Exception, "no me/adapter on the hub"),
    ],
)
def test_every_refusal_is_a_sentence(folder, fails, error, words):
    hub = StandIn(**fails)
    with pytest.raises(error, match=words) as found:
        send(folder, hub)
    assert "\n" not in str(found.value)
    assert hub.repositories == {}


def test_a_licence_that_cannot_be_asked_for_is_none():
    assert licence_of("me/base", HfApi(endpoint="http://127.0.0.1:9", token=False)) == ""


def test_no_network_and_a_wrong_token_through_the_real_client(folder):
    with pytest.raises(Refused, match="cannot be reached, and nothing of me/adapter was sent"):
        send(folder, HfApi(endpoint="http://127.0.0.1:9", token="hf_none"))

    class No(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.send_header("X-Error-Message", "Invalid credentials in Authorization header")
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), No)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with pytest.raises(BadInput, match="does not know this token"):
            send(folder, HfApi(endpoint=f"http://127.0.0.1:{server.server_port}", token="hf_wrong"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
