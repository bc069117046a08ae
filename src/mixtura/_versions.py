"""What runs here: versions, instruction set, threads; for bug reports."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from mixtura import _core
from mixtura._threads import n_threads

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
    the environment variable MIXTURA_SIMD (baseline, avx2 or avx512) forces another.

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


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
