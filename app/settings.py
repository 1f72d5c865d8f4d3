"""What a server needs to know before it starts. One frozen record, made by the command line."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.round_settings import GENERATOR_KEY

DEFAULT_PORT = 7860

ROOT_PATH_VARIABLE, PUBLIC_URL_VARIABLE = "RATELOOP_ROOT_PATH", "RATELOOP_PUBLIC_URL"
FRAME_PARENT_VARIABLE = "RATELOOP_FRAME_PARENT"
OWN_PATHS = (
    "api",
    "healthz",
    "join",
    "livez",
    "metrics",
    "operator",
    "rate",
    "sign-in",
    "sign-out",
    "static",
)
"""How the server's own addresses begin: a root path that began so could not be told from them."""

GPUS = re.compile(r"cuda:\d+(,cuda:\d+)*")

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
    generator: str | None = None
    """Address of a server of vLLM that writes the trainer's responses; None = the trainer does."""
    quantize: str = ""
    """How the trainer holds its base: "4bit", or as it is."""
    track: str | None = None
    """The experiment tracker that the trainer tells of its trainings."""
    processes: int = 1
    """How many processes the trainer is; on one machine, each with a GPU of its own where there are any."""
    worker: bool = True
    worker_module: str = "ppo"
    """The module that `python -m` starts as the trainer, with `work --home … --model … --device …`."""
    allow_public: bool = False
    proxy: str = ""
    """Addresses or networks of reverse proxies, with commas between: whom X-Forwarded-… headers are believed."""
    root_path: str = ""
    """The path under which people reach the server, as in /rateloop; empty: the top, or the path of `public_url`."""
    public_url: str = ""
    """The address that people use, as in https://example.org/rateloop; empty where requests tell it."""
    frame_parent: str = ""
    """The site whose pages may show the rating screen in a frame, as in https://lab.example.org; empty: none may."""
    database: str | None = field(default=None, repr=False)
    """Address of a PostgreSQL database, which may hold a password; None = the file in the home."""

    artifacts: str | None = field(default=None, repr=False)
    """Where versions and checkpoints are kept: a folder or an address; None = in the home."""

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise BadInput(f"Port {self.port} does not exist: choose one from 1 to 65535.")
        if self.device not in ("auto", "cpu", "cuda", "split") and not GPUS.fullmatch(self.device):
            raise BadInput(
                f"The device {self.device!r} is not known: choose auto, cpu, cuda, split or GPUs as in cuda:0,cuda:1."
            )
        if self.track is not None:
            checks.tracker(self.track)
        if self.quantize not in ("", "4bit"):
            raise BadInput(f"--quantize is 4bit or left out, not {self.quantize!r}.")
        if self.processes < 1:
            raise BadInput(
                f"The trainer cannot be {self.processes} processes: choose 1 or more with --processes."
            )
        if self.generator is not None:
            checks.server_address("--generator", self.generator, GENERATOR_KEY)
        if not self.allow_public and not is_loopback(self.host):
            raise BadInput(
                f"Refusing to listen on {self.host}: everybody who can reach it could try to get in. "
                "Use 127.0.0.1 (with a tunnel or a TLS proxy in front), or say --allow-public if you mean it."
            )

        for address in self.proxies:
            try:
                ipaddress.ip_network(address)
            except ValueError:
                raise BadInput(
                    f"The address of a proxy is like 127.0.0.1 or 10.0.0.0/8, not {address!r}."
                ) from None
        object.__setattr__(self, "public_url", tidy_url(self.public_url))
        object.__setattr__(self, "frame_parent", find_frame_parent(self.frame_parent))
        object.__setattr__(self, "root_path", find_root_path(self.root_path.rstrip("/"), self.public_url))

    @property
    def proxies(self) -> list[str]:
        return [address for part in self.proxy.split(",") if (address := part.strip())]

    @property
    def link_url(self) -> str:
        """What links begin with that are printed where the server runs."""
        return self.public_url or f"{self.url}{self.root_path}"

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


def tidy_url(url: str) -> str:
    """An address as browsers write it: the host in small letters, without the scheme's own port and a last slash."""
    parts = urlsplit(url)
    own_port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    host = parts.netloc.lower().removesuffix(own_port)
    return urlunsplit(parts._replace(netloc=host, path=parts.path.rstrip("/")))


def find_root_path(root_path: str, public_url: str) -> str:
    """The root path, given or in the public address. Raises BadInput where one cannot be or they do not agree."""
    public = urlsplit(public_url)
    is_address = public.scheme in ("http", "https") and bool(public.hostname) and not public.query
    if public_url and not (is_address and public_url.isascii()):
        raise BadInput(
            f"The public address is like https://example.org/rateloop, not {public_url!r}: other letters than a to z "
            "as browsers send them (xn--…)."
        )
    if public_url and root_path and root_path != public.path:
        raise BadInput(
            f"The public address {public_url} and the root path {root_path} do not agree: leave the root path out."
        )
    root_path = root_path or public.path
    if root_path and not is_root_path(root_path):
        raise BadInput(
            f"The root path is like /rateloop, not {root_path!r}: it begins with a slash, and not with a path of the "
            f"server's own ({', '.join(OWN_PATHS)})."
        )
    return root_path


def find_frame_parent(parent: str) -> str:
    """The site as browsers write it. Raises BadInput for what is no site, or one that anybody on the way could be."""
    parts = urlsplit(tidy_url(parent))
    is_site = bool(parts.hostname) and not (parts.path or parts.query or "@" in parts.netloc)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    # it becomes a part of a header, where a star or a semicolon would mean something
    if parent and not (is_site and is_safe and re.fullmatch(r"[\w.\-\[\]:]+", parts.netloc, re.ASCII)):
        raise BadInput(
            f"The site of a frame is like https://lab.example.org, not {parent!r}: its scheme (https, or http on this "
            "machine) and its host, without a path."
        )
    return urlunsplit(parts)


def is_root_path(path: str) -> bool:
    """Whether the server can be reached under this path: whole segments, the first none of the server's own."""
    return (
        bool(re.fullmatch(r"(/[\w.~-]*\w[\w.~-]*)+", path, re.ASCII)) and path.split("/")[1] not in OWN_PATHS
    )


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
