"""Where people reach the server: behind a proxy, under a path, at an address of its own.

A request is rewritten once, before anything else looks at it, to what the person's browser asked for. Headers that a
proxy adds (Forwarded, X-Forwarded-…) are believed of the proxies that were named, and taken away in any case, so that
nothing further in believes them of anybody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.settings import Settings, is_root_path

ROOT, PUBLIC, FOUND = "rateloop.root", "rateloop.public", "rateloop.found"
DEFAULT_PORTS = {"http": "80", "https": "443"}
PREFIX = "x-forwarded-"

Told = dict[str, str]
"""What a proxy says of a request: for, proto, host, port, prefix; what it does not say is not there."""


def root_of(connection: HTTPConnection) -> str:
    """The path under which people reach the server, as in /rateloop; empty where that is the top."""
    return str(connection.scope.get(ROOT, ""))


def address_of(connection: HTTPConnection) -> str:
    """The address that people use, with scheme and root path, as in https://example.org/rateloop.

    A page of ours says itself where it is, which a server behind a proxy that nobody named cannot know; what a script
    says of that, which may be any page's, is not asked.
    """
    public, found = connection.scope[PUBLIC], connection.scope[FOUND]
    origin = connection.headers.get("origin", "")
    if public or "authorization" in connection.headers or not origin.startswith("http"):
        return str(public or found)
    return f"{origin}{root_of(connection)}"


def route_path(scope: Scope) -> str:
    """The path of a request without the root path."""
    path, root = str(scope["path"]), scope.get(ROOT, "")
    return path[len(root) :] if root else path


class PublicAddress:
    """`rewrite` is all there is to it; it runs for every request."""

    def __init__(self, settings: Settings) -> None:
        self.root_path, self.url = settings.root_path, settings.public_url
        self.proxies = [ipaddress.ip_network(proxy) for proxy in settings.proxies]
        public = urlsplit(self.url)
        self.scheme, self.host, self.hostname = public.scheme, public.netloc, public.hostname

    def rewrite(self, scope: Scope) -> Scope:
        """The request as the browser made it: who asks, scheme and host, and the path under the root path."""
        kept, told, host = split_headers(scope["headers"])
        is_proxy = bool(self.proxies) and self.is_proxy(client_of(scope))
        facts = self.believe(told) if is_proxy else {}
        scheme: str = facts.get("proto") or scope["scheme"]
        host = facts.get("host", host)
        host = add_port(host, facts.get("port", ""), scheme)
        if self.url and (is_proxy or hostname_of(host) == self.hostname):
            scheme, host = self.scheme, self.host
        root = facts.get("prefix", self.root_path)
        raw_path = scope.get("raw_path") or scope["path"].encode()
        return {
            **scope,
            "headers": [(b"host", host.encode("latin-1")), *kept] if host else kept,
            "scheme": scheme,
            "client": (facts["for"], 0) if "for" in facts else scope.get("client"),
            "root_path": root,
            "path": root + without_root(scope["path"], root),
            "raw_path": (root + without_root(raw_path.decode("latin-1"), root)).encode("latin-1"),
            ROOT: root,
            PUBLIC: self.url,
            FOUND: f"{scheme}://{host}{root}",
        }

    def is_proxy(self, address: str) -> bool:
        """Whether an address belongs to a proxy that was named."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self.proxies)

    def believe(self, told: Told) -> Told:
        """What a named proxy says, where it can be true.

        Of several values it is the last: that one the named proxy added itself. Only of addresses each is followed to
        the left, past other proxies that were named. `Forwarded` counts where there is no X-Forwarded-… at all:
        a proxy that writes one of them passes the other on as the client made it up.
        """
        chain = [address_in(part) for part in told.get("for", "").split(",") if part.strip()]
        client = next((address for address in reversed(chain) if not self.is_proxy(address)), "")
        last = {name: values.rpartition(",")[2].strip() for name, values in told.items()}
        host = last.get("host", "")
        facts = {
            "for": client or (chain[0] if chain else ""),
            "proto": proto if (proto := last.get("proto", "").lower()) in DEFAULT_PORTS else "",
            "host": host if host and not set(host) & set("/\\@ ?#") else "",
            "port": port if (port := last.get("port", "")).isdecimal() else "",
        }
        prefix = last.get("prefix", "").rstrip("/")
        if "prefix" in last and (prefix == "" or is_root_path(prefix)):
            facts["prefix"] = prefix
        return {name: value for name, value in facts.items() if value or name == "prefix"}


def split_headers(headers: Sequence[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], Told, str]:
    """The headers without those of proxies and without Host; what proxies say; and what Host says."""
    kept: list[tuple[bytes, bytes]] = []
    told: Told = {}
    host = forwarded = ""
    for name, value in headers:
        if name == b"host":
            host = value.decode("latin-1")
        elif name.startswith(b"x-forwarded-"):
            key = name.decode("latin-1").removeprefix(PREFIX)
            told[key] = f"{told[key]},{value.decode('latin-1')}" if key in told else value.decode("latin-1")
        elif name == b"forwarded":
            forwarded = f"{forwarded},{value.decode('latin-1')}".strip(",")
        else:
            kept.append((name, value))
    return kept, told or parse_forwarded(forwarded), host


def parse_forwarded(header: str) -> Told:
    """RFC 7239's header in the same form: lists with commas between, of `for`, `proto` and `host`."""
    told: Told = {}
    for element in filter(None, header.split(",")):
        for pair in element.split(";"):
            name, _, value = pair.strip().partition("=")
            key, value = name.lower(), value.strip('"')
            if key in ("for", "proto", "host"):
                told[key] = f"{told[key]},{value}" if key in told else value
    return told


def client_of(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def address_in(text: str) -> str:
    """An address without its port: of 192.0.2.1:80, [2001:db8::1]:80 or as it is."""
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def add_port(host: str, port: str, scheme: str) -> str:
    """The host with a port that a proxy named, where it has none and that is not the scheme's own."""
    has_port = host.rpartition("]")[2].count(":") > 0
    return host if not port or has_port or port == DEFAULT_PORTS[scheme] else f"{host}:{port}"


def hostname_of(host: str) -> str:
    """A Host header without its port, as `urlsplit` writes it; whatever somebody sent, nothing is raised."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def without_root(path: str, root: str) -> str:
    """The path behind the root path, whether the proxy has taken that away already or not."""
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :] or "/"
    return path
