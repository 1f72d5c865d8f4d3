"""The order of the house, read from the source: rooms, one direction, no circle, no pickles, nothing too long."""

from __future__ import annotations

import ast
import graphlib
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

PACKAGES = ("rater_data", "ppo", "app")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
UNKNOWN = "?"

# Every room (a folder of modules) and the rooms that it may import. A package's own name stands for its root modules;
# those named in TOP stand above all rooms of their package. Each room's docstring lists the same, and nothing that is
# listed goes unused.
ROOMS = {
    "rater_data": "",
    "rater_data.statistics": "rater_data",
    "rater_data.store.database": "rater_data",
    "rater_data.store.rounds": "rater_data, rater_data.store.database",
    "rater_data.store.cards": "rater_data, rater_data.store.database, rater_data.store.rounds",
    "rater_data.store.people": "rater_data, rater_data.store.database, rater_data.store.rounds",
    "rater_data.store.reports": (
        "rater_data, rater_data.statistics, rater_data.store.database, rater_data.store.rounds"
    ),
    "rater_data.store.transfer": (
        "rater_data, rater_data.store.database, rater_data.store.people, rater_data.store.rounds"
    ),
    "rater_data.store": (
        "rater_data, rater_data.store.cards, rater_data.store.database, rater_data.store.people, "
        "rater_data.store.reports, rater_data.store.rounds, rater_data.store.transfer"
    ),
    "rater_data.planning": "rater_data, rater_data.store",
    "rater_data.overview": "rater_data, rater_data.statistics, rater_data.store",
    "rater_data.artifacts": "rater_data, rater_data.store, rater_data.store.database",
    "rater_data.exporting.formats": (
        "rater_data, rater_data.statistics, rater_data.store, rater_data.store.reports"
    ),
    "rater_data.exporting": (
        "rater_data, rater_data.exporting.formats, rater_data.statistics, rater_data.store, "
        "rater_data.store.reports"
    ),
    "rater_data.importing.readers": "rater_data, rater_data.exporting.formats",
    "rater_data.importing.cells": "rater_data, rater_data.exporting.formats, rater_data.importing.readers",
    "rater_data.importing.layouts": (
        "rater_data, rater_data.exporting.formats, rater_data.importing.cells, rater_data.importing.readers"
    ),
    "rater_data.importing": (
        "rater_data, rater_data.importing.layouts, rater_data.importing.readers, rater_data.store, "
        "rater_data.store.transfer"
    ),
    "rater_data.verify": (
        "rater_data, rater_data.artifacts, rater_data.importing.layouts, rater_data.importing.readers, "
        "rater_data.statistics, rater_data.store, rater_data.store.database, rater_data.store.rounds"
    ),
    "rater_data.benchmark": (
        "rater_data, rater_data.exporting, rater_data.importing, rater_data.statistics, rater_data.store, "
        "rater_data.store.database"
    ),
    "rater_data.cli": (
        "rater_data, rater_data.artifacts, rater_data.benchmark, rater_data.exporting, rater_data.exporting.formats, "
        "rater_data.importing, rater_data.importing.layouts, rater_data.importing.readers, rater_data.overview, "
        "rater_data.statistics, rater_data.store, rater_data.store.people, rater_data.store.transfer, "
        "rater_data.verify"
    ),
    "ppo": "rater_data",
    "ppo.model.cpu": "ppo",
    "ppo.model.devices": "rater_data",
    "ppo.model": "ppo, ppo.model.cpu, ppo.model.devices, rater_data",
    "ppo.model.loading": "ppo, ppo.model, ppo.model.devices, rater_data",
    "ppo.algorithm": "ppo, ppo.model, ppo.reward, rater_data, rater_data.statistics",
    "ppo.costs": "ppo, ppo.algorithm, ppo.model, rater_data.planning",
    "ppo.reward": "",
    "ppo.reward.evaluation": "ppo.reward",
    "ppo.benchmark": (
        "ppo, ppo.algorithm, ppo.model, ppo.model.loading, ppo.reward, ppo.reward.evaluation, rater_data"
    ),
    "ppo.generation": "ppo, ppo.algorithm, ppo.model, rater_data",
    "ppo.training": (
        "ppo, ppo.algorithm, ppo.costs, ppo.generation, ppo.model, ppo.model.loading, ppo.reward, "
        "ppo.reward.evaluation, ppo.tracking, rater_data, rater_data.artifacts, rater_data.planning, "
        "rater_data.statistics, rater_data.store, rater_data.store.database"
    ),
    "ppo.sharing": (
        "ppo, ppo.model.loading, rater_data, rater_data.artifacts, rater_data.statistics, rater_data.store"
    ),
    "ppo.fitting": (
        "ppo, ppo.algorithm, ppo.reward, ppo.reward.evaluation, ppo.training, rater_data, rater_data.overview, "
        "rater_data.statistics, rater_data.store"
    ),
    "ppo.tracking": "ppo, rater_data, rater_data.store",
    "ppo.doctor": (
        "ppo, ppo.algorithm, ppo.benchmark, ppo.costs, ppo.model, ppo.model.loading, ppo.training, rater_data, "
        "rater_data.planning, rater_data.store, rater_data.store.database"
    ),
    "ppo.demo": (
        "ppo, ppo.algorithm, ppo.model, ppo.model.loading, ppo.reward, ppo.tracking, ppo.training, "
        "rater_data, rater_data.importing, rater_data.store"
    ),
    "ppo.cli": (
        "ppo, ppo.benchmark, ppo.demo, ppo.doctor, ppo.fitting, ppo.model, ppo.model.cpu, ppo.model.loading, "
        "ppo.sharing, ppo.tracking, ppo.training, rater_data, rater_data.artifacts, rater_data.store"
    ),
    "app": "rater_data, rater_data.store",
    "app.access": "app, rater_data, rater_data.store",
    "app.rating": "app, rater_data, rater_data.overview, rater_data.store, rater_data.store.cards",
    "app.trainer": "app, rater_data, rater_data.overview",
    "app.benchmark": "app.access, rater_data, rater_data.benchmark, rater_data.store",
    "app.exports": (
        "app, app.access, rater_data, rater_data.artifacts, rater_data.exporting, "
        "rater_data.exporting.formats, rater_data.store"
    ),
    "app.monitoring": "app.access, app.trainer, rater_data, rater_data.overview, rater_data.store",
    "app.console.state": (
        "app, rater_data, rater_data.importing, rater_data.overview, rater_data.planning, rater_data.statistics, "
        "rater_data.store, rater_data.store.cards"
    ),
    "app.console.panels": (
        "app, app.console.state, rater_data, rater_data.exporting, "
        "rater_data.exporting.formats, rater_data.overview, rater_data.statistics"
    ),
    "app.console.forms": (
        "app, app.access, app.console.panels, app.console.state, app.rating, app.trainer, rater_data, "
        "rater_data.overview, rater_data.planning, rater_data.store"
    ),
    "app.console": (
        "app, app.access, app.console.forms, app.console.panels, app.console.state, app.trainer, "
        "rater_data.store"
    ),
}
TOP = {
    "rater_data": {"__main__"},
    "ppo": {"__main__"},
    "app": {
        "__main__",
        "api",
        "api_errors",
        "cli",
        "cli_options",
        "port",
        "round_schemas",
        "server",
        "startup",
    },
}
MOST_MODULES = 13
NO_ROOMS = ("migrations", "static", "prompts")
RE_EXPORTS = {"rater_data.store"}
"""Rooms whose `__init__` hands names on; everywhere else it is a docstring and nothing more."""

NEVER_IMPORTS = {"rater_data": {"ppo", "app"}, "ppo": {"app"}, "app": {"ppo"}}
ONLY_IN = {
    "sqlalchemy": "rater_data",
    "alembic": "rater_data",
    "torch": "ppo",
    "transformers": "ppo",
    "peft": "ppo",
    "gradio": "app",
    "gradio_client": "app",
    "fastapi": "app",
}
# Whatever unpickles runs the code of whoever wrote the file; weights are safetensors, the rest is JSON or SQL
PICKLES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
PICKLE_CALLS = {"torch.load", "torch.save", "pandas.read_pickle"}


def problems(path: str, source: str) -> list[str]:
    """What the text of the file `path` ("package/module.py") does against the rules, a line each."""
    tree = ast.parse(source, filename=path)
    package = path.split("/")[0]
    found = [f"{path}:{line}: {what}" for line, what in _imports_against_the_rules(package, path, tree)]
    found += [f"{path}:{line}: {what}" for line, what in _pickles(path, tree)]
    found += [f"{path}:{line}: {what}" for line, what in _too_long(tree, source)]
    return found


def _imports_against_the_rules(package: str, path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, name in imported_names(tree, path):
        top = name.split(".")[0]
        if name == UNKNOWN:
            yield line, "imports a name that is only known at run time, so nobody can hold it to the rules"
        if top in NEVER_IMPORTS[package]:
            yield line, f"{package} must not import {top}"
        if ONLY_IN.get(top, package) != package:
            yield line, f"{top} belongs in {ONLY_IN[top]} only"


def imported_names(tree: ast.Module, path: str) -> Iterator[tuple[int, str]]:
    """(line, full dotted name) of everything imported anywhere in the file, inside functions too."""
    folder = path.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else []
            module = ".".join(above + ([node.module] if node.module else []))
            yield from (
                (node.lineno, f"{module}.{alias.name}" if module else alias.name) for alias in node.names
            )
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "import_module",
            "__import__",
        ):
            known = bool(node.args) and isinstance(node.args[0], ast.Constant)
            yield node.lineno, str(node.args[0].value) if known else UNKNOWN


def _pickles(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, name in imported_names(tree, path):
        if name.split(".")[0] in PICKLES or name in PICKLE_CALLS:
            yield line, f"{name} reads or writes pickles"
    bound = _names_bound_by_imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{bound.get(node.value.id, node.value.id)}.{node.attr}"
            if name in PICKLE_CALLS or node.attr == "to_pickle":
                yield node.lineno, f"{name} reads or writes pickles"
        if (
            isinstance(node, ast.keyword)
            and node.arg == "allow_pickle"
            and ast.unparse(node.value) != "False"
        ):
            yield node.value.lineno, "allow_pickle reads pickles"


def _names_bound_by_imports(tree: ast.Module) -> dict[str, str]:
    return {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.asname
    }


def _too_long(tree: ast.Module, source: str) -> Iterator[tuple[int, str]]:
    lines = len(source.splitlines())
    if lines > MAX_FILE_LINES:
        yield lines, f"{lines} lines; a file has at most {MAX_FILE_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield (
                    node.lineno,
                    f"{node.name} has {lines} lines; a function has at most {MAX_FUNCTION_LINES}",
                )


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_house_is_in_order(package: str) -> None:
    files = files_of(package)
    assert files, f"no Python file under {package}/: nothing was checked"
    found = []
    for file in files:
        found += problems(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
    assert not found, "\n".join(["", *found])


def rooms_on_disk() -> dict[str, list[Path]]:
    """The modules of every folder that has any, `__init__` left out."""
    found: dict[str, list[Path]] = {}
    for package in PACKAGES:
        for file in files_of(package):
            folders = file.relative_to(ROOT).parent.parts
            if not set(folders) & set(NO_ROOMS):
                modules = found.setdefault(".".join(folders), [])
                modules += [file] if file.stem != "__init__" else []
    return found


def is_top(module: str) -> bool:
    """Whether a module at a package's root stands above its rooms."""
    package, _, rest = module.partition(".")
    return rest.split(".")[0] in TOP[package]


def room_of(module: str) -> str:
    """The room of a dotted name of ours, be it a module, a name in one, or a room itself."""
    parts = module.split(".")
    while parts and ".".join(parts) not in ROOMS:
        parts.pop()
    return ".".join(parts)


def imported_rooms(path: str, source: str) -> Iterator[tuple[int, str]]:
    """(line, room) of everything of ours that a module imports from outside its own room."""
    own = ".".join(path.removesuffix(".py").split("/")[:-1])
    for line, name in imported_names(ast.parse(source), path):
        if name.split(".")[0] in PACKAGES and (room := room_of(name)) != own:
            yield line, room


def room_problems(path: str, source: str) -> list[str]:
    """Where a module imports from a room that its own may not import, or a private name of another module."""
    module = ".".join(path.removesuffix(".py").split("/"))
    own = module.rpartition(".")[0]
    found = []
    if not is_top(module):
        allowed = allowed_in(own)
        found += [
            f"{path}:{line}: {own} must not import {room}"
            for line, room in imported_rooms(path, source)
            if room not in allowed
        ]
    for line, name in imported_names(ast.parse(source), path):
        if name.split(".")[0] in PACKAGES and re.match(r"_[^_]", name.rpartition(".")[2]):
            found.append(f"{path}:{line}: {name} is private to its module")
        if name.split(".")[0] == module.split(".")[0] and is_top(name) and not is_top(module):
            found.append(f"{path}:{line}: {name} stands above the rooms")
    return found


def allowed_in(room: str) -> set[str]:
    return {name.strip() for name in ROOMS[room].split(",") if name.strip()}


def test_every_folder_is_a_room_of_the_table() -> None:
    assert sorted(rooms_on_disk()) == sorted(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is_for_and_what_it_may_import(room: str) -> None:
    file = ROOT / room.replace(".", "/") / "__init__.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    said = ast.get_docstring(tree) or ""
    listed = re.search(r"^May import: (.*?)\.$", said, re.MULTILINE | re.DOTALL)
    assert listed, f"{room}: the docstring of __init__.py says no 'May import: …'"
    names = {name.strip() for name in listed[1].replace("\n", " ").split(",")} - {"nothing"}
    assert names == allowed_in(room)
    assert len(said.split("May import:")[0].split()) >= 5, f"{room}: no purpose is said"
    assert len(tree.body) == 1 or room in RE_EXPORTS, f"{room}: __init__.py is more than a docstring"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_it_may_and_all_of_that(room: str) -> None:
    found, used = [], set()
    for file in rooms_on_disk()[room]:
        path, source = file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
        found += room_problems(path, source)
        if not is_top(".".join(path.removesuffix(".py").split("/"))):
            used |= {name for _, name in imported_rooms(path, source)}
    assert not found, "\n".join(["", *found])
    assert used == allowed_in(room), "the table allows what nobody uses"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_no_warehouse(room: str) -> None:
    modules = [file.stem for file in rooms_on_disk()[room] if file.stem != "__main__"]
    assert len(modules) <= MOST_MODULES, sorted(modules)


def test_there_is_no_circle_of_rooms_and_none_of_modules() -> None:
    assert circle({room: allowed_in(room) for room in ROOMS}) == []
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): file
        for files in rooms_on_disk().values()
        for file in files
    }
    graph = {}
    for module, file in modules.items():
        tree = at_import(ast.parse(file.read_text(encoding="utf-8")))
        names = [name for _, name in imported_names(tree, f"{module.replace('.', '/')}.py")]
        targets = {target for name in names for target in (name, name.rpartition(".")[0])}
        graph[module] = (targets & modules.keys()) - {module}
    assert circle(graph) == []


def at_import(tree: ast.Module) -> ast.Module:
    """What runs when a module is imported: a table of lazily loaded formats may name what imports it."""
    for node in ast.walk(tree):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            node.body = [ast.Pass()]
    return tree


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of a graph, node after node; empty when there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_a_circle_would_be_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


# Pinned although nothing of ours imports them: transformers reads GGUF files with the first, uvicorn takes the others
NEEDED_BY_OTHERS = {"gguf", "httptools", "uvloop"}
# Pinned in requirements-dev.txt: only measuring the page in a browser needs it, and says so where it is missing
FOR_MEASURING = {"playwright"}


OPTIONAL = {"bitsandbytes"}
"""Imported where it is asked for alone, and pinned in a file of its own: requirements-4bit.txt."""


def test_every_import_is_pinned_and_every_pin_is_imported() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = {name.lower() for name in re.findall(r"^([\w-]+)(?:\[[\w,]+\])?==", text, re.MULTILINE)}
    distributions = importlib.metadata.packages_distributions()
    imported = set()
    for file in (file for package in PACKAGES for file in files_of(package)):
        path = file.relative_to(ROOT).as_posix()
        names = {
            name.split(".")[0]
            for _, name in imported_names(ast.parse(file.read_text(encoding="utf-8")), path)
        }
        for name in names - set(PACKAGES) - sys.stdlib_module_names:
            if name not in OPTIONAL:
                imported.add(distributions.get(name, [f"{name} (not installed; {path})"])[0].lower())
    assert imported - pinned == FOR_MEASURING, "imported, but not in requirements.txt"
    assert pinned - imported == NEEDED_BY_OTHERS, "in requirements.txt, but not imported"


LOADS_WITHOUT = [
    ("rater_data.store", "ppo app torch transformers gradio fastapi"),
    ("app.server", "ppo torch transformers peft tokenizers accelerate safetensors gguf vaderSentiment"),
    ("ppo.training.worker", "app gradio fastapi"),
    ("rater_data.importing.staging", "ppo app sqlalchemy alembic"),
]


@pytest.mark.parametrize(("module", "absent"), LOADS_WITHOUT)
def test_a_process_does_not_load_what_it_must_not(module: str, absent: str) -> None:
    """The imports of our own dependencies count as well: the web process never holds torch."""
    script = f"import sys, {module}; print(*[name for name in {absent.split()} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


BAD = [
    ("rater_data/x.py", "import ppo.maths", "rater_data must not import ppo"),
    ("rater_data/x.py", "from app import server", "rater_data must not import app"),
    ("app/x.py", "from ppo.maths import gae", "app must not import ppo"),
    ("ppo/x.py", "import app", "ppo must not import app"),
    ("app/x.py", "def f():\n    from ppo import loop", "app must not import ppo"),
    ("app/x.py", "if TYPE_CHECKING:\n    import ppo", "app must not import ppo"),
    ("app/deep/x.py", "from ... import ppo", "app must not import ppo"),
    (
        "app/x.py",
        "import importlib\nimportlib.import_module('ppo.training.round_recipe')",
        "app must not import ppo",
    ),
    ("app/x.py", "import_module('ppo')", "app must not import ppo"),
    ("app/x.py", "__import__('ppo')", "app must not import ppo"),
    ("app/x.py", "import_module(name)", "only known at run time"),
    ("app/x.py", "import_module('p' + 'po', 'app')", "only known at run time"),
    ("app/x.py", "import json, sqlalchemy as sql", "sqlalchemy belongs in rater_data only"),
    ("ppo/x.py", "from alembic import op", "alembic belongs in rater_data only"),
    ("app/x.py", "async def f():\n    import torch", "torch belongs in ppo only"),
    ("rater_data/x.py", "import torch.nn.functional as F", "torch belongs in ppo only"),
    ("app/x.py", "from transformers import AutoModel", "transformers belongs in ppo only"),
    ("rater_data/x.py", "from peft import LoraConfig", "peft belongs in ppo only"),
    ("ppo/x.py", "import gradio as gr", "gradio belongs in app only"),
    ("rater_data/x.py", "from fastapi import FastAPI", "fastapi belongs in app only"),
    ("rater_data/x.py", "import pickle", "pickles"),
    ("ppo/x.py", "from pickle import loads", "pickles"),
    ("ppo/x.py", "import joblib", "pickles"),
    ("ppo/x.py", "import torch\ntorch.load('x')", "torch.load reads or writes pickles"),
    ("ppo/x.py", "import torch\ntorch.save({}, 'x')", "torch.save reads or writes pickles"),
    ("ppo/x.py", "import torch as t\nread = t.load", "torch.load reads or writes pickles"),
    ("ppo/x.py", "from torch import load as read", "torch.load reads or writes pickles"),
    (
        "rater_data/x.py",
        "import pandas as pd\npd.read_pickle('x')",
        "pandas.read_pickle reads or writes pickles",
    ),
    ("rater_data/x.py", "frame.to_pickle('x')", "pickles"),
    ("ppo/x.py", "np.load('x', allow_pickle=True)", "allow_pickle"),
    ("ppo/x.py", "\n" * 401, "401 lines"),
    ("ppo/x.py", "def f():\n" + "    x = 1\n" * 70, "f has 71 lines"),
    ("app/x.py", "class C:\n    async def g(self):\n" + "        x = 1\n" * 70, "g has 71 lines"),
]


@pytest.mark.parametrize(("path", "source", "expected"), BAD)
def test_checker_sees_what_is_wrong(path: str, source: str, expected: str) -> None:
    found = problems(path, source)
    assert len(found) == 1, found
    assert expected in found[0]


ROOM_BAD = [
    ("rater_data/statistics/x.py", "from rater_data.store import Store", "must not import rater_data.store"),
    (
        "rater_data/store/database/x.py",
        "def f():\n    from rater_data.store.rounds import jobs",
        "must not import",
    ),
    (
        "rater_data/store/rounds/x.py",
        "from rater_data.store.rounds.jobs import _own",
        "private to its module",
    ),
    ("app/rating/x.py", "from app.console import next_step", "must not import app.console"),
    ("app/access/x.py", "from app import server", "stands above the rooms"),
    ("ppo/algorithm/x.py", "from ppo.training.engine import Engine", "must not import ppo.training"),
    ("ppo/model/x.py", "from rater_data.store import Store", "must not import rater_data.store"),
]


@pytest.mark.parametrize(("path", "source", "expected"), ROOM_BAD)
def test_checker_sees_the_wrong_room(path: str, source: str, expected: str) -> None:
    found = room_problems(path, source)
    assert found and expected in found[0], found


GOOD = [
    ("ppo/x.py", "import torch, peft\nfrom rater_data.store import Store\nfrom . import maths"),
    (
        "app/x.py",
        "import gradio\nfrom fastapi import FastAPI\nfrom rater_data import records\nfrom app import api",
    ),
    ("rater_data/x.py", "import sqlalchemy\nfrom alembic import op\nfrom .records import Rating"),
    ("app/x.py", "command = ['-m', 'ppo', 'work']  # a process of its own, not an import"),
    ("ppo/x.py", "from safetensors.torch import load_file, save_file\nimport apposite, torchvision_like"),
    ("ppo/x.py", "import json\njson.load(file)\nnp.load('x', allow_pickle=False)"),
    ("ppo/x.py", "\n" * 400),
    ("ppo/x.py", "def f():\n" + "    x = 1\n" * 69),
]


@pytest.mark.parametrize(("path", "source"), GOOD)
def test_checker_lets_pass_what_is_right(path: str, source: str) -> None:
    assert problems(path, source) == []
