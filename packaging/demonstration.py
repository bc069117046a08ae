"""Fits of data that come with the package, and all their numbers as JSON, to compare machines.

    python packaging/demonstration.py > here.json
    python packaging/demonstration.py --compare here.json there.json

Answers are the same where they agree to 1e-12, of the size of the largest number in each array: what is
added in another order, by wider or narrower vectors, differs in the last bits. Two kinds of fit are given
more, see `tolerance_of`.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

STRUCTURES = [
    *("EII", "VII", "EEI", "VEI", "EVI", "VVI"),
    *("EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
]


def tolerance_of(name: str) -> float:
    if name.startswith("float32"):
        return 1e-5  # of rows in single precision
    if name.startswith(("EVE", "VVE")):
        # Their M-step looks for the common orientation step by step and stops when it is good enough:
        # AVX-512 and the baseline of one machine differ by 1.2e-11.
        return 1e-10
    return 1e-12


def answers() -> dict[str, list[float]]:
    import numpy as np

    from mixtura import GaussianMixture
    from mixtura.datasets import load_faithful

    X = load_faithful().data
    weights = np.linspace(0.5, 1.5, len(X))
    start = {"means_init": [[2.0, 55.0], [4.3, 80.0]], "weights_init": [0.4, 0.6]}
    gaps = X.copy()
    gaps[::7, 0] = gaps[3::11, 1] = np.nan
    found: dict[str, list[float]] = {}
    fits: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
        **{name: ({"covariance_type": name}, X, {}) for name in STRUCTURES},
        "weighted": ({}, X, {"sample_weight": weights}),
        "float32": ({}, X.astype(np.float32), {}),
        "noise": ({"noise": True}, X, {}),
        "gaps": ({"missing": "mar"}, gaps, {}),
        "search": ({"means_init": None, "weights_init": None, "random_state": 0}, X, {}),
    }
    for name, (options, rows, more) in fits.items():
        model = GaussianMixture(2, **{**start, "tol": 1e-13, "max_iter": 5000, **options})
        model.fit(rows, **more)
        for own in ("weights_", "means_", "covariances_"):
            found[f"{name} {own}"] = np.ravel(getattr(model, own)).tolist()
        found[f"{name} score"] = [float(model.score(rows))]
    return found


def differences(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> dict[str, float]:
    """Return the largest difference of each array, of the size of its largest number."""
    if ours.keys() != theirs.keys():
        raise SystemExit(f"Not the same fits: {sorted(ours.keys() ^ theirs.keys())}.")
    return {
        name: max(abs(a - b) for a, b in zip(ours[name], theirs[name], strict=True))
        / max(map(abs, theirs[name]))
        for name in ours
    }


def compare(files: list[str]) -> None:
    first, second = (json.loads(Path(file).read_text()) for file in files)
    found = differences(first, second)
    worst = max(found, key=lambda name: found[name] / tolerance_of(name))
    exact = max(own for name, own in found.items() if tolerance_of(name) == 1e-12)
    print(
        f"{len(found)} arrays; largest difference {max(found.values()):.1e}, "
        f"of those held to 1e-12 {exact:.1e}"
    )
    if not found[worst] <= tolerance_of(worst):
        raise SystemExit(
            f"{worst} differs by {found[worst]:.1e}, more than {tolerance_of(worst):.0e}."
        )


def main() -> None:
    if sys.argv[1:2] == ["--compare"]:
        return compare(sys.argv[2:])
    warnings.simplefilter("ignore")
    print(json.dumps(answers(), indent=1))
    return None


if __name__ == "__main__":
    main()
