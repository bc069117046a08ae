"""Whether results are the same to the last bit, before and after a change that must keep them.

    python benchmarks/bits.py record FILE            # at the commit before
    python benchmarks/bits.py compare FILE           # at the one after: names what differs; exit status 1
    python benchmarks/bits.py compare FILE --only structures search

Small cases with fixed seeds (`harness/bit_cases.py`), through the public interface alone, run at every
instruction set that the machine has: all at the best one, a part of them at the others. The file holds a
digest of each attribute. Digests depend on the machine, the compiler and the versions of NumPy and its BLAS,
so none is kept in the repository.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

LEVELS = ("avx512", "avx2", "baseline")  # the best first

# A text or number shorter than this is kept as it is, so that a difference can be read.
READABLE = 60

# Sums of NumPy's BLAS may depend on its threads; processes of one thread also disturb each other least.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}

Digests = dict[str, str]


# Digests


def digests_of(results: Mapping[str, Any], folder: str) -> Digests:
    """Of each attribute, and of each part of what has parts."""
    found: Digests = {}
    for name, value in results.items():
        _add(found, name, value, folder)
    return found


def _add(found: Digests, name: str, value: Any, folder: str) -> None:
    parts = _parts(value)
    if parts is None:
        found[name] = digest(value, folder)
    for part, own in (parts or {}).items():
        _add(found, f"{name}.{part}", own, folder)


def _parts(value: Any) -> dict[str, Any] | None:
    """What `value` is made of; None where it is one thing."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): own for name, own in value.items()}
    return None


def digest(value: Any, folder: str) -> str:
    if isinstance(value, np.ndarray) and value.dtype != object:
        hashed = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{value.dtype.str} {value.shape} {hashed}"
    text = _text(value).replace(folder, "FOLDER")
    if len(text) <= READABLE:
        return f"{type(value).__name__} {text}"
    return f"{type(value).__name__} {hashlib.sha256(text.encode()).hexdigest()}"


def _text(value: Any) -> str:
    """All the bits of it, in a text that does not depend on where it lies in memory."""
    if isinstance(value, float | np.floating):
        return float(value).hex()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_item, value)) + "]"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str | int | np.integer | np.bool_ | None):
        return str(value)
    raise TypeError(f"No digest of {type(value)}: give its parts.")


def _item(value: Any) -> str:
    parts = _parts(value)
    if parts is None:
        return _text(value)
    return "{" + ", ".join(f"{name}: {_item(own)}" for name, own in parts.items()) + "}"


# Running the cases


def record(only: Iterable[str]) -> dict[str, dict[str, Digests]]:
    """Digests by instruction set, case and attribute."""
    best, *others = available_levels()
    found = {best: _record_level(best, "all", only)}
    found |= {level: _record_level(level, "core", only) for level in others}
    return found


def available_levels() -> list[str]:
    return [level for level in LEVELS if _level_that_runs(level) == level]


def _level_that_runs(asked: str) -> str:
    program = "import mixtura; mixtura.show_versions()"
    run = _run(asked, ["-W", "ignore", "-c", program], capture_output=True, text=True)
    return instruction_set(run.stdout)


def instruction_set(versions: str) -> str:
    """The level that `show_versions` prints."""
    lines = dict(line.split(maxsplit=1) for line in versions.replace("ion set", "ion").splitlines())
    return lines["instruction"]


def _record_level(level: str, which: str, only: Iterable[str]) -> dict[str, Digests]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "digests.json")
        _run(level, [__file__, "level", str(file), which, "--only", *only])
        return json.loads(file.read_text())


def _run(level: str, arguments: list[str], **options: Any) -> Any:
    environment = os.environ | ONE_THREAD | {"MIXTURA_SIMD": level}
    return subprocess.run([sys.executable, *arguments], check=True, env=environment, **options)


def run_cases(file: Path, which: str, only: Iterable[str]) -> None:
    """Run in a process of its own: the instruction set is chosen once."""
    from harness.bit_cases import cases

    found, seconds = {}, {}
    for case in cases():
        asked = not only or any(name in case.name for name in only)
        if asked and (which == "all" or case.core):
            began = time.perf_counter()
            found[case.name] = _outcome(case)
            seconds[case.name] = time.perf_counter() - began
    slow = sorted(seconds, key=seconds.__getitem__, reverse=True)[:5]
    print(
        f"{os.environ['MIXTURA_SIMD']}: {len(found)} cases, {sum(map(len, found.values()))} attributes, "
        f"{sum(seconds.values()):.0f} s; slowest: "
        + ", ".join(f"{name} {seconds[name]:.1f} s" for name in slow),
        flush=True,
    )
    file.write_text(json.dumps(found, indent=1))


def _outcome(case: Any) -> Digests:
    """What a case gives, what it warned of and printed, or the error that it ended with."""
    printed = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(record=True) as heard,
        redirect_stdout(printed),
    ):
        warnings.simplefilter("always")
        try:
            results = case.results(Path(folder))
        except Exception as error:  # an error is a result as well
            results = {"error": f"{type(error).__name__}: {error}"}
        texts = [f"{own.category.__name__}: {own.message}" for own in heard]
        return digests_of({**results, "warnings": texts, "printed": printed.getvalue()}, folder)


# Comparing


def differences(
    before: dict[str, dict[str, Digests]], after: dict[str, dict[str, Digests]]
) -> list[str]:
    """One line for each attribute whose bits differ, and for each that only one side has."""
    lines = []
    for level in sorted(before.keys() | after.keys()):
        ours, theirs = before.get(level), after.get(level)
        if ours is None or theirs is None:
            lines.append(f"{level}: only {'after' if ours is None else 'before'}")
            continue
        for case in sorted(ours.keys() | theirs.keys()):
            old, new = ours.get(case), theirs.get(case)
            if old is None or new is None:
                lines.append(f"{level} {case}: only {'after' if old is None else 'before'}")
                continue
            lines += [
                f"{level} {case} {name}: {old.get(name, 'none')} -> {new.get(name, 'none')}"
                for name in sorted(old.keys() | new.keys())
                if old.get(name) != new.get(name)
            ]
    return lines


def _selected(
    digests: dict[str, dict[str, Digests]], only: Iterable[str]
) -> dict[str, dict[str, Digests]]:
    return {
        level: {
            case: own
            for case, own in found.items()
            if not only or any(name in case for name in only)
        }
        for level, found in digests.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("do", choices=["record", "compare", "level"])
    parser.add_argument("file", type=Path)
    parser.add_argument("which", nargs="?", default="all", help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="*", default=[], help="cases whose names hold one of these")
    asked = parser.parse_args()
    if asked.do == "level":
        run_cases(asked.file, asked.which, asked.only)
        return 0
    if asked.do == "record":
        asked.file.parent.mkdir(parents=True, exist_ok=True)
        asked.file.write_text(json.dumps(record(asked.only), indent=1))
        return 0
    before = _selected(json.loads(asked.file.read_text()), asked.only)
    lines = differences(before, record(asked.only))
    print("\n".join(lines) or "The same bits in every attribute of every case.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
