"""Scripted raters over the JSON routes of a running server: what people do, by functions and at any speed."""

from __future__ import annotations

import itertools
import math
import random
import re
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from rater_data.errors import BadInput, Missing, RateloopError
from rater_data.rater_functions import Rater

REQUEST_TIMEOUT = 30.0  # seconds
POLL_INTERVAL = 2.0  # seconds, while there is nothing to rate
MAX_TRIES = 5  # of one decision, under the same key: a lost answer is no second rating
TOKEN_DAYS = 2  # of the raters that are made, whose tokens nobody takes back
PAIR_BOUNDS = (1.0, 10.0)  # what two responses are scored between, to be compared then

Bounds = tuple[float, float]
CardRater = Callable[[dict[str, Any], str, Bounds], float]
"""(a card as /api/card gives it, one of its responses, lowest and highest score) → a score."""


def rate_with(rater: Rater) -> CardRater:
    """A function's scores are on the server's own scale already."""
    return lambda card, text, _bounds: rater(prompt_of(card), text)


def prompt_of(card: dict[str, Any]) -> str:
    """The prompt's last message; of a text that a response goes on with, all of it."""
    messages = [message["content"] for message in card["messages"]]
    return "\n".join(messages) if card["continuation"] else str(messages[-1])


@dataclass(frozen=True)
class Outcome:
    """What a simulation did: ratings saved, seconds in all, and for each saved rating with its next card."""

    ratings: int
    seconds: float
    client_seconds: list[float] = field(default_factory=list)
    server_seconds: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Of a rating and its next card, as the client saw it."""
        return 1000 * _quantile(self.client_seconds, 0.5)

    @property
    def p95_ms(self) -> float:
        """As `median_ms`, the 95th percentile."""
        return 1000 * _quantile(self.client_seconds, 0.95)

    @property
    def server_median_ms(self) -> float:
        """Of a rating and its next card, as the server told it: without the way there and back."""
        return 1000 * _quantile(self.server_seconds, 0.5)

    @property
    def server_p95_ms(self) -> float:
        """As `server_median_ms`, the 95th percentile."""
        return 1000 * _quantile(self.server_seconds, 0.95)


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


def simulate(
    url: str,
    token: str,
    rater: CardRater,
    ratings: int,
    clients: int,
    on_progress: Callable[[int], None] = lambda _saved: None,
    patience_s: float = 600.0,
    think_s: float = 0.0,
    on_wait: Callable[[str], None] = lambda _why: None,
) -> Outcome:
    """`clients` raters at once until `ratings` are saved in all.

    An operator's token makes a rater for each client; with a rater's, the one client is that rater. Each thinks for
    about `think_s` seconds on a card; of two responses the one with the higher score is better. Ends early, with what
    was saved, when no client was given a card for `patience_s` seconds; `on_wait` is told why one has to wait. Raises
    RateloopError with a sentence.
    """
    if not re.fullmatch(r"[\w-]+", token, re.ASCII):
        raise BadInput("That is no token: `python -m app token NAME` prints one.")
    _check_server(url)  # a wrong address is one sentence, before any thread
    tokens = _client_tokens(url, token, clients)
    run = _Run(ratings, patience_s, on_progress, think_s, on_wait)
    threads = [
        threading.Thread(target=run.run_client, args=(url, client_token, rater), daemon=True)
        for client_token in tokens
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if run.error is not None:
        raise run.error
    return Outcome(run.saved, time.monotonic() - began, run.client_seconds, run.server_seconds)


def _client_tokens(url: str, token: str, clients: int) -> list[str]:
    with _client(url, token) as client:
        response = client.get("/api/round")
        if response.status_code == 403:
            if clients > 1:
                raise BadInput("A rater's token is one person: use --clients 1, or an operator's token.")
            return [token]
        _parse_json(response)
        names = (f"simulated {n}" for n in itertools.count(1))
        return [
            _parse_json(client.post("/api/token", json={"name": next(names), "days": TOKEN_DAYS}))["token"]
            for _ in range(clients)
        ]


class _Run:
    """What the clients of one simulation share."""

    def __init__(
        self,
        ratings: int,
        patience_s: float,
        on_progress: Callable[[int], None],
        think_s: float,
        on_wait: Callable[[str], None],
    ) -> None:
        self.ratings, self.patience_s, self.think_s = ratings, patience_s, think_s
        self.on_progress, self.on_wait = on_progress, on_wait
        self.lock = threading.Lock()
        self.started = self.saved = 0
        self.client_seconds: list[float] = []
        self.server_seconds: list[float] = []
        self.error: RateloopError | None = None
        self.last_card_at = time.monotonic()

    def run_client(self, url: str, token: str, rater: CardRater) -> None:
        """One client's work."""
        try:
            with _client(url, token) as client:
                self._rate_cards(client, rater)
        except RateloopError as error:
            self.error = error

    def _rate_cards(self, client: httpx.Client, rater: CardRater) -> None:
        screen = _parse_json(client.get("/api/card"))
        low, high, points = screen["scale"]["low"], screen["scale"]["high"], screen["scale"]["points"]
        while self.error is None:
            card = screen["card"]
            if card is None:
                if time.monotonic() - self.last_card_at > self.patience_s or self._all_started():
                    return
                self.on_wait(f"{screen['title']}. {screen['why']}")
                time.sleep(POLL_INTERVAL)
                screen = _parse_json(client.get("/api/card"))
                continue
            self.last_card_at = time.monotonic()
            if not self._start_one():
                return
            if card["other"] is None:
                value = _call_rater(rater, card, card["text"], (low, high))
            else:
                first, second = card["text"], card["other"]["text"]
                value = _call_rater(rater, card, second, PAIR_BOUNDS)
                value -= _call_rater(rater, card, first, PAIR_BOUNDS)
            score = min(points, key=lambda point: abs(point - min(high, max(low, value))))
            if self.think_s:
                # between half and one and a half times as long, so that clients do not march in step
                time.sleep(self.think_s * random.uniform(0.5, 1.5))
            began = time.monotonic()
            screen, server_seconds = _rate(client, card, score)
            self._record(time.monotonic() - began, server_seconds)

    def _all_started(self) -> bool:
        with self.lock:
            return self.started >= self.ratings

    def _start_one(self) -> bool:
        with self.lock:
            if self.started >= self.ratings:
                return False
            self.started += 1
            return True

    def _record(self, client_seconds: float, server_seconds: float | None) -> None:
        with self.lock:
            self.saved += 1
            self.client_seconds.append(client_seconds)
            if server_seconds is not None:
                self.server_seconds.append(server_seconds)
            self.on_progress(self.saved)


def _call_rater(rater: CardRater, card: dict[str, Any], text: str, bounds: Bounds) -> float:
    try:
        value = float(rater(card, text, bounds))
    except RateloopError:
        raise
    except Exception as error:  # a stranger's function may raise anything
        raise BadInput(f"The rater failed on a response: {type(error).__name__}: {error}") from error
    if math.isnan(value):
        raise BadInput("The rater gave a score that is no number.")
    return value


def _rate(client: httpx.Client, card: dict[str, Any], score: float) -> tuple[dict[str, Any], float | None]:
    """The next screen, and the seconds the server says it took."""
    body = {
        "response_id": card["response_id"],
        "score": score,
        "key": secrets.token_hex(16),
        "position": card["position"],
        "shown_at": card["shown_at"],
    }
    for attempt in range(MAX_TRIES):
        try:
            answer = client.post("/api/rate", json=body)
            timing = re.search(r"dur=([0-9.]+)", answer.headers.get("server-timing", ""))
            return _parse_json(answer), float(timing[1]) / 1000 if timing else None
        except httpx.TransportError:
            if attempt + 1 == MAX_TRIES:
                raise Missing("The server stopped answering; what was saved is saved.") from None
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("not reached")


def _check_server(url: str) -> None:
    try:
        httpx.get(f"{url.rstrip('/')}/api/card", timeout=REQUEST_TIMEOUT)
    except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Missing(f"No server answers at {url}: {error}") from None


def _client(url: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(
        base_url=url.rstrip("/"), headers=headers, timeout=REQUEST_TIMEOUT, verify=_certificates()
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: a client that reads them by itself takes 20 ms of a core that the server beside it needs."""
    return httpx.create_ssl_context()


def _parse_json(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON. Raises BadInput with the server's own sentence."""
    try:
        content: dict[str, Any] = answer.json()
    except ValueError:
        raise BadInput(f"The server's answer to {answer.request.url.path} is no JSON.") from None
    if answer.is_error:
        raise BadInput(
            f"The server refused {answer.request.url.path}: {content.get('error', answer.status_code)}"
        )
    return content
