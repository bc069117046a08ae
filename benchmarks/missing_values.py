"""Missing values and measurement errors: what an iteration costs, and how near imputed values come.

    python -m pip install --group missing-peers    # into .venv; a peer that is not there is left out
    python benchmarks/missing_values.py
    python benchmarks/missing_values.py --only iterations errors

All on one thread, in one process, the libraries in turn.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import warnings

from threadpoolctl import threadpool_limits

from harness.text import table
from missing import errors, imputation, iterations

SECTIONS = {"iterations": iterations, "errors": errors, "imputation": imputation}
PACKAGES = ("mixtura", "numpy", "scikit-learn", "tgmm", "torch", "stepmix", "astroML", "pygmmis")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # that EM did not converge is what is asked for
    print(", ".join(filter(None, map(version, PACKAGES))))
    with threadpool_limits(1):
        for name in asked.only:
            section = SECTIONS[name]
            print(f"\n{section.TITLE}\n\n{table(section.HEAD, [])}", flush=True)
            for cells in section.measured():
                print(f"| {' | '.join(cells)} |", flush=True)


def version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()
