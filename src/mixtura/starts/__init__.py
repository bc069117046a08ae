"""Where EM begins: each start a function of the rows that gives a mixture."""

from __future__ import annotations

from collections.abc import Callable

from numpy.random import RandomState

from mixtura.em import MStep
from mixtura.mixture import Mixture
from mixtura.rows import Blocks
from mixtura.starts.auto import (
    Searched,
    UnreadStarts,
    better_end,
    records_of,
    rows_of_a_search,
    search,
)
from mixtura.starts.given import ArrayResponsibilities, LabelResponsibilities, mixture_of
from mixtura.starts.kmeans import kmeans
from mixtura.starts.labelled import matched_to_labels
from mixtura.starts.random import random
from mixtura.starts.records import StartRecord, Starts, n_begun
from mixtura.starts.seeds import beside, have_rows, mixture_at, plus_plus, random_from_data

Start = Callable[[Blocks, MStep, int, RandomState], Mixture]

STARTS: dict[str, Start] = {
    "kmeans": kmeans,
    "k-means++": plus_plus,
    "random": random,
    "random_from_data": random_from_data,
}

__all__ = [
    "STARTS",
    "ArrayResponsibilities",
    "LabelResponsibilities",
    "Searched",
    "Start",
    "StartRecord",
    "Starts",
    "UnreadStarts",
    "beside",
    "better_end",
    "have_rows",
    "matched_to_labels",
    "mixture_at",
    "mixture_of",
    "n_begun",
    "records_of",
    "rows_of_a_search",
    "search",
]
