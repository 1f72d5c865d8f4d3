"""What the checks need beside torch, put into a folder of this checkout where the machine lacks it."""

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

LIST = ROOT / "requirements-gpu-check.txt"
SITE = ROOT / "build" / "gpu_check" / "site"
WHEELS = "GPU_CHECK_WHEELS"  # a folder of wheels, for machines that reach no index


@dataclass(frozen=True)
class Wanted:
    """A line of the list: a distribution and its version; `any_version`: one that is there already will do; `with_`:
    wanted only where one of these is installed from the list too, whose own needs it is."""

    name: str
    version: str
    any_version: bool
    with_: tuple[str, ...]

    @property
    def missing(self) -> bool:
        """Whether it has to be installed here."""
        try:
            found = importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return True
        return not self.any_version and found != self.version


def wanted() -> list[Wanted]:
    """The lines of the list."""
    found = []
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if pin := re.match(r"([\w.-]+)==(\S+)", line):
            others = line.partition(", with ")[2].split()
            found.append(Wanted(pin[1], pin[2], "# any version" in line, tuple(others)))
    return found


def lacking() -> list[str]:
    """What has to be installed here, as pip takes it."""
    missing = [one for one in wanted() if one.missing]
    names = {one.name for one in missing}
    return [f"{one.name}=={one.version}" for one in missing if not one.with_ or names & set(one.with_)]


def make_ready() -> None:
    """Installs what is missing into SITE and puts that first on the path, of this process and of its children.

    The machine's own packages stay as they are. Ends the program with a sentence where torch is missing or pip fails.
    """
    _put_first(SITE)
    try:
        importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        sys.exit("There is no torch here: install a build of it that knows this machine's GPU first.")
    needed = lacking()
    if not needed:
        return
    print("Installing", *needed, flush=True)
    wheels = os.environ.get(WHEELS)
    source = ["--no-index", "--find-links", wheels] if wheels else []
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--target", str(SITE)]
    if subprocess.run([*pip, *source, *needed]).returncode:
        sys.exit(f"pip could not install them; {WHEELS}=FOLDER names a folder of wheels to take them from.")
    importlib.invalidate_caches()


def _put_first(folder: Path) -> None:
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
