"""What happened is told to an address elsewhere: once, in order, signed, and again until it is taken."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from app.cli import app as cli
from app.monitoring import webhook
from app.monitoring.happenings import read_happenings
from app.monitoring.webhook import TOLD, Webhook, read_target, sign
from rater_data.errors import BadInput
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import rate_all
from tests.rater_data.store_world import file_store

URL, SECRET = "http://hooks.test/path-with-a-key", "a secret of enough letters"


class Elsewhere:
    """The address that is told: what it got, and what it answers next."""

    def __init__(self) -> None:
        self.got: list[httpx.Request] = []
        self.answers: list[int] = []
        self.client = httpx.Client(transport=httpx.MockTransport(self.take))

    def take(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        return httpx.Response(self.answers.pop(0) if self.answers else 204)

    @property
    def kinds(self) -> list[str]:
        return [json.loads(request.content)["type"] for request in self.got]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = file_store(tmp_path)
    fake_worker.generate(made, {"quota": 8})
    yield made
    made.close()


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


def hook_of(store: Store, said: list[str] | None = None) -> Webhook:
    target = read_target(URL, SECRET)
    return Webhook(store, target, "http://console.test/operator/", [].append if said is None else said.append)


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    target = read_target(URL, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(target.secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_round_is_told_from_full_to_published_once_each(store: Store, elsewhere: Elsewhere) -> None:
    hook = hook_of(store)
    hook.look(elsewhere.client)
    assert elsewhere.got == [], "it is still being rated"
    rate_all(store, 8)
    for _ in range(3):
        hook.look(elsewhere.client)
    assert elsewhere.kinds == ["round.full"]
    store.start_training(1, "op")
    fake_worker.run_one(store)
    hook.look(elsewhere.client)
    hook_of(store).look(elsewhere.client)  # a server that was started anew
    assert elsewhere.kinds == ["round.full", "training.ended", "version.published"]
    assert not any("." in request.headers["webhook-id"] for request in elsewhere.got)
    request = elsewhere.got[-1]
    body = json.loads(request.content)
    assert body["data"] | {"sentence": "", "job": 0} == {
        "job": 0, "kind": "train", "round": 1, "outcome": "published", "version": 1, "sentence": "",
        "console": "http://console.test/operator/",
    }  # fmt: skip
    timestamp = int(request.headers["webhook-timestamp"])
    signed = sign(SECRET.encode(), request.headers["webhook-id"], timestamp, request.content)
    assert request.headers["webhook-signature"] == signed
    assert sign(b"another secret, long", request.headers["webhook-id"], timestamp, request.content) != signed


def test_a_failure_and_a_refusal_are_told_with_their_reason(store: Store, elsewhere: Elsewhere) -> None:
    hook = hook_of(store)
    rate_all(store, 8)
    store.set_setting("fake", {"fail": "The disk is full."})
    store.start_training(1, "op")
    fake_worker.run_one(store)
    store.set_setting("fake", {"gate": "No better than chance."})
    store.start_training(1, "op")
    fake_worker.run_one(store)
    hook.look(elsewhere.client)
    assert elsewhere.kinds == ["job.failed", "training.ended"]
    first, second = (json.loads(request.content)["data"]["sentence"] for request in elsewhere.got)
    assert first == "Training failed: The disk is full."
    assert second.startswith("The training of round 1 ended: refused.") and "chance" in second


def test_what_was_not_taken_is_told_again_later(
    store: Store, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(webhook.time, "monotonic", lambda: now[0])
    said: list[str] = []
    hook = hook_of(store, said)
    rate_all(store, 8)
    elsewhere.answers = [500, 503, 302, 204]
    for _ in range(60):
        hook.look(elsewhere.client)
        now[0] += 0.5
    assert elsewhere.kinds == ["round.full"] * 4
    assert len({request.headers["webhook-id"] for request in elsewhere.got}) == 1
    assert len(said) == 1 and "500" in said[0] and "path-with-a-key" not in said[0]
    assert store.setting(TOLD) == ["round-1-full"]


def test_after_a_day_it_is_given_up_and_logged(
    store: Store, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "GIVEN_UP_AFTER_S", 0.0)
    hook = hook_of(store)
    rate_all(store, 8)
    elsewhere.answers = [500]
    hook.look(elsewhere.client)
    hook.look(elsewhere.client)
    assert len(elsewhere.got) == 1
    assert (store.events(1)[0].actor, store.events(1)[0].what) == ("webhook", "gave up")


def test_what_happened_before_there_was_a_webhook_is_no_news(store: Store, elsewhere: Elsewhere) -> None:
    rate_all(store, 8)
    hook_of(store).look(elsewhere.client)
    assert elsewhere.got == [] and read_happenings(store) != []


@pytest.mark.parametrize(
    ("url", "secret", "says"),
    [
        ("hooks.test", SECRET, "is like https://"),
        ("ftp://hooks.test", SECRET, "is like https://"),
        (URL, "", "A webhook is signed"),
        (URL, "short", "A webhook is signed"),
        (URL, "whsec_§", "no base64"),
        (URL, "whsec_" + base64.b64encode(b"short").decode(), "A webhook is signed"),
    ],
)
def test_a_target_that_cannot_be_is_a_sentence(url: str, secret: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_target(url, secret)


def test_the_command_refuses_before_anything_is_started(tmp_path: Path) -> None:
    ran = CliRunner().invoke(
        cli, ["serve", "--home", str(tmp_path / "home"), "--webhook", URL], env={webhook.SECRET_VARIABLE: ""}
    )
    assert ran.exit_code == 1 and "A webhook is signed" in ran.output
    assert not (tmp_path / "home").exists()
    assert "path-with-a-key" not in repr(read_target(URL, SECRET))
