"""What is said where there is no compiler. In a checkout alone: an installed package brings no sources."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAID = "install g++ and make (apt install g++ make, or dnf install gcc-c++ make)"

pytestmark = pytest.mark.skipif(not (ROOT / "cpp").exists(), reason="no checkout")


def output_without_compilers(path, name, *arguments):
    """What a program prints where PATH has make and Python alone; it must fail."""
    program = shutil.which(
        name, path=f"{Path(sys.executable).parent}:{sys.base_prefix}/bin:/usr/bin"
    )
    if program is None:
        pytest.skip(f"no {name}")
    (path / "bin").mkdir()
    (path / "bin" / "python3").symlink_to(sys.executable)
    if make := shutil.which("make"):
        (path / "bin" / "make").symlink_to(make)
    run = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        env={"PATH": str(path / "bin")},
        cwd=path,
    )
    assert run.returncode != 0
    return " ".join(run.stderr.split())


def test_make_names_the_compiler_before_anything_is_installed(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    said = output_without_compilers(tmp_path, "make", "test")
    assert SAID in said
    assert "pip" not in said
    assert not (tmp_path / ".venv").exists()


# Python as a distribution may have it: without the headers, or without what makes environments.
LACKING = """#!/bin/sh
exec {python} -c 'import importlib.util, sys, sysconfig
{without}
exec(sys.argv[1])' "$2"
"""


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("c++")), reason="no make or c++")
@pytest.mark.parametrize(
    "without",
    [
        'sysconfig.get_path = lambda *_: "/nowhere"',
        "importlib.util.find_spec = lambda _: None",
    ],
)
def test_make_names_what_the_python_lacks(tmp_path, without):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python3"
    python.write_text(LACKING.format(python=sys.executable, without=without))
    python.chmod(0o755)
    run = subprocess.run(
        ["make", f"PYTHON={python}", "test"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode != 0
    assert "apt install python3-venv python3-dev" in run.stderr.splitlines()[0]
    assert not (tmp_path / ".venv").exists()


def test_cmake_names_the_compiler(tmp_path):
    said = output_without_compilers(tmp_path, "cmake", "-S", ROOT / "cpp", "-B", tmp_path / "build")
    assert SAID in said
    assert said.count("CMake Error") == 1
