"""One virtual environment a peer, under build/bench; made once, then kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Environment:
    """What a peer needs: packages, and the Pythons they exist for, best first."""

    program: str
    requirements: tuple[str, ...]
    pythons: tuple[str, ...]
    linux_index: str = ""  # asked beside PyPI on Linux, where it can be reached


# On Linux PyTorch from PyPI brings gigabytes of CUDA along. "2.13.0+cpu" is higher than "2.13.0" to pip.
TORCH_FOR_CPUS = "https://download.pytorch.org/whl/cpu"

# daal4py forgets to ask for packaging.
PEERS = {
    "scikit-learn": Environment(
        "sklearn_peer.py", ("scikit-learn==1.9.*",), ("3.11", "3.12", "3.13")
    ),
    "oneDAL": Environment(
        "onedal_peer.py",
        ("daal4py==2024.7.*", "scikit-learn==1.5.*", "packaging"),
        ("3.11", "3.12", "3.10"),
    ),
    "torchgmm": Environment(
        "torchgmm_peer.py",
        ("torch==2.13.0", "torchgmm==0.1.4"),
        ("3.11", "3.12", "3.13"),
        TORCH_FOR_CPUS,
    ),
    "tgmm": Environment(
        "tgmm_peer.py",
        ("torch==2.13.0", "tgmm==0.4.3"),
        ("3.11", "3.12", "3.13"),
        TORCH_FOR_CPUS,
    ),
}


class NotInstallable(Exception):
    """Why a peer cannot be had here."""


def make(name: str) -> Path:
    """The interpreter of the peer's environment, which is made first where it is missing."""
    environment = PEERS[name]
    folder = BUILD / "environments" / name
    stamp = folder / "installed.txt"
    wanted = "\n".join(environment.requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(
            f"making an environment for {name}: {', '.join(environment.requirements)}", flush=True
        )
        python = find_python(environment.pythons)
        install(folder, python, *index_arguments(environment), *environment.requirements)
        stamp.write_text(wanted)
    return interpreter(folder)


def index_arguments(environment: Environment) -> list[str]:
    """What pip is told of the environment's own index; nothing where somebody chose one already."""
    index = environment.linux_index
    if not index or sys.platform != "linux" or "PIP_EXTRA_INDEX_URL" in os.environ:
        return []
    return ["--extra-index-url", index] if reachable(index) else []


def reachable(url: str) -> bool:
    """Whether a server answers, whatever it says: pip would try for minutes where none does."""
    try:
        with urlopen(Request(url, method="HEAD"), timeout=5):
            return True
    except HTTPError:
        return True
    except OSError:
        return False


def install(folder: Path, python: str, *arguments: str) -> None:
    """Make a fresh virtual environment in `folder` and `pip install` the arguments into it."""
    shutil.rmtree(folder, ignore_errors=True)
    log = folder.with_suffix(".install.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    commands = (
        [python, "-m", "venv", str(folder)],
        [str(interpreter(folder)), "-m", "pip", "install", "--quiet", *arguments],
    )
    with log.open("w") as output:
        for command in commands:
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                raise NotInstallable(
                    f"{' '.join(command[1:4])} failed; see {log.relative_to(ROOT)}"
                )


def interpreter(folder: Path) -> Path:
    return folder / "bin" / "python"


def find_python(versions: tuple[str, ...]) -> str:
    """An interpreter of one of these versions: this one if it fits, else the first that runs."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if own in versions:
        return sys.executable
    for version in versions:
        found = shutil.which(f"python{version}")
        if found and _runs(found):
            return found
    raise NotInstallable(f"needs one of Python {', '.join(versions)}")


def _runs(python: str) -> bool:
    # A shim may be there for a version that is not.
    probe = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
