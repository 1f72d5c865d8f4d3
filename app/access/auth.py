"""Who is asking: invite links, the signed session cookie, the roles, and a throttle on guessing.

There are no passwords here: a person opens a personal link once, and a signed cookie remembers them. The
cookie holds the user's number and the epoch of their sessions, nothing else; role, activity and epoch are read
from the store on every request, so taking somebody's access away works at once.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import OrderedDict, deque
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response

from app.access.public_address import route_path
from app.settings import SESSION_TTL
from rater_data.errors import Missing, NotYours, RateloopError
from rater_data.files import fsync
from rater_data.records import User
from rater_data.store import Store

MAX_FAILURES = 10
FAILURE_WINDOW = 60.0  # seconds
MAX_TRACKED_CLIENTS = 10_000
SIGN_OUT_TTL = 600  # seconds in which somebody who signed out may end their other sessions


class SignedOut(RateloopError):
    """Nobody is signed in."""


class WrongRole(RateloopError):
    """Somebody is signed in who may not do this."""


class TooManyAttempts(RateloopError):
    """Too many wrong links or tokens from one client."""


def load_session_secret(home: Path) -> str:
    """The key that signs sessions: made on first use, readable by its owner only, never a default."""
    return load_secret(home / "session.key", "start again (everybody signs in again)")


def load_secret(path: Path, then: str) -> str:
    """The secret in a file, which is made where there is none. Raises RateloopError for a damaged one.

    `then`: what to do after deleting it, and what that means.
    """
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        secret = path.read_text().strip()
        if len(secret) < 32:
            raise RateloopError(f"{path} is damaged: delete it and {then}.") from None
        return secret
    with os.fdopen(handle, "w") as file:
        file.write(secret := secrets.token_urlsafe(48))
    fsync(path)
    return secret


class Throttle:
    """After MAX_FAILURES wrong links and tokens a minute, a client's further ones are refused unread.

    Right ones are never held up, whoever shares the address: secrets are too long to be guessed.
    """

    def __init__(self, allowed: int = MAX_FAILURES, window: float = FAILURE_WINDOW) -> None:
        self.allowed, self.window = allowed, window
        self.failures: OrderedDict[str, deque[float]] = OrderedDict()
        self.lock = threading.Lock()

    def record_failure(self, client: str) -> None:
        """Counts a wrong link or token. Raises TooManyAttempts after too many."""
        with self.lock:
            times = self.failures.setdefault(client, deque(maxlen=self.allowed))
            while times and times[0] < time.monotonic() - self.window:
                times.popleft()
            if len(times) >= self.allowed:
                raise TooManyAttempts(
                    "Too many wrong links or tokens from your address: wait a minute, then try again."
                )
            times.append(time.monotonic())
            self.failures.move_to_end(client)
            while len(self.failures) > MAX_TRACKED_CLIENTS:
                self.failures.popitem(last=False)


class Guard:
    """Answers "who is this?" for every door of the server: pages, JSON routes and Gradio's handlers."""

    def __init__(self, store: Store, secret: str, cookie_name: str, *, framed: bool = False) -> None:
        """`framed`: the rating screen may be in a frame of another site, so that cookies are sent there."""
        self.store, self.cookie_name, self.framed = store, cookie_name, framed
        self.session_signer = URLSafeTimedSerializer(secret, salt="rateloop session")
        self.sign_out_signer = URLSafeTimedSerializer(secret, salt="rateloop leaving")
        self.throttle = Throttle()

    def find_user(self, request: HTTPConnection) -> User | None:
        """The active user whose signed cookie, or for the JSON routes whose token, came with this request."""
        if "authorization" in request.headers:
            return self._find_token_user(request)
        cookie = request.cookies.get(self.cookie_name)
        if not cookie:
            return None
        return self._find_signed_user(self.session_signer, cookie, SESSION_TTL)

    def _find_signed_user(self, signer: URLSafeTimedSerializer, value: str, ttl_s: int) -> User | None:
        """The active user that a value of ours was signed for, unless their sessions were ended since."""
        try:
            payload = signer.loads(value, max_age=ttl_s)
            # a cookie of a release before there were epochs is a number alone
            user_id, epoch = payload if isinstance(payload, list) else (payload, 0)
            user = self.store.user(int(user_id))
        except (BadSignature, ValueError, TypeError, Missing):
            return None
        return user if user.active and user.session_epoch == epoch else None

    def _find_token_user(self, request: HTTPConnection) -> User | None:
        """The user whose token came with a request to the JSON routes; pages are not opened by tokens.

        Raises TooManyAttempts for a wrong one after many.
        """
        kind, _, secret = request.headers["authorization"].partition(" ")
        if kind.lower() != "bearer" or not route_path(request.scope).startswith("/api/"):
            return None
        try:
            return self.store.user_of_token(secret.strip())
        except NotYours:
            self.throttle.record_failure(client_address(request))
            return None

    def require_rater(self, request: HTTPConnection) -> User:
        """Anybody who is signed in may rate, operators too."""
        user = self.find_user(request)
        if user is None:
            if "authorization" in request.headers:
                raise SignedOut(
                    "This token does not work here: it is not known, has run out or was taken back."
                )
            raise SignedOut("You are signed out. Open your invite link again; nothing you saved is lost.")
        return user

    def require_operator(self, request: HTTPConnection) -> User:
        user = self.require_rater(request)
        if user.role != "operator":
            raise WrongRole(f"{user.name} is a rater here: only an operator may do this.")
        return user

    async def rater_name(self, request: HTTPConnection) -> str | None:
        """For the rating page's mount: the name, or None = 401."""
        user = await run_in_threadpool(self.find_user, request)
        return user.name if user else None

    async def operator_name(self, request: HTTPConnection) -> str | None:
        """For the console's mount: the name, or None = 401."""
        user = await run_in_threadpool(self.find_user, request)
        return user.name if user and user.role == "operator" else None

    def redeem_link(self, secret: str, client: str) -> User:
        """The user whom a link lets in. Raises NotYours, saying why it does not, and TooManyAttempts after many."""
        try:
            return self.store.redeem(secret)
        except NotYours:
            self.throttle.record_failure(client)
            raise

    def session_cookie(self, user: User) -> str:
        """The value of the cookie that says who this is."""
        return str(self.session_signer.dumps([user.id, user.session_epoch]))

    def sign_out_secret(self, request: HTTPConnection) -> str | None:
        """With this, somebody who has just signed out here can end their sessions elsewhere, too."""
        try:
            payload = self.session_signer.loads(
                request.cookies.get(self.cookie_name, ""), max_age=SESSION_TTL
            )
        except BadSignature:
            return None
        return str(self.sign_out_signer.dumps(payload))

    def sign_out_everywhere(self, secret: str) -> None:
        """Ends all sessions of the user whom `sign_out_secret` was made for. Raises NotYours."""
        user = self._find_signed_user(self.sign_out_signer, secret, SIGN_OUT_TTL)
        if user is None:
            raise NotYours("This page is old: open your invite link, and sign out again.")
        self.store.sign_out(user.id, user.name, links=False)

    def sign_in(self, response: Response, user: User, *, root: str, secure: bool) -> None:
        """Leaves the cookie, for the addresses under the root path alone: others on this host are none of ours."""
        self._set_cookie(response, self.session_cookie(user), root or "/", secure=secure, max_age=SESSION_TTL)

    def sign_out(self, response: Response, *, root: str, secure: bool) -> None:
        # one from before the server had a root path would be sent still
        for path in {"/", root or "/"}:
            self._set_cookie(response, "", path, secure=secure, max_age=0)

    def _set_cookie(self, response: Response, value: str, path: str, *, secure: bool, max_age: int) -> None:
        """In a frame of another site only a cookie that is secure and kept apart for that site is sent at all.

        A form of another site is refused all the same: `app/access/same_origin.py`.
        """
        elsewhere = self.framed and secure
        response.set_cookie(
            self.cookie_name,
            value,
            max_age=max_age,
            path=path,
            httponly=True,
            samesite="none" if elsewhere else "lax",
            secure=secure,
        )
        if elsewhere:  # http.cookies knows this attribute from Python 3.14 on
            name, header = response.raw_headers.pop()
            response.raw_headers.append((name, header + b"; Partitioned"))


def client_address(request: HTTPConnection) -> str:
    return request.client.host if request.client else "unknown"
