"""What docs/deploy says exists: commands, flags, files, variables; no secret in it, nothing that runs as root."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import yaml

from app.settings import PUBLIC_URL_VARIABLE, ROOT_PATH_VARIABLE
from rater_data.database_option import ARTIFACTS_VARIABLE, DATABASE_VARIABLE
from tests.paths import DOCS, ROOT
from tests.test_docs import TYPERS

DEPLOY = DOCS / "deploy"
FILES = {file.name: file.read_text(encoding="utf-8") for file in sorted(DEPLOY.iterdir())}
DOCKERFILE, COMPOSE = FILES["Dockerfile"], yaml.safe_load(FILES["compose.yaml"])
VARIABLES = {ARTIFACTS_VARIABLE, DATABASE_VARIABLE, PUBLIC_URL_VARIABLE, ROOT_PATH_VARIABLE, "RATELOOP_HOME"}
UNITS = ("rateloop.service", "rateloop-trainer.service")


def commands() -> Iterator[tuple[str, list[str]]]:
    """(file, words) of every command of ours, in the notation of a shell and in that of JSON lists."""
    for name, text in FILES.items():
        for line in re.sub(r"\\\n\s*", " ", text).splitlines():
            for listed in re.findall(r'\["python", "-m".*?\]', line):
                yield name, json.loads(listed)[2:]
            for words in re.findall(r"python -m ((?:app|ppo|rater_data)\b[^`#,]*)", line):
                yield name, words.split()


@pytest.mark.parametrize(("file", "words"), list(commands()), ids=" ".join)
def test_every_command_and_flag_exists(file: str, words: list[str]) -> None:
    package, command, *rest = words
    group = typer.main.get_command(TYPERS[package])
    assert command in group.commands
    known = {flag for p in group.commands[command].params for flag in (*p.opts, *p.secondary_opts)}
    flags = [word for word in rest if word.startswith("--")]
    assert set(flags) <= known
    given = [word for word in rest if not word.startswith("--")]
    assert len(given) <= len(flags), f"{file}: more words than flags take"


def test_there_are_commands_to_check() -> None:
    assert {file for file, _ in commands()} >= {"Dockerfile", "compose.yaml", *UNITS, "nginx.conf"}


def test_every_variable_of_ours_exists() -> None:
    named = {name for text in FILES.values() for name in re.findall(r"\bRATELOOP_[A-Z_]+", text)}
    assert named == {*named} & VARIABLES and DATABASE_VARIABLE in named


def test_the_image_copies_what_is_there_and_nothing_is_kept_from_it() -> None:
    copied = {
        word for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    }
    assert {"app", "ppo", "rater_data", "requirements.txt", "requirements-model.txt"} <= copied
    assert all((ROOT / name).exists() for name in copied)
    let_in = {
        line.removeprefix("!") for line in FILES["Dockerfile.dockerignore"].splitlines() if line[0] == "!"
    }
    assert let_in == copied, (
        "of the checkout only this goes to the builder: no home, no .git, no virtual environment"
    )


def test_what_the_image_copies_is_all_that_a_release_needs(tmp_path: Path) -> None:
    """In a folder with the server's files and nothing else, it knows its commands and which release it is."""
    server = DOCKERFILE.partition("AS server")[2].partition("AS trainer")[0]
    for line in re.findall(r"^COPY (.*)$", server, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, tmp_path / source)
    script = "import app.cli; from rater_data.store.database.release import own_release; print(own_release())"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert ran.returncode == 0, ran.stderr


def test_the_image_is_made_of_pinned_requirements_by_an_ordinary_user() -> None:
    _, _, server, trainer = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    left_out = re.search(r"grep -vE '\^\(([\w|]+)\)=='", server)[1].split("|")
    assert all(re.search(rf"^{name}==", pinned, re.MULTILINE) for name in left_out)
    assert "-r requirements.txt" in trainer and "--require-hashes -r requirements-model.txt" in trainer
    for stage in (server, trainer):
        assert re.findall(r"pip install (?!\$TORCH_ARGS|-r |--no-deps)", stage) == [], (
            "everything is pinned in a file"
        )
        assert stage.index("USER rateloop") < stage.index("\nCMD "), "and then it runs as nobody special"
    assert "/healthz" in re.search(r"HEALTHCHECK.*\n.*", server)[0]


def test_compose_fits_the_image_and_keeps_everything_in_volumes() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"db", "app", "trainer"}
    for name in ("app", "trainer"):
        build = services[name]["build"]
        assert re.search(rf"^FROM .* AS {build['target']}$", DOCKERFILE, re.MULTILINE)
        assert (DEPLOY / build["context"]).resolve() == ROOT and (ROOT / build["dockerfile"]).exists()
        assert services[name]["cap_drop"] == ["ALL"] and "privileged" not in services[name]
    mounted = {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]}
    assert mounted == set(COMPOSE["volumes"])
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:7860:7860"], "a proxy with TLS is what the world sees"
    gpu = yaml.safe_load(FILES["compose.gpu.yaml"])["services"]
    assert set(gpu) <= set(services)


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_as_an_ordinary_user_in_its_own_home(name: str) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=", comment_prefixes="#")
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(FILES[name])
    service = unit["Service"]
    assert service["User"] == "rateloop" and service["NoNewPrivileges"] == "true"
    assert f"RATELOOP_HOME=/var/lib/{service['StateDirectory']}" in service["Environment"]
    assert service["StateDirectoryMode"] == "0700" and service["UMask"] == "0077"


def test_there_is_no_secret() -> None:
    for name, text in FILES.items():
        text = re.sub(r"^ *#.*", "", text, flags=re.MULTILINE)
        for found in re.findall(r"(?i)(?:password|token|secret|key)\s*[:=]\s*(\S+)", text):
            assert found.startswith(("${", "…")), f"{name}: {found}"
        assert not re.search(r"postgresql://[^@\s]*:[^@\s]*@", text), name


def test_nginx_passes_on_what_the_server_believes_and_ends_what_clients_make_up() -> None:
    text = FILES["nginx.conf"]
    location = text.partition("location /rateloop/ {")[2].partition("\n    }")[0]
    headers = dict(re.findall(r"proxy_set_header (\S+) (\S+);", location))
    assert headers["Host"] == headers["X-Forwarded-Host"] == "$http_host", "with the port"
    assert headers["X-Forwarded-For"] == "$remote_addr", "not what the client says of itself"
    assert headers["Forwarded"] == headers["X-Forwarded-Prefix"] == '""'
    assert "X-Forwarded-Proto" in headers and "X-Forwarded-Port" in headers


@pytest.mark.parametrize("name", [name for name in FILES if Path(name).suffix in (".yaml", ".yml")])
def test_yaml_is_yaml(name: str) -> None:
    assert isinstance(yaml.safe_load(FILES[name]), dict)
