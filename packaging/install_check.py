"""Install each wheel as a user without a compiler does, and run the demonstration.

    python packaging/install_check.py dist/wheels

In an empty environment, with nothing but that environment and the shell's own tools on the PATH: by every
Python from 3.11 on that is found and that the wheel is for. The answers of all of them are compared. Wheels
of other machines are passed over; packaging/emulated.py runs those for Arm.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from wheels import WORK, pythons

HERE = Path(__file__).resolve().parent
COMPILERS = ("c++", "g++", "gcc", "cc", "clang", "clang++", "zig", "cmake", "ninja", "make", "ld")
NO_COMPILER = WORK / "path"


def main() -> None:
    folder = Path(sys.argv[1])
    all_answers = []
    for (major, minor), python in pythons().items():
        wheel = wheel_for(folder, minor)
        if wheel is None:
            continue
        answers = WORK / f"answers-{major}.{minor}.json"
        install_and_run(python, wheel, answers)
        all_answers.append(answers)
        print(
            f"Python {major}.{minor}: {wheel.name} installs without a compiler and runs", flush=True
        )
    if not all_answers:
        raise SystemExit(f"No wheel in {folder} is for this machine.")
    compare_all(all_answers)


def wheel_for(folder: Path, minor: int) -> Path | None:
    kind = "cp311-cp311" if minor == 11 else "cp312-abi3"
    return next(iter(folder.glob(f"mixtura-*-{kind}-manylinux*_{platform.machine()}.whl")), None)


def install_and_run(python: str, wheel: Path, answers: Path) -> None:
    home = WORK / "installed" / Path(python).name
    shutil.rmtree(home, ignore_errors=True)
    run([python, "-m", "venv", str(home)])
    path = f"{home / 'bin'}:{path_without_compilers()}"
    found = [name for name in COMPILERS if shutil.which(name, path=path)]
    if found:
        raise SystemExit(f"The PATH of the empty environment has {', '.join(found)}.")
    program = str(home / "bin" / "python")
    run(
        [
            program,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--only-binary=:all:",
            f"{wheel.resolve()}[cli]",
        ],
        path,
    )
    check_level(program, path)
    run([str(home / "bin" / "mixtura"), "demo", "--output", str(home / "demo")], path)
    answers.write_text(run([program, str(HERE / "demonstration.py")], path))


def path_without_compilers() -> Path:
    """Return a folder that has the shell's tools, of which programs may call some, and no compiler."""
    NO_COMPILER.mkdir(parents=True, exist_ok=True)
    for name in ("sh", "env", "uname", "cat", "ls", "dirname", "readlink"):
        program, link = shutil.which(name), NO_COMPILER / name
        if program and not link.exists():
            link.symlink_to(program)
    return NO_COMPILER


def check_level(python: str, path: str) -> None:
    """The best kernels run: a wheel that does not see what the processor has is slow."""
    level = run(
        [python, "-c", "from mixtura import _core; print(_core.simd_level())"], path
    ).strip()
    flags = Path("/proc/cpuinfo").read_text().split()
    expected = "baseline"
    if {"avx2", "fma"} <= {*flags}:
        expected = "avx2"
    if {"fma", "avx512f", "avx512dq", "avx512vl", "avx512bw"} <= {*flags}:
        expected = "avx512"
    if level != expected:
        raise SystemExit(f"The wheel's kernels are {level}, and this machine has {expected}.")


def run(command: list[str], path: str | None = None) -> str:
    environment = dict(os.environ)
    environment.pop("PYTHONPATH", None)
    if path is not None:
        environment["PATH"] = path
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def compare_all(files: list[Path]) -> None:
    for file in files[1:]:
        print(
            run(
                [
                    sys.executable,
                    str(HERE / "demonstration.py"),
                    "--compare",
                    str(files[0]),
                    str(file),
                ]
            ),
            end="",
        )


if __name__ == "__main__":
    main()
