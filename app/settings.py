"""What a server needs to know before it starts. One frozen record, made by the command line."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from rater_data.errors import BadInput

DEFAULT_PORT = 7860

# seconds
SESSION_TTL = 30 * 24 * 3600
RATER_LINK_TTL = 14 * 24 * 3600
INVITED_OPERATOR_LINK_TTL = 24 * 3600
OPERATOR_LINK_TTL = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    home: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    model: str | None = None
    """Base model: a name, a folder or a hub id; None = the one this home was made with, else the default."""
    device: str = "auto"
    worker: bool = True
    worker_module: str = "ppo"
    """The module that `python -m` starts as the trainer, with `work --home … --model … --device …`."""
    allow_public: bool = False
    proxy: str = ""
    """Addresses or networks of reverse proxies, with commas between: whom X-Forwarded-… headers are believed."""
    database: str | None = field(default=None, repr=False)
    """Address of a PostgreSQL database, which may hold a password; None = the file in the home."""

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise BadInput(f"Port {self.port} does not exist: choose one from 1 to 65535.")
        if self.device not in ("auto", "cpu", "cuda"):
            raise BadInput(f"The device {self.device!r} is not known: choose auto, cpu or cuda.")
        if not self.allow_public and not is_loopback(self.host):
            raise BadInput(
                f"Refusing to listen on {self.host}: everybody who can reach it could try to get in. "
                "Use 127.0.0.1 (with a tunnel or a TLS proxy in front), or say --allow-public if you mean it."
            )

        for address in filter(None, self.proxy.split(",")):
            try:
                ipaddress.ip_network(address.strip())
            except ValueError:
                raise BadInput(
                    f"The address of a proxy is like 127.0.0.1 or 10.0.0.0/8, not {address.strip()!r}."
                ) from None

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        return f"http://{host}:{self.port}"

    @property
    def cookie_name(self) -> str:
        # Browsers share cookies between the ports of a host: two servers must not sign each other out.
        return f"rateloop_{self.port}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def port_from_environment() -> int:
    text = os.environ.get("PORT", "").strip()
    if not text:
        return DEFAULT_PORT
    if not text.isascii() or not text.isdigit():
        raise BadInput(f"PORT is {text!r}, which is not a number: use a port from 1 to 65535.")
    return int(text)
