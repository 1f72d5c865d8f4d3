"""What a server refuses to start with."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings, port_from_environment
from app.trainer.supervisor import Supervisor
from rater_data.errors import BadInput
from rater_data.round_settings import GENERATOR_KEY


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.evil.example"])
def test_public_bind_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadInput, match="--allow-public"):
        Settings(home=tmp_path, host=host)
    assert Settings(home=tmp_path, host=host, allow_public=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback_is_fine(tmp_path: Path, host: str) -> None:
    assert Settings(home=tmp_path, host=host).url.endswith(":7860")


def test_port_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORT", "8123")
    assert port_from_environment() == 8123
    monkeypatch.setenv("PORT", "eight")
    with pytest.raises(BadInput, match="PORT is 'eight'"):
        port_from_environment()
    with pytest.raises(BadInput, match="Port 70000"):
        Settings(home=tmp_path, port=70000)


def test_the_trainer_gets_the_generators_address_and_its_key_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(GENERATOR_KEY, "geheim")
    keeper = Supervisor(Settings(home=tmp_path, generator="http://gpu:8000"))
    command = keeper.command()
    assert command[command.index("--generator") + 1] == "http://gpu:8000"
    assert "geheim" not in " ".join(command)
    assert keeper.environment()[GENERATOR_KEY] == "geheim"
    assert "--generator" not in Supervisor(Settings(home=tmp_path)).command()


def test_a_generator_that_is_no_address_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--generator has to be like"):
        Settings(home=tmp_path, generator="gpu:8000")


def test_a_trainer_of_several_processes_is_started_by_accelerate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    keeper = Supervisor(Settings(home=tmp_path, processes=3))
    command = keeper.command()
    assert command[3] == "accelerate.commands.launch"
    assert command[command.index("--num_processes") + 1] == "3"
    assert command[command.index("-m", 3) + 1 :][:2] == ["ppo", "work"]
    assert keeper.environment()["OMP_NUM_THREADS"] == "4"
    assert "accelerate.commands.launch" not in Supervisor(Settings(home=tmp_path)).command()
    with pytest.raises(BadInput, match="cannot be 0 processes"):
        Settings(home=tmp_path, processes=0)
