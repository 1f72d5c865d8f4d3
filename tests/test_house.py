"""The order of the house, read from the source: one ground, one direction, no pickles, nothing too long."""

from __future__ import annotations

import ast
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


# Pinned although nothing of ours imports them: peft needs the first, transformers reads GGUF files with the second
NEEDED_BY_OTHERS = {"accelerate", "gguf"}
# Pinned in requirements-dev.txt: only measuring the page in a browser needs it, and says so where it is missing
FOR_MEASURING = {"playwright"}


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
            imported.add(distributions.get(name, [f"{name} (not installed; {path})"])[0].lower())
    assert imported - pinned == FOR_MEASURING, "imported, but not in requirements.txt"
    assert pinned - imported == NEEDED_BY_OTHERS, "in requirements.txt, but not imported"


LOADS_WITHOUT = [
    ("rater_data.store", "ppo app torch transformers gradio fastapi"),
    ("app.server", "ppo torch transformers peft"),
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
