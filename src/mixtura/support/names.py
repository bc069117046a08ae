"""Names in sentences: those that are there, and the one that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

#: Values of `covariance_type`, `init_params`, `kind` and `--to`, to be listed without what they name.
COVARIANCE_TYPES = (
    *("full", "tied", "diag", "spherical"),
    *("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE"),
    *("VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
)
ERROR_KINDS = ("information", "sandwich", "bootstrap", "weighted bootstrap", "jackknife")
TARGETS = ("onnx", "json", "mclust", "matlab", "spark")
STARTS = ("auto", "kmeans", "k-means++", "random", "random_from_data")


def nearest(name: object, known: Iterable[str]) -> str:
    """Return `` Did you mean 'full'?`` for the known name nearest to `name`, or nothing."""
    spellings = {each.lower(): each for each in known}
    close = difflib.get_close_matches(str(name).lower(), list(spellings), n=1, cutoff=0.5)
    return f" Did you mean {spellings[close[0]]!r}?" if close else ""


def listed(names: Sequence[str]) -> str:
    """Return names in quotes, ten at most, as a sentence names them."""
    return ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
