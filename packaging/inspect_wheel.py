"""What can be said of a wheel without running it: tags, files, and what its native module asks of the system.

python packaging/inspect_wheel.py WHEEL ...
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from tempfile import TemporaryDirectory

NEWEST_GLIBC = 28

# Of the C library, which every Linux of a manylinux tag has.
SYSTEM = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"}
LOADERS = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}


def inspect(wheel: Path, machine: str) -> None:
    """Raise SystemExit where the wheel is not what its name says, or asks for more than the system has."""
    python, abi, tag = wheel.stem.split("-")[-3:]
    found = re.match(rf"manylinux_2_(\d+)_{machine}(\.|$)", tag)  # the oldest of several is first
    require(found is not None, wheel, f"its platform is {tag}, none of Linux on {machine}")
    require(
        int(found[1]) <= NEWEST_GLIBC, wheel, f"{tag} asks for a glibc newer than 2.{NEWEST_GLIBC}"
    )
    require(
        (python, abi) in {("cp311", "cp311"), ("cp312", "abi3")}, wheel, f"it is of {python}-{abi}"
    )
    with zipfile.ZipFile(wheel) as archive:
        check_files(wheel, archive, abi)
        check_metadata(wheel, archive, f"{python}-{abi}-{tag.split('.')[0]}")
        with TemporaryDirectory() as folder:
            module = archive.extract(module_of(wheel, archive), folder)
            check_module(wheel, Path(module), tag)
    run_tool(wheel, "auditwheel", "show", str(wheel))
    if abi == "abi3":
        run_tool(wheel, "abi3audit", "--strict", "--report", str(wheel))


def require(condition: bool, wheel: Path, what: str) -> None:
    if not condition:
        raise SystemExit(f"{wheel.name}: {what}.")


def module_of(wheel: Path, archive: zipfile.ZipFile) -> str:
    modules = [name for name in archive.namelist() if name.endswith((".so", ".pyd", ".dylib"))]
    require(len(modules) == 1, wheel, f"one native module is expected, there are {modules}")
    return modules[0]


def check_files(wheel: Path, archive: zipfile.ZipFile, abi: str) -> None:
    names = archive.namelist()
    suffix = ".abi3.so" if abi == "abi3" else f".cpython-{abi[2:]}-"
    require(
        suffix in module_of(wheel, archive), wheel, f"{module_of(wheel, archive)} is not of {abi}"
    )
    for needed in ("mixtura/py.typed", "mixtura/_core.pyi", "licenses/LICENSE", "mixtura.mo"):
        require(any(name.endswith(needed) for name in names), wheel, f"{needed} is missing")
    strange = [name for name in names if name.endswith((".cpp", ".hpp", ".a", ".o", ".pyc"))]
    require(not strange, wheel, f"what is built of does not belong into it: {strange[:3]}")


def check_metadata(wheel: Path, archive: zipfile.ZipFile, tag: str) -> None:
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
    tags = Parser().parsestr(archive.read(name).decode()).get_all("Tag")
    require(tag in (tags or []), wheel, f"its tags inside are {tags}")


def check_module(wheel: Path, module: Path, tag: str) -> None:
    """The C++ library is inside, and only the C library of the system outside."""
    from elftools.elf.elffile import ELFFile

    with module.open("rb") as file:
        elf = ELFFile(file)
        machine = MACHINES.get(elf["e_machine"], elf["e_machine"])
        needed = {own.needed for own in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
        exported = [
            symbol.name
            for symbol in elf.get_section_by_name(".dynsym").iter_symbols()
            if symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] == "STB_GLOBAL"
        ]
    require(tag.endswith(machine), wheel, f"its module is for {machine}")
    require(needed <= SYSTEM | LOADERS, wheel, f"it needs {sorted(needed - SYSTEM - LOADERS)}")
    require("PyInit__core" in exported, wheel, "its module cannot be imported")


def run_tool(wheel: Path, *command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False
    )
    require(run.returncode == 0, wheel, f"{command[0]} says: {run.stdout}{run.stderr}")


def main() -> None:
    for wheel in map(Path, sys.argv[1:]):
        inspect(wheel, "aarch64" if wheel.stem.endswith("aarch64") else "x86_64")
        print(f"{wheel.name}: fine")


if __name__ == "__main__":
    main()
