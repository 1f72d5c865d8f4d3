"""What the README says exists: commands, flags, files, make targets, names of the demo's columns."""

import re

import pytest
import typer.main

import app.cli
import ppo.cli
import rater_data.cli.main
from ppo.config import Config
from ppo.demo.scripted_raters import BUILT_IN
from ppo.demo.tables import COLUMNS
from tests.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
HOUSES = {"app": app.cli.app, "ppo": ppo.cli.cli, "rater_data": rater_data.cli.main.app}
COMMANDS = sorted(set(re.findall(r"python -m (app|ppo|rater_data) ([a-z-]+)([^\n`]*)", README)))


@pytest.mark.parametrize(("house", "command", "rest"), COMMANDS)
def test_every_command_and_flag_exists(house, command, rest):
    group = typer.main.get_command(HOUSES[house])
    assert command in group.commands, f"{house} has no command {command}"
    known = {flag for p in group.commands[command].params for flag in (*p.opts, *p.secondary_opts)}
    for flag in re.findall(r"--[a-z-]+", rest):
        assert flag in known, f"python -m {house} {command} has no {flag}"


def test_there_are_commands_to_check():
    assert len(COMMANDS) >= 5


def test_every_linked_file_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_make_target_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z]+)", README, re.MULTILINE))
    assert {"serve", "test", "setup"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_limits_and_raters_named_are_the_real_ones():
    config = Config()
    assert f"{config.ppo.kl_budget:g} nats per response, {config.ppo.kl_ceiling:g} in all" in README
    assert all(f"`{name}`" in README for name in BUILT_IN)
    assert config.plan.responses_per_prompt == 4
    assert "four responses each" in README


def test_every_column_of_the_demo_is_explained_or_plain():
    plain = {"round", "version", "tokens", "EOS", "fit+PPO s"}
    for column in set(COLUMNS) - plain:
        name = (
            column.split(" (")[0]
            .replace(" nats", "")
            .replace(" on holdout", "")
            .replace("head ρ", "head ρ, pairs")
        )
        assert f"| {name} |" in README or f", {name} |" in README, column


def test_every_rule_names_tests_that_exist():
    rules = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", rules))
    written = {
        name
        for file in (ROOT / "tests").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 20
    assert named <= written
