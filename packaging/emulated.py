"""Run the Arm wheels and the core's tests on this machine, under qemu.

    python packaging/emulated.py wheels dist/wheels    # the wheels, and their answers beside this machine's
    python packaging/emulated.py core                  # cpp/tests, built for aarch64
    python packaging/emulated.py count e.json          # instructions of E-steps; --base FILE: beside those

On Debian, with qemu-user (apt install qemu-user). An aarch64 Python comes from Debian's archive and is
unpacked under build/wheels, beside NumPy's and others' wheels from PyPI; nothing is installed on the machine.
The counts are of one thread, by a plugin of qemu (instructions.c).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wheels import PLATFORMS, SOURCE, WORK, build_core, compiling, run, write_programs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ARM = next(platform for platform in PLATFORMS if platform.name == "linux-aarch64")
QEMU = "qemu-aarch64"


@dataclass(frozen=True)
class Emulated:
    """A Python of a release of Debian."""

    suite: str
    minor: int
    wheel: str

    @property
    def root(self) -> Path:
        return WORK / "aarch64" / self.suite

    @property
    def packages(self) -> Path:
        return WORK / "aarch64" / f"packages-3.{self.minor}"


EMULATED = (
    Emulated("bookworm", 11, "cp311-cp311"),
    Emulated("trixie", 13, "cp312-abi3"),
)


# The wheels


def check_wheels(folder: Path) -> None:
    require_qemu()
    ours = WORK / f"answers-{sys.version_info.major}.{sys.version_info.minor}.json"
    if not ours.exists():
        raise SystemExit(
            "This machine's answers are missing: packaging/install_check.py comes first."
        )
    for python in EMULATED:
        wheel = next(
            iter(folder.glob(f"mixtura-*-{python.wheel}-manylinux*_{ARM.machine}.whl")), None
        )
        if wheel is None:
            raise SystemExit(f"{folder} has no {python.wheel} wheel of {ARM.name}: make wheels.")
        unpack_python(python)
        install(python, wheel)
        level = run_python(
            python, "-c", "from mixtura import _core; print(*_core.simd_levels())"
        ).strip()
        demo = WORK / "aarch64" / f"demo-3.{python.minor}"
        run_python(
            python, "-c", "from mixtura.cli import main; main()", "demo", "--output", str(demo)
        )
        theirs = WORK / f"answers-3.{python.minor}-aarch64.json"
        theirs.write_text(run_python(python, str(HERE / "demonstration.py")))
        print(f"aarch64, Python 3.{python.minor}, kernels {level}: {wheel.name} runs", flush=True)
        command = [
            sys.executable,
            str(HERE / "demonstration.py"),
            "--compare",
            str(ours),
            str(theirs),
        ]
        print("  beside this machine:", run(command), end="", flush=True)


def unpack_python(python: Emulated) -> None:
    """Fetch an aarch64 Python and what it needs from Debian, with lists of its own, and unpack it."""
    if (python.root / "usr/bin" / f"python3.{python.minor}").exists():
        return
    state = WORK / "aarch64" / f"apt-{python.suite}"
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    (state / "sources.list").write_text(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        f"http://deb.debian.org/debian {python.suite} main\n"
    )
    settings = {
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
    }
    apt = ["apt-get", *(f"-o{name}={value}" for name, value in settings.items())]
    run([*apt, "update"])
    fetch = [
        "--download-only",
        "--no-install-recommends",
        "--yes",
        f"python3.{python.minor}",
        "libstdc++6",
    ]
    run([*apt, "install", *fetch])
    python.root.mkdir(parents=True, exist_ok=True)
    for package in sorted((state / "cache/archives").glob("*.deb")):
        run(["dpkg", "-x", str(package), str(python.root)])
    if not (python.root / "lib").exists():  # as of trixie, no package makes this link
        (python.root / "lib").symlink_to("usr/lib")


def install(python: Emulated, wheel: Path) -> None:
    """Install the wheel and what it needs for the emulated Python; pip runs here."""
    tags = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(28, 16, -1)]
    target = ["--target", str(python.packages), "--upgrade", "--quiet"]
    kind = ["--only-binary=:all:", "--implementation=cp", f"--python-version=3.{python.minor}"]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        *target,
        *kind,
        "--platform=manylinux2014_aarch64",
        *tags,
    ]
    if not (python.packages / "sklearn").exists():
        run([*pip, f"{wheel}[cli]"])
    run([*pip, "--no-deps", str(wheel)])


def run_python(python: Emulated, *arguments: str) -> str:
    environment = os.environ | {
        "PYTHONPATH": str(python.packages),
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    for name in ("OPENBLAS_CORETYPE", "LD_LIBRARY_PATH"):  # of this machine
        environment.pop(name, None)
    program = python.root / "usr/bin" / f"python3.{python.minor}"
    return run([QEMU, "-L", str(python.root), str(program), *arguments], environment)


# The core


def check_core() -> None:
    require_qemu()
    unpack_python(EMULATED[0])  # its C library runs the tests
    folder = build_core(ARM, tests=True)
    tests = sorted(
        path for path in folder.glob("test_*") if path.is_file() and os.access(path, os.X_OK)
    )
    if not tests:
        raise SystemExit(f"No tests were built in {folder}.")
    os.environ["MIXTURA_EMULATED"] = "1"  # leaves out what the emulator cannot do
    for test in tests:
        print(f"{test.name}: {run(emulated(test)).strip()}", flush=True)
    print(f"{len(tests)} passed, 0 failed")


def emulated(program: Path, *before: str) -> list[str]:
    return [QEMU, *before, "-L", str(EMULATED[0].root), str(program)]


# Counts

# Structure, rows, components, features: those of benchmarks/instructions.py, B to I.
SHAPES = {
    "B": ("full", 20_000, 2, 5),
    "C": ("full", 5_120, 10, 10),
    "D": ("full", 1_280, 32, 32),
    "E": ("full", 640, 128, 16),
    "F": ("diag", 1_280, 128, 64),
    "G": ("tied", 10_240, 10, 10),
    "H": ("spherical", 10_240, 10, 10),
    "I": ("diag", 10_240, 10, 10),
}


def count(out: Path, base: Path | None) -> None:
    require_qemu()
    unpack_python(EMULATED[0])
    program, plugin = build_counter(build_core(ARM))
    found = {}
    before = json.loads(base.read_text()) if base else {}
    for name, shape in SHAPES.items():
        for real in ("double", "float"):
            label = f"{name}: {shape[0]}, K = {shape[2]}, d = {shape[3]}, {real}"
            one, three = (instructions(program, plugin, shape, real, n) for n in (1, 3))
            found[label] = (three - one) / 2
            ratio = f"{found[label] / before[label]:8.3f}" if label in before else ""
            print(f"{label:<42}{found[label]:>14,.0f}{ratio}", flush=True)
    out.write_text(json.dumps(found, indent=1))


def build_counter(core: Path) -> tuple[Path, Path]:
    program, plugin = core / "e_steps", core / "instructions.so"
    compiler = [str(write_programs(ARM) / "c++"), "-std=c++17", "-O3", f"-I{SOURCE / 'cpp'}"]
    source = [str(HERE / "e_steps.cpp"), str(core / "libmixtura_core.a")]
    run([*compiler, *source, "-pthread", "-o", str(program)], compiling(ARM))
    run(["cc", "-shared", "-fPIC", "-O2", str(HERE / "instructions.c"), "-o", str(plugin)])
    return program, plugin


def instructions(
    program: Path, plugin: Path, shape: tuple[str, int, int, int], real: str, n_steps: int
) -> int:
    command = [*emulated(program, "-plugin", str(plugin)), *map(str, shape), real, str(n_steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"instructions: (\d+)", done.stderr)[1])


# Programs


def require_qemu() -> None:
    if shutil.which(QEMU) is None:
        raise SystemExit("qemu-aarch64 is missing: apt install qemu-user.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tasks = parser.add_subparsers(dest="do", required=True)
    tasks.add_parser("wheels").add_argument("folder", type=Path)
    tasks.add_parser("core")
    counting = tasks.add_parser("count")
    counting.add_argument("out", type=Path)
    counting.add_argument("--base", type=Path)
    asked = parser.parse_args()
    if asked.do == "wheels":
        check_wheels(asked.folder)
    elif asked.do == "core":
        check_core()
    else:
        count(asked.out, asked.base)


if __name__ == "__main__":
    main()
