"""What runs here: versions, instruction set, threads; for bug reports."""

from __future__ import annotations

import os
import platform
import warnings
from importlib.metadata import PackageNotFoundError, version

from mixtura import _core
from mixtura.support.threads import n_threads

_PACKAGES = (
    "mixtura",
    "numpy",
    "scipy",
    "scikit-learn",
    "safetensors",
    "narwhals",
    "matplotlib",
    "pyarrow",
    "dask",
    "distributed",
    "typer",
    "rich",
)


def show_versions() -> None:
    """Print the versions of mixtura and of what it uses, the instruction set and the threads.

    The instruction set of the kernels is chosen at the first use, the best that the machine has;
    the environment variable MIXTURA_SIMD (baseline, avx2 or avx512) forces another. Where it names
    none that this machine has, `import mixtura` warns and the best one runs.

    Examples
    --------
    >>> import mixtura
    >>> mixtura.show_versions()  # doctest: +ELLIPSIS
    python           3...
    """
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "instruction set": _core.simd_level(),
        "threads": str(n_threads(None)),
        **{package: _version(package) for package in _PACKAGES},
    }
    for name, value in facts.items():
        print(f"{name:<16} {value}")


def check_instruction_set() -> None:
    """Warn where MIXTURA_SIMD names an instruction set that this machine has not."""
    forced = os.environ.get("MIXTURA_SIMD")
    levels = _core.simd_levels()
    if forced and forced not in levels:
        warnings.warn(
            f"MIXTURA_SIMD={forced!r} has no effect, and {levels[0]!r} runs: this machine has the "
            f"instruction sets {', '.join(map(repr, levels))}.",
            RuntimeWarning,
            stacklevel=3,
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
