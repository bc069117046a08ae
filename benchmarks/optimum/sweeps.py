"""Sweeps of 14 structures and K = 1..6 over 40 tables: is the winner proper? Beside mclust's choice.

    pip install --group suites                  # the packages that ship the tables
    python benchmarks/optimum/sweeps.py [--tables geyser cpus] [--seed 0]

Prints a table in Markdown. Every winner is judged by proper.py, which knows nothing of what the library
thinks of it. mclust's values were recorded by sweeps_reference.py. BIC is scikit-learn's: lower is better.

The tables come from where real.py has them; of those with more than 2,000 rows so many are drawn.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from mixtura import GaussianMixtureSearch
from proper import ALONG_COLUMNS, LETTERS, SPHERICAL, Rows, improper
from real import rows_of

REFERENCE = Path(__file__).parent / "sweeps_reference.json"
LARGEST = 6
MOST_ROWS = 2000

# BIC's differences that are none: mclust's are kept to four digits, and no EM runs to the last bit.
EQUAL = 0.01

Key = tuple[int, str]
Cells = dict[Key, float]


@dataclass(frozen=True)
class Table:
    source: str
    columns: str = ""

    def rows(self) -> np.ndarray:
        X = rows_of(self.source, self.columns)
        if len(X) > MOST_ROWS:
            X = X[np.sort(np.random.default_rng(0).choice(len(X), MOST_ROWS, replace=False))]
        return np.ascontiguousarray(X)


TABLES = {
    "geyser": Table("MASS/geyser", "waiting duration"),
    "faithful": Table("datasets/faithful"),
    "iris": Table("sklearn/iris"),
    "penguins": Table(
        "palmerpenguins/penguins", "bill_length_mm bill_depth_mm flipper_length_mm body_mass_g"
    ),
    "crabs": Table("MASS/crabs", "FL RW CL CW BD"),
    "wine": Table("sklearn/wine", "alcohol flavanoids color_intensity hue proline"),
    "glass": Table("MASS/fgl", "RI Na Mg Al Si Ca"),
    "ruspini": Table("cluster/ruspini"),
    "quakes": Table("datasets/quakes", "lat long depth mag"),
    "rock": Table("datasets/rock"),
    # One column.
    "galaxies": Table("MASS/galaxies"),
    "chem": Table("MASS/chem"),
    "abbey": Table("MASS/abbey"),
    "rivers": Table("datasets/rivers", "x"),
    "danish": Table("evir/danish", "x"),
    "stays": Table("COUNT/medpar", "los"),
    # Few rows.
    "stackloss": Table("datasets/stackloss"),
    "trees": Table("datasets/trees"),
    "mtcars": Table("datasets/mtcars", "mpg disp hp drat wt qsec"),
    "swiss": Table("datasets/swiss"),
    "attitude": Table("datasets/attitude"),
    # Ties, heaps of zeros, few values, outliers.
    "planets": Table("HSAUR/planets", "mass period eccen"),
    "survey": Table("MASS/survey", "Wr.Hnd NW.Hnd Pulse Height Age"),
    "cpus": Table("MASS/cpus", "syct mmin mmax cach chmin chmax"),
    "milk": Table("robustbase/milk", "X1 X2 X3 X4 X5 X6 X7 X8"),
    "davis": Table("car/Davis", "weight height"),
    "pima": Table("MASS/Pima.tr", "npreg glu bp skin bmi ped age"),
    "boston": Table("MASS/Boston", "crim zn nox rm age dis tax lstat"),
    "cereals": Table("MASS/UScereal", "calories protein fat sodium fibre carbo sugars"),
    "births": Table("MASS/birthwt", "age lwt ptl ftv bwt"),
    "airquality": Table("datasets/airquality", "Ozone Solar.R Wind Temp"),
    "housing": Table("Ecdat/Housing", "price lotsize bedrooms"),
    "computers": Table("Ecdat/Computers", "price speed hd ram"),
    "wages": Table("Ecdat/Wages1", "exper school wage"),
    "affairs": Table("statsmodels/fair", "rate_marriage age yrs_married affairs"),
    # Drawn.
    "zero_inflated": Table("drawn/zero_inflated"),
    "fractions": Table("drawn/fractions"),
    "one_sentinel": Table("drawn/one_sentinel"),
    "one_hot_column": Table("drawn/one_hot_column"),
    "fewer_rows_than_columns": Table("drawn/fewer_rows_than_columns"),
}


@dataclass(frozen=True)
class Choice:
    """A model that was chosen, and what the judge says of it; '': proper."""

    key: Key
    bic: float
    fault: str

    def __str__(self) -> str:
        k, name = self.key
        return f"{name},{k}"


@dataclass(frozen=True)
class Fitted:
    """A sweep: the winner, and the criterion of every cell that could win, or why it could not."""

    choice: Choice
    converged: bool
    n_iter: int
    n_parameters: int
    cells: Cells
    failures: dict[Key, str]


@dataclass(frozen=True)
class Outcome:
    table: str
    shape: tuple[int, int]
    seconds: float
    ours: Fitted | str  # or why no sweep came of it
    theirs: Choice | None
    their_cells: Cells

    @property
    def reason(self) -> str:
        if isinstance(self.ours, str) or self.theirs is None:
            return ""
        return difference(self.ours, self.theirs, self.their_cells)

    @property
    def cells_beside(self) -> str:
        """How many cells are lower than mclust's, equal and higher; of those that both have."""
        if isinstance(self.ours, str):
            return ""
        both = self.ours.cells.keys() & self.their_cells.keys()
        gaps = np.array([self.ours.cells[key] - self.their_cells[key] for key in both])
        counts = (gaps < -EQUAL).sum(), (abs(gaps) <= EQUAL).sum(), (gaps > EQUAL).sum()
        return ", ".join(map(str, counts))


# What was found.


def outcome(name: str, seed: int, records: dict) -> Outcome:
    X = TABLES[name].rows()
    theirs, their_cells = recorded(name, X, records)
    began = perf_counter()
    try:
        search = GaussianMixtureSearch(range(1, LARGEST + 1), random_state=seed, n_jobs=1).fit(X)
        seconds = perf_counter() - began
        ours = fitted(search, X)
    except ValueError as error:
        seconds = perf_counter() - began
        ours = str(error)
    return Outcome(name, X.shape, seconds, ours, theirs, their_cells)


def fitted(search: GaussianMixtureSearch, X: np.ndarray) -> Fitted:
    best, results = search.best_estimator_, search.results_
    keys = [
        (int(k), str(name))
        for k, name in zip(results["n_components"], results["covariance_type"], strict=True)
    ]
    cells = dict(zip(keys, results["bic"].tolist(), strict=True))
    failures = {key: str(why) for key, why in zip(keys, results["failure"], strict=True) if why}
    choice = Choice(keys[search.best_index_], search.best_score_, improper(best.mixture_, Rows(X)))
    return Fitted(
        choice,
        bool(best.converged_),
        int(best.n_iter_),
        best.mixture_.n_parameters,
        {key: bic for key, bic in cells.items() if key not in failures},
        failures,
    )


def known() -> dict:
    return json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {}


def recorded(name: str, X: np.ndarray, records: dict) -> tuple[Choice | None, Cells]:
    """mclust's choice and its cells; nothing where it fitted none."""
    record = records.get(name)
    if record is None or not (
        tuple(record["shape"]) == X.shape and np.allclose(record["means"], X.mean(axis=0))
    ):
        raise ValueError(
            f"mclust's values for the rows of {name!r} are not in {REFERENCE.name}: run sweeps_reference.py."
        )
    cells = {
        (k, model): bic
        for model, values in record["bic"].items()
        for k, bic in enumerate(values, start=1)
        if bic is not None
    }
    best = record["best"]
    if best is None:
        return None, cells
    key = best["n_components"], best["covariance_type"]
    return Choice(key, cells[key], best["fault"]), cells


# Why two choices differ.


def same_model(key: Key, other: Key) -> bool:
    return plainest(key) == plainest(other)


def plainest(key: Key) -> Key:
    """One component has the same covariance, whether or not it would be shared."""
    k, name = key
    if k > 1:
        return k, LETTERS.get(name, name)
    letters = LETTERS.get(name, name)
    if letters in SPHERICAL:
        return k, "EII"
    return k, "EEI" if letters in ALONG_COLUMNS else "EEE"


def difference(ours: Fitted, theirs: Choice, their_cells: Cells) -> str:
    if same_model(ours.choice.key, theirs.key):
        gap = beside(ours.choice.bic, theirs.bic)
        return f"same model, {gap} here" if gap else "same model"
    return f"{in_our_cell(ours.choice, their_cells)}; {in_their_cell(ours, theirs)}"


def in_our_cell(choice: Choice, their_cells: Cells) -> str:
    if choice.key not in their_cells:
        return "mclust: NA in our cell"
    return f"our cell: {beside(choice.bic, their_cells[choice.key]) or 'equal'} here"


def in_their_cell(ours: Fitted, theirs: Choice) -> str:
    if theirs.key not in ours.cells:
        return f"mclust's cell: no fit here, {ours.failures.get(theirs.key, 'not tried')}"
    return f"mclust's cell: {beside(ours.cells[theirs.key], theirs.bic) or 'equal'} here"


def beside(ours: float, theirs: float) -> str:
    """By how much our BIC is lower or higher; '' where they are equal."""
    gap = ours - theirs
    if abs(gap) <= EQUAL:
        return ""
    return f"{'lower' if gap < 0 else 'higher'} by {abs(gap):.2f}"


# The report, as Markdown.

HEADER = (
    *(
        "table",
        "rows",
        "winner",
        "BIC",
        "converged",
        "n_iter",
        "judge",
        "parameters (rows each)",
        "s",
    ),
    *("mclust", "BIC", "judge of mclust", "why", "cells lower, equal, higher"),
)


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def row(found: Outcome) -> str:
    n, d = found.shape
    return line(
        [
            found.table,
            f"{n} x {d}",
            *our_part(found),
            *their_part(found.theirs),
            found.reason,
            found.cells_beside,
        ]
    )


def our_part(found: Outcome) -> list[str]:
    ours, seconds = found.ours, f"{found.seconds:.1f}"
    if isinstance(ours, str):
        return ["none", "", "", "", ours, "", seconds]
    return [
        str(ours.choice),
        f"{ours.choice.bic:.2f}",
        "yes" if ours.converged else "**no**",
        str(ours.n_iter),
        judged(ours.choice),
        f"{ours.n_parameters} ({found.shape[0] / ours.n_parameters:.1f})",
        seconds,
    ]


def their_part(theirs: Choice | None) -> list[str]:
    return (
        ["none", "", ""] if theirs is None else [str(theirs), f"{theirs.bic:.2f}", judged(theirs)]
    )


def judged(choice: Choice) -> str:
    return f"**{choice.fault}**" if choice.fault else "proper"


def summary(outcomes: list[Outcome]) -> str:
    ours = [found.ours for found in outcomes if isinstance(found.ours, Fitted)]
    theirs = [found.theirs for found in outcomes if found.theirs is not None]
    converged = sum(fit.converged for fit in ours)
    proper = sum(not fit.choice.fault for fit in ours)
    both = sum(fit.converged and not fit.choice.fault for fit in ours)
    same = sum(found.reason.startswith("same model") for found in outcomes)
    return (
        f"Of {len(outcomes)} tables: {len(ours)} winners, {converged} converged, {proper} proper, {both} "
        f"both; mclust chose {len(theirs)}, {sum(not choice.fault for choice in theirs)} proper; the same "
        f"model {same} times; {sum(found.seconds for found in outcomes):.0f} s."
    )


def outcomes_of(tables: list[str], seed: int) -> Iterator[Outcome]:
    records = known()
    for name in tables:
        yield outcome(name, seed, records)


def parser_of_tables() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--tables", nargs="+", choices=list(TABLES), default=list(TABLES), metavar="TABLE"
    )
    return parser


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        parents=[parser_of_tables()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    print(line(HEADER))
    print(line(["---"] * len(HEADER)))
    found = []
    for each in outcomes_of(asked.tables, asked.seed):
        found.append(each)
        print(row(each), flush=True)
    print(f"\n{summary(found)}")


if __name__ == "__main__":
    main()
