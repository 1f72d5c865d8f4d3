"""Scripted raters over the JSON routes of a running server: what people do, by functions and at any speed."""

from __future__ import annotations

import itertools
import random
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from rater_data.errors import BadInput, Missing, RateloopError
from rater_data.rater_functions import Rater

PATIENCE = 30.0  # seconds for one answer
WAIT = 2.0  # seconds between looks while there is nothing to rate
TRIES = 5  # of one decision, under the same key: a lost answer is no second rating
TOKEN_LASTS = 2  # days: of the raters that are made, whose tokens nobody takes back


@dataclass(frozen=True)
class Outcome:
    """What a simulation did: ratings saved, seconds in all and for each saved rating with its next card."""

    ratings: int
    seconds: float
    answers: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Of a rating and its next card, as the client saw it."""
        return 1000 * _share(self.answers, 0.5)

    @property
    def p95_ms(self) -> float:
        """As `median_ms`, the 95th percentile."""
        return 1000 * _share(self.answers, 0.95)

    @property
    def server_median_ms(self) -> float:
        """Of a rating and its next card, as the server told it: without the way there and back."""
        return 1000 * _share(self.server, 0.5)

    @property
    def server_p95_ms(self) -> float:
        """As `server_median_ms`, the 95th percentile."""
        return 1000 * _share(self.server, 0.95)


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


def simulate(
    url: str,
    token: str,
    rater: Rater,
    ratings: int,
    clients: int,
    tell: Callable[[int], None] = lambda _saved: None,
    patience_s: float = 600.0,
    think_s: float = 0.0,
) -> Outcome:
    """`clients` raters at once until `ratings` are saved in all.

    An operator's token makes a rater for each client; with a rater's, the one client is that rater. Each thinks for
    about `think_s` seconds on a card; of two responses the one with the higher score is better. Ends early, with what
    was saved, when no client was given a card for `patience_s` seconds. Raises RateloopError with a sentence.
    """
    if not re.fullmatch(r"[\w-]+", token, re.ASCII):
        raise BadInput("That is no token: `python -m app token NAME` prints one.")
    _api(url)  # a wrong address is one sentence, before any thread
    tokens = _tokens(url, token, clients)
    run = _Run(ratings, patience_s, tell, think_s)
    threads = [threading.Thread(target=run.one, args=(url, t, rater), daemon=True) for t in tokens]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if run.trouble is not None:
        raise run.trouble
    return Outcome(run.saved, time.monotonic() - began, run.answers, run.server)


def _tokens(url: str, token: str, clients: int) -> list[str]:
    with _client(url, token) as client:
        asked = client.get("/api/round")
        if asked.status_code == 403:
            if clients > 1:
                raise BadInput("A rater's token is one person: use --clients 1, or an operator's token.")
            return [token]
        _checked(asked)
        names = (f"simulated {n}" for n in itertools.count(1))
        return [
            _checked(client.post("/api/token", json={"name": next(names), "days": TOKEN_LASTS}))["token"]
            for _ in range(clients)
        ]


class _Run:
    """What the clients of one simulation share."""

    def __init__(self, wanted: int, patience_s: float, tell: Callable[[int], None], think_s: float):
        self.wanted, self.patience_s, self.tell, self.think_s = wanted, patience_s, tell, think_s
        self.lock = threading.Lock()
        self.begun = self.saved = 0
        self.answers: list[float] = []
        self.server: list[float] = []
        self.trouble: RateloopError | None = None
        self.last_card = time.monotonic()

    def one(self, url: str, token: str, rater: Rater) -> None:
        """One client's work."""
        try:
            with _client(url, token) as client:
                self._work(client, rater)
        except RateloopError as error:
            self.trouble = error

    def _work(self, client: httpx.Client, rater: Rater) -> None:
        screen = _checked(client.get("/api/card"))
        low, high, points = screen["scale"]["low"], screen["scale"]["high"], screen["scale"]["points"]
        while self.trouble is None:
            card = screen["card"]
            if card is None:
                if time.monotonic() - self.last_card > self.patience_s or self._enough():
                    return
                time.sleep(WAIT)
                screen = _checked(client.get("/api/card"))
                continue
            self.last_card = time.monotonic()
            if not self._begin():
                return
            prompt = card["messages"][-1]["content"]
            said = _asked(rater, prompt, card["text"])
            if card["other"] is not None:
                said = _asked(rater, prompt, card["other"]["text"]) - said
            score = min(points, key=lambda point: abs(point - min(high, max(low, said))))
            if (
                self.think_s
            ):  # between half and one and a half times as long, so that clients do not march in step
                time.sleep(self.think_s * random.uniform(0.5, 1.5))
            began = time.monotonic()
            screen, there = _rate(client, card, score)
            self._done(time.monotonic() - began, there)

    def _enough(self) -> bool:
        with self.lock:
            return self.begun >= self.wanted

    def _begin(self) -> bool:
        with self.lock:
            if self.begun >= self.wanted:
                return False
            self.begun += 1
            return True

    def _done(self, seconds: float, there: float | None) -> None:
        with self.lock:
            self.saved += 1
            self.answers.append(seconds)
            if there is not None:
                self.server.append(there)
            self.tell(self.saved)


def _asked(rater: Rater, prompt: str, response: str) -> float:
    try:
        said = float(rater(prompt, response))
    except Exception as error:  # a stranger's function may raise anything
        raise BadInput(f"The rater failed on a response: {type(error).__name__}: {error}") from error
    if said != said:
        raise BadInput("The rater gave a score that is no number.")
    return said


def _rate(client: httpx.Client, card: dict[str, Any], score: float) -> tuple[dict[str, Any], float | None]:
    """The next screen, and the seconds the server says it took."""
    body = {
        "response_id": card["response_id"],
        "score": score,
        "key": secrets.token_hex(16),
        "position": card["position"],
        "shown_at": card["shown_at"],
    }
    for attempt in range(TRIES):
        try:
            answer = client.post("/api/rate", json=body)
            told = re.search(r"dur=([0-9.]+)", answer.headers.get("server-timing", ""))
            return _checked(answer), float(told[1]) / 1000 if told else None
        except httpx.TransportError:
            if attempt + 1 == TRIES:
                raise Missing("The server stopped answering; what was saved is saved.") from None
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("not reached")


def _api(url: str) -> None:
    try:
        httpx.get(f"{url.rstrip('/')}/api/card", timeout=PATIENCE)
    except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Missing(f"No server answers at {url}: {error}") from None


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=url.rstrip("/"), headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
    )


def _checked(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON. Raises BadInput with the server's own sentence."""
    try:
        found = answer.json()
    except ValueError:
        raise BadInput(f"The server's answer to {answer.request.url.path} is no JSON.") from None
    if answer.is_error:
        raise BadInput(
            f"The server refused {answer.request.url.path}: {found.get('error', answer.status_code)}"
        )
    return found
