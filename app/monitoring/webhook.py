"""Tells an address elsewhere what happened: signed, in order, again and again until it is taken.

Headers and signature are those of Standard Webhooks (standardwebhooks.com, spec 1.0.0), for which there are verifiers
in most languages: `webhook-id`, `webhook-timestamp`, and `webhook-signature`, which is `v1,` and the base64 of the
HMAC-SHA256 of `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from app.monitoring.happenings import Happening, read_happenings
from rater_data.errors import BadInput, Unavailable
from rater_data.store import Store

URL_VARIABLE, SECRET_VARIABLE = "RATELOOP_WEBHOOK", "RATELOOP_WEBHOOK_SECRET"
TOLD = "webhook_told"  # the store's setting with the ids of what was told, the newest last
TOLD_KEPT = 200
SHORTEST_SECRET = 16  # bytes
LOOK_S = 2.0
TIMEOUT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0  # between two tries; doubled after each
GIVEN_UP_AFTER_S = 24 * 3600.0
ACTOR = "webhook"


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where to, and what signs it. Both may be secret: an address that holds a key is never shown beyond its host."""

    url: str
    secret: bytes

    def __repr__(self) -> str:
        return f"WebhookTarget({self.host})"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def read_target(url: str, secret: str | None = None) -> WebhookTarget:
    """With the secret that is given, or in the environment.

    Raises BadInput for what is no address, and for a secret that is missing, too short or no base64 after whsec_.
    """
    secret = os.environ.get(SECRET_VARIABLE, "") if secret is None else secret
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("The address of a webhook is like https://example.org/hooks/rateloop.")
    try:
        if secret.startswith("whsec_"):
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        else:
            key = secret.encode()
    except ValueError:
        raise BadInput(f"What follows whsec_ in {SECRET_VARIABLE} is no base64.") from None
    if len(key) < SHORTEST_SECRET:
        raise BadInput(
            f"A webhook is signed: put a secret of at least {SHORTEST_SECRET} letters into {SECRET_VARIABLE}, as "
            "`openssl rand -hex 32` makes one."
        )
    return WebhookTarget(url, key)


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` of a message."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


class Webhook:
    """Finds what is new and sends it, one after the other; what was told is kept in the store."""

    def __init__(self, store: Store, target: WebhookTarget, console: str, say: Callable[[str], None]) -> None:
        self.store, self.target, self.console, self.say = store, target, console, say
        self._waiting: dict[str, Happening] = {}
        self._pause, self._not_before = FIRST_PAUSE_S, 0.0
        if store.setting(TOLD) is None:  # what happened before there was a webhook is no news
            store.set_setting(TOLD, [happening.id for happening in read_happenings(store)])

    def run(self, wait: Callable[[float], object]) -> None:
        """Until `wait` says that it is time to stop; it waits so many seconds."""
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            while not wait(LOOK_S):
                try:
                    self.look(client)
                except Unavailable:
                    continue  # the database is away: looked at again in a moment

    def look(self, client: httpx.Client) -> None:
        """Finds what is new and sends what is due. Raises Unavailable."""
        told: list[str] = self.store.setting(TOLD, [])
        for happening in read_happenings(self.store):
            if happening.id not in told:
                self._waiting.setdefault(happening.id, happening)
        while self._waiting and time.monotonic() >= self._not_before:
            happening = next(iter(self._waiting.values()))
            why = self._send(client, happening)
            if why and time.time() - happening.at < GIVEN_UP_AFTER_S:
                self._try_later(why)
                return
            if why:
                sentence = f"{self.target.host} did not take it for a day: {why}"
                self.store.log(ACTOR, "gave up", about=happening.id, why=sentence)
            self._pause, self._not_before = FIRST_PAUSE_S, 0.0
            del self._waiting[happening.id]
            told = [*told, happening.id][-TOLD_KEPT:]
            self.store.set_setting(TOLD, told)

    def _try_later(self, why: str) -> None:
        if self._pause == FIRST_PAUSE_S:
            self.say(f"The webhook at {self.target.host} could not be told: {why} It is tried again.")
        self._not_before = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)

    def _send(self, client: httpx.Client, happening: Happening) -> str:
        """Empty when it was taken, else why not."""
        at = datetime.fromtimestamp(happening.at, UTC).isoformat(timespec="seconds")
        data = {**happening.data, "sentence": happening.sentence, "console": self.console}
        body = json.dumps({"type": happening.kind, "timestamp": at, "data": data}).encode()
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": happening.id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self.target.secret, happening.id, now, body),
        }
        try:
            answer = client.post(self.target.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}."
        return "" if answer.is_success else f"it answered {answer.status_code}."
