"""What README and docs say exists: commands, flags, files, links, make targets, settings, rooms, functions, tests."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
import typer.main

import app.cli
import ppo.cli.main
import rater_data.cli.main
from ppo.config import Config
from ppo.demo.scripted_raters import BUILT_IN
from ppo.demo.tables import COLUMNS
from tests.paths import DOCS, ROOT
from tests.test_house import ROOMS

PAGES = {page.name: page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *DOCS.glob("*.md"))}
README, TRAINING, ARCHITECTURE = PAGES["README.md"], PAGES["training.md"], PAGES["architecture.md"]
TYPERS = {"app": app.cli.app, "ppo": ppo.cli.main.cli, "rater_data": rater_data.cli.main.app}
COMMANDS = sorted(
    {
        (name, *found)
        for name, text in PAGES.items()
        for found in re.findall(r"python -m (app|ppo|rater_data) ([a-z-]+)([^\n`]*)", text)
    }
)
README_LINES = 130


@pytest.mark.parametrize(("page", "package", "command", "rest"), COMMANDS)
def test_every_command_and_flag_exists(page, package, command, rest):
    group = typer.main.get_command(TYPERS[package])
    assert command in group.commands, f"{package} has no command {command}"
    known = {flag for p in group.commands[command].params for flag in (*p.opts, *p.secondary_opts)}
    for flag in re.findall(r"--[a-z-]+", rest):
        assert flag in known, f"python -m {package} {command} has no {flag}"


def test_there_are_commands_to_check():
    assert len(COMMANDS) >= 20


def test_the_readme_is_a_front_page():
    assert len(README.splitlines()) <= README_LINES


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    folder = ROOT if page == "README.md" else DOCS
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = folder / name if name else folder / page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), target


def test_every_page_can_be_reached_from_the_readme():
    for page in set(PAGES) - {"README.md"}:
        assert f"](docs/{page})" in README, page


def test_every_make_target_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(PAGES.values())
    targets = set(re.findall(r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z-]+)", text, re.MULTILINE))
    assert {"serve", "test", "setup", "demo", "check"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page):
    for name in re.findall(r"`((?:app|ppo|rater_data|tests|docs)/[\w/.-]+)`?", PAGES[page]):
        assert (ROOT / name.rstrip(".")).exists(), name


def settings_of(values, prefix=""):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from settings_of(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


SETTINGS = dict(settings_of(Config().to_dict()))


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_exists(page):
    for path in re.findall(r"\b((?:plan|sample|reward|lora|ppo)\.[a-z_]+)\b(?![/(.])", PAGES[page]):
        if not path.endswith(".py"):
            assert path in SETTINGS, path


def written(value):
    """A default as the table has it."""
    return (value or "none") if isinstance(value, str) else f"{value:g}"


def test_the_defaults_in_the_table_of_settings_are_the_real_ones():
    rows = re.findall(r"^\| (`(?:plan|sample|ppo|lora)\.[^|]*) \| ([^|]*) \|", TRAINING, re.MULTILINE)
    assert len(rows) >= 12
    for names, defaults in rows:
        paths = re.findall(r"`([\w.]+)`", names)
        assert [written(SETTINGS[path]) for path in paths] == defaults.split(", "), names


def test_the_limits_and_raters_named_are_the_real_ones():
    config = Config()
    assert f"{config.ppo.kl_budget:g} nats per response, {config.ppo.kl_ceiling:g} in all" in TRAINING
    assert all(f"`{name}`" in TRAINING for name in BUILT_IN)
    assert config.plan.responses_per_prompt == 2
    assert "two responses each" in README


def test_every_column_of_the_demo_is_explained_or_plain():
    plain = {"round", "version", "tokens", "EOS", "fit+PPO s"}
    for column in set(COLUMNS) - plain:
        name = (
            column.split(" (")[0]
            .replace(" nats", "")
            .replace(" on holdout", "")
            .replace("head ρ", "head ρ, pairs")
        )
        assert f"| {name} |" in TRAINING or f", {name} |" in TRAINING, column


def test_every_rule_names_tests_that_exist():
    named = set(re.findall(r"`(test_\w+)`", PAGES["rules.md"]))
    written = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 20
    assert named <= written


def test_nothing_is_said_twice():
    lines = Counter(
        line.strip() for text in PAGES.values() for line in set(text.splitlines()) if len(line.strip()) > 60
    )
    assert [line for line, times in lines.items() if times > 1] == []


# ---- architecture.md


def section(title):
    return ARCHITECTURE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_tree_is_the_one_on_disk():
    tree = section("The tree").partition("```")[2].partition("```")[0]
    named, path = set(), []
    for line in tree.strip("\n").splitlines():
        indent, name = re.match(r"( *)([\w.]+)/ ", line).groups()
        path[len(indent) // 2 :] = [name]
        named.add(".".join(path))
        assert len(line.split("/ ", 1)[1].split()) >= 3, f"no purpose: {line}"
    assert {name for name in named if name.split(".")[0] != "tests"} == set(ROOMS)
    folders = {".".join(file.relative_to(ROOT).parent.parts) for file in (ROOT / "tests").rglob("test_*.py")}
    assert {name for name in named if name.split(".")[0] == "tests"} >= {
        f for f in folders if f.count(".") < 2
    }


JS_NAME = re.compile(r"(?:function|class|const|let)\s+(\w+)|^  (?:async )?(\w+)\(.*\{$", re.MULTILINE)


def names_in(file: Path):
    """Functions and classes of a Python file, methods as Class.method; of a script every function's name."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return {"".join(pair) for pair in JS_NAME.findall(text)}
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


STOPS = re.findall(r"`([\w/.-]+\.(?:py|js)):\s+([\w.]+)`", ARCHITECTURE)


@pytest.mark.parametrize(("file", "name"), STOPS)
def test_every_stop_of_the_walk_exists(file, name):
    assert name in names_in(ROOT / file)


def test_the_walk_has_its_stops():
    assert len(STOPS) >= 20


def test_a_change_touches_three_files_at_most():
    rows = re.findall(
        r"^\| (a new|another) ([^|]+) \| ([^|]+) \|", section("Where to change what"), re.MULTILINE
    )
    assert len(rows) >= 7
    for _, what, files in rows:
        named = re.findall(r"`([\w/.-]+)`", files)
        assert 1 <= len(named) <= 3, what
        for name in named:
            assert (ROOT / name).exists(), name
