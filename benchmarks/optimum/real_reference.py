"""Search long for the best proper optimum of every problem of the second suite; kept in real_reference.json.

    python benchmarks/optimum/real_reference.py [--seconds 25] [--only NAME] [--seed 0]
    python benchmarks/optimum/real_reference.py --sensitivity

EM descends from starts of many kinds (`STARTS`), first afresh and then in turn with moves from the best ends:
components more and fewer, other structures, merges and splits. A third of the descents first go down with a
large reg_covar, which keeps them off the spikes. The likeliest ends, those of all and those that the judge
calls proper, are run on to the end and judged: by judge.py ("old"), by proper.py ("new") and by its lax judge
("lax"). What is in the file is kept where it is better. Seconds are of one processor; a search ends sooner
where so many descents as --patience found no better proper end.

The thresholds of the judge are tried on the same ends: how many of them change sides, and by how much the
best proper optimum becomes another. --sensitivity prints that as a table.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import softmax
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture as SklearnMixture

from judge import degenerate, log_likelihood
from mixtura import GaussianMixture, Mixture
from problems import Problem
from proper import (
    ALONG_COLUMNS,
    DEFAULT,
    LETTERS,
    SPHERICAL,
    Rows,
    Thresholds,
    below_rounding,
    improper,
    kind_of,
)
from real import problems

FILE = Path(__file__).parent / "real_reference.json"

# Structures that do not change with the units of single columns.
FREE_OF_UNITS = {"VVV", "EEE", "VVI", "EEI", "VEI", "EVI", "VEE", "EVV"}
STRUCTURES = (
    *("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE"),
    *("VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
)
JUDGES: dict[str, Callable[[Mixture, Rows], str]] = {
    "old": lambda mixture, rows: degenerate(mixture, rows.X),
    "new": improper,
    "lax": below_rounding,
}
N_RUN_ON = 12  # ends that are run on to the end, of all and of the proper ones


@dataclass(frozen=True, eq=False)
class End:
    value: float  # log-likelihood a row, in the units of the search
    mixture: Mixture
    kind: str
    is_proper: bool = False


@dataclass
class Search:
    problem: Problem
    rng: np.random.Generator
    ends: dict[float, End] = field(default_factory=dict)
    descents: int = 0

    def __post_init__(self) -> None:
        X, self.kind = self.problem.X, self.problem.covariance_type
        self.K = self.problem.n_components
        spread = X.std(axis=0)
        if LETTERS.get(self.kind, self.kind) not in FREE_OF_UNITS:
            spread = np.full_like(spread, spread.mean())
        self.spread = np.where(spread > 0, spread, 1.0)
        self.centre = X.mean(axis=0)
        self.X = (X - self.centre) / self.spread
        self.rows = Rows(X)

    def fit(
        self, start, *, K=None, kind=None, accelerate=True, reg_covar=1e-11, tol=1e-6, max_iter=400
    ):
        model = GaussianMixture(
            K or self.K,
            covariance_type=kind or self.kind,
            init_params=start,
            random_state=int(self.rng.integers(1 << 31)),
            tol=tol,
            max_iter=max_iter,
            reg_covar=reg_covar,
            accelerate=accelerate,
            n_jobs=1,
        )
        return model.fit(self.X)

    def responsibilities(self, start, **options) -> np.ndarray:
        return self.fit(start, **options).mixture_.responsibilities(self.X, n_jobs=1)

    def descend(self, kind: str) -> None:
        """From a start of that kind to an end, which is kept."""
        start = STARTS[kind](self)
        if self.rng.random() < 1 / 3:
            start = self.responsibilities(
                start, reg_covar=10.0 ** self.rng.uniform(-5, -1), tol=1e-4
            )
        model = self.fit(start)
        self.descents += 1
        value = float(model.lower_bound_)
        key = round(value, 5)
        if np.isfinite(value) and key not in self.ends:
            why = improper(self.original(model.mixture_), self.rows)
            self.ends[key] = End(value, model.mixture_, kind, not why)

    def original(self, mixture: Mixture) -> Mixture:
        """The mixture in the table's own units."""
        letters, factor = kind_of(mixture), np.outer(self.spread, self.spread)
        if letters in ALONG_COLUMNS:
            factor = self.spread[0] ** 2 if letters in SPHERICAL else self.spread**2
        return Mixture.from_parameters(
            mixture.weights,
            mixture.means * self.spread + self.centre,
            mixture.covariances * factor,
            covariance_type=mixture.covariance_type,
        )

    def best(self, proper: bool) -> list[End]:
        ends = [end for end in self.ends.values() if end.is_proper or not proper]
        return sorted(ends, key=lambda end: -end.value)

    def parent(self) -> np.ndarray:
        """Responsibilities of one of the best ends; where there is none, of a fresh one."""
        ends = self.best(proper=True)[:6] or self.best(proper=False)[:6]
        if not ends:
            return self.responsibilities("k-means++")
        chosen = ends[min(self.rng.geometric(0.4) - 1, len(ends) - 1)]
        return chosen.mixture.responsibilities(self.X, n_jobs=1)


# Starts: what init_params takes.


def one_hot(labels: np.ndarray, K: int) -> np.ndarray:
    return np.eye(K)[np.unique(labels, return_inverse=True)[1].clip(max=K - 1)]


def hierarchy(search: Search) -> np.ndarray:
    """Rows merged pair by pair in one of several metrics; the others go to the nearest group."""
    chosen = search.rng.permutation(len(search.X))[:800]
    X = in_some_metric(search)
    tree = linkage(X[chosen], search.rng.choice(["ward", "complete", "average", "single"]))
    labels = fcluster(tree, search.K, "maxclust")
    centres = np.array([X[chosen][labels == k].mean(axis=0) for k in np.unique(labels)])
    return one_hot(((X[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1), search.K)


def in_some_metric(search: Search) -> np.ndarray:
    """The rows as they are, as ranks, whitened, stretched at random, or some of the columns."""
    X, rng = search.X, search.rng
    d = X.shape[1]
    way = rng.integers(5)
    if way == 1:
        return np.apply_along_axis(rankdata, 0, X) / len(X)
    if way == 2:
        return (search.problem.X - search.centre) @ search.rows.whitening
    if way == 3:
        return X * np.exp(rng.normal(0, 1, d))
    if way == 4:
        return X[:, rng.permutation(d)[: rng.integers(1, d + 1)]]
    return X


def kmeans_in_some_metric(search: Search) -> np.ndarray:
    model = KMeans(search.K, n_init=1, random_state=int(search.rng.integers(1 << 31)))
    return one_hot(model.fit_predict(in_some_metric(search)), search.K)


def slices(search: Search) -> np.ndarray:
    """Slices at random cuts along a random direction."""
    place = rankdata(search.X @ search.rng.standard_normal(search.X.shape[1])) / len(search.X)
    return one_hot(np.searchsorted(np.sort(search.rng.random(search.K - 1)), place), search.K)


def sklearn_end(search: Search) -> np.ndarray:
    """An end of scikit-learn's EM, of the structure or the nearest that it has."""
    name = {"VVV": "full", "EEE": "tied", "VVI": "diag", "VII": "spherical"}
    letters = LETTERS.get(search.kind, search.kind)
    model = SklearnMixture(
        search.K,
        covariance_type=name.get(letters, "full"),
        init_params=str(search.rng.choice(["kmeans", "k-means++", "random", "random_from_data"])),
        random_state=int(search.rng.integers(1 << 31)),
    )
    return model.fit(search.X).predict_proba(search.X)


def other_structure(search: Search) -> np.ndarray:
    kind = str(search.rng.choice(STRUCTURES if search.X.shape[1] > 1 else ("E", "V")))
    start = str(search.rng.choice(["auto", "k-means++"]))
    return search.responsibilities(start, kind=kind, reg_covar=1e-5, tol=1e-4)


def overlap(soft: np.ndarray) -> np.ndarray:
    """How much every two components share rows; its diagonal is out of the way."""
    length = np.linalg.norm(soft, axis=0)
    shared = (soft.T @ soft) / np.outer(length, length).clip(1e-300)
    np.fill_diagonal(shared, -1)
    return shared


def merged(soft: np.ndarray, rng) -> np.ndarray:
    """Without one component: one of the pairs that share most is one."""
    shared = np.triu(overlap(soft), 1)
    pairs = np.argsort(-shared, axis=None)[: max(3, soft.shape[1])]
    k, other = np.unravel_index(rng.choice(pairs), shared.shape)
    if k == other:
        k, other = rng.choice(soft.shape[1], 2, replace=False)
    joined = soft.copy()
    joined[:, k] += joined[:, other]
    return np.delete(joined, other, axis=1)


def split(X: np.ndarray, soft: np.ndarray, rng) -> np.ndarray:
    """With one component more: one is cut along its longest or some direction, or loses its outer rows."""
    k = rng.integers(soft.shape[1])
    share = soft[:, k] / soft[:, k].sum()
    away = X - share @ X
    if rng.random() < 0.25:
        beyond = ((away**2) @ (1 / (share @ away**2).clip(1e-12))) ** 0.5
    else:
        covariance = (away * share[:, None]).T @ away
        longest = np.linalg.eigh(covariance)[1][:, -1]
        direction = longest if rng.random() < 0.5 else rng.standard_normal(X.shape[1])
        beyond = away @ direction
    order = np.argsort(beyond)
    quantile = np.cumsum(share[order])
    cut = beyond[order[min(np.searchsorted(quantile, rng.uniform(0.2, 0.9)), len(X) - 1)]]
    upper = np.where(beyond > cut, soft[:, k], 0.0)
    rest = soft.copy()
    rest[:, k] -= upper
    return np.c_[rest, upper]


def from_more(search: Search) -> np.ndarray:
    """One more component, run, and a pair of it merged."""
    if search.rng.random() < 0.5:
        start = split(search.X, search.parent(), search.rng)
    else:
        start = str(search.rng.choice(["kmeans", "k-means++", "auto"]))
    more = search.responsibilities(start, K=search.K + 1, reg_covar=1e-6, tol=1e-4)
    return merged(more, search.rng)


def from_fewer(search: Search) -> np.ndarray:
    """One component less, run, and one of it split."""
    if search.K == 2 or search.rng.random() < 0.5:
        start = merged(search.parent(), search.rng)
    else:
        start = str(search.rng.choice(["kmeans", "k-means++", "auto"]))
    fewer = search.responsibilities(start, K=search.K - 1, reg_covar=1e-6, tol=1e-4)
    return split(search.X, fewer, search.rng)


def from_many(search: Search) -> np.ndarray:
    """Two to three times as many, merged down one by one with short EM between."""
    K = int(search.rng.integers(search.K + 2, 3 * search.K + 2))
    soft = search.responsibilities("k-means++", K=K, reg_covar=1e-3, tol=1e-3)
    while soft.shape[1] > search.K:
        soft = merged(soft, search.rng)
        soft = search.responsibilities(soft, K=soft.shape[1], reg_covar=1e-4, tol=1e-3, max_iter=10)
    return soft


def merge_and_split(search: Search) -> np.ndarray:
    return split(search.X, merged(search.parent(), search.rng), search.rng)


def swap(search: Search) -> np.ndarray:
    """A component leaves, and comes back around a random row."""
    X, rng = search.X, search.rng
    soft = np.delete(search.parent(), rng.integers(search.K), axis=1) + 1e-3
    distance = ((X - X[rng.integers(len(X))]) ** 2).sum(axis=1)
    near = distance <= np.quantile(distance, rng.uniform(0.02, 0.4))
    soft /= soft.sum(axis=1, keepdims=True)
    soft[near] *= 0.05
    return np.c_[soft, np.where(near, 0.95, 0)]


def shake(search: Search) -> np.ndarray:
    """Some rows to random components."""
    soft = search.parent()
    shaken = search.rng.random(len(soft)) < search.rng.uniform(0.1, 0.6)
    soft[shaken] = softmax(search.rng.normal(0, 3, (shaken.sum(), search.K)), axis=1)
    return soft


STARTS: dict[str, Callable[[Search], object]] = {
    "auto": lambda _: "auto",
    "kmeans": lambda _: "kmeans",
    "k-means++": lambda _: "k-means++",
    "random": lambda _: "random",
    "random_from_data": lambda _: "random_from_data",
    "kmeans in some metric": kmeans_in_some_metric,
    "hierarchy": hierarchy,
    "slices": slices,
    "scikit-learn's end": sklearn_end,
    "other structure": other_structure,
    "many merged down": from_many,
    "one more, merged": from_more,
    "one fewer, split": from_fewer,
    "merge and split": merge_and_split,
    "swap": swap,
    "shake": shake,
}
FRESH = tuple(STARTS)[:11]
MOVES = tuple(STARTS)[11:]


# The search, what it found, and what the thresholds would make of it.


def searched(problem: Problem, seconds: float, patience: int, seed: int) -> Search:
    search = Search(problem, np.random.default_rng(seed))
    began = process_time()
    best, since = -np.inf, 0
    while (spent := process_time() - began) < seconds and since < patience:
        kinds = FRESH if spent < seconds / 4 and search.descents % 2 else (*FRESH, *MOVES, *MOVES)
        try:
            search.descend(kinds[search.rng.integers(len(kinds))])
        except (
            ValueError,
            np.linalg.LinAlgError,
        ):  # a start or an end without rows for a component
            search.descents += 1
        found = search.best(proper=True)
        since = 0 if found and found[0].value > best + 1e-5 else since + 1
        best = max(best, found[0].value) if found else best
    return search


def run_on(search: Search) -> Iterator[End]:
    """The likeliest ends at where EM goes from them, in the table's own units."""
    likeliest = search.best(proper=False)[:N_RUN_ON] + search.best(proper=True)[:N_RUN_ON]
    for end in {id(end): end for end in likeliest}.values():
        try:
            model = search.fit(lambda *_, end=end: end.mixture, tol=1e-12, max_iter=20_000)
        except (ValueError, np.linalg.LinAlgError):
            continue
        mixture = search.original(model.mixture_)
        yield replace(end, mixture=mixture, value=log_likelihood(mixture, search.problem.X))


def found(search: Search, seconds: float) -> dict:
    """What is kept of a search."""
    ends = list(run_on(search))
    record: dict = {"rows": len(search.X), "columns": search.X.shape[1]}
    for judge, verdict in JUDGES.items():
        proper = [end for end in ends if not verdict(end.mixture, search.rows)]
        best = max(proper, key=lambda end: end.value, default=None)
        record[judge] = None if best is None else {"value": best.value, "found_by": best.kind}
    record["thresholds"] = sensitivity(search, ends)
    return record | {"ends": len(ends), "descents": search.descents, "seconds": round(seconds, 1)}


def variants() -> dict[str, Thresholds]:
    """The judge's numbers, each a tenth and tenfold; the share of rows otherwise."""
    made = {"most 0.5": replace(DEFAULT, most=0.5), "most 0.95": replace(DEFAULT, most=0.95)}
    for name in ("far_below", "negligible", "singular", "thin", "same"):
        for factor in (0.1, 10):
            value = factor * getattr(DEFAULT, name)
            made[f"{name} {value:.0e}"] = replace(DEFAULT, **{name: value})
    return made


def sensitivity(search: Search, ends: list[End]) -> dict[str, list[float]]:
    """By threshold: ends that change sides, and how much likelier the best proper end then is."""
    verdicts = [not improper(end.mixture, search.rows) for end in ends]
    changes = {}
    for name, thresholds in variants().items():
        others = [not improper(end.mixture, search.rows, thresholds) for end in ends]
        changed = sum(a != b for a, b in zip(verdicts, others, strict=True))
        if changed:
            changes[name] = [changed, best_value(ends, others) - best_value(ends, verdicts)]
    return changes


def best_value(ends: list[End], are_proper: list[bool]) -> float:
    values = [end.value for end, is_proper in zip(ends, are_proper, strict=True) if is_proper]
    return max(values, default=-1e3)


def known() -> dict[str, dict]:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def improve(name: str, record: dict) -> None:
    """Keep what was found of a problem, and of each judge's best the better."""
    kept = known()
    before = kept.get(name, {})
    if (before.get("rows"), before.get("columns")) == (record["rows"], record["columns"]):
        record = record | {judge: better(before[judge], record[judge]) for judge in JUDGES}
        record["descents"] += before["descents"]
        record["seconds"] = round(record["seconds"] + before["seconds"], 1)
    kept[name] = record
    FILE.write_text(json.dumps(kept, indent=1) + "\n")


def record_end(name: str, judges: list[str], value: float, found_by: str) -> None:
    """Keep an end that another search found, where it is better by those judges."""
    kept = known()
    for judge in judges:
        end = {"value": value, "found_by": found_by}
        if name in kept and better(kept[name][judge], end) is end:
            kept[name][judge] = end
            FILE.write_text(json.dumps(kept, indent=1) + "\n")


def better(one: dict | None, other: dict | None) -> dict | None:
    return max(one, other, key=lambda end: -np.inf if end is None else end["value"])


def sensitivity_table() -> str:
    """The stored sensitivities as Markdown."""
    records = known().values()
    n_ends = sum(record["ends"] for record in records)
    lines = [
        f"| of {n_ends} ends of {len(records)} problems | change sides | another best proper end |"
    ]
    lines.append("|---|---|---|")
    for name in variants():
        changes = [r["thresholds"][name] for r in records if name in r["thresholds"]]
        n_best = sum(abs(gain) > 1e-3 for _, gain in changes)
        lines.append(f"| {name} | {sum(n for n, _ in changes):.0f} | {n_best} problems |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--patience", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--sensitivity", action="store_true")
    options = parser.parse_args()
    if options.sensitivity:
        print(sensitivity_table())
        return
    warnings.simplefilter("ignore")
    for problem in problems(options.only):
        began = process_time()
        search = searched(problem, options.seconds, options.patience, options.seed)
        record = found(search, process_time() - began)
        improve(problem.name, record)
        ends = "  ".join(
            f"{judge} {record[judge]['value']:.5f} ({record[judge]['found_by']})"
            if record[judge]
            else f"{judge} none"
            for judge in JUDGES
        )
        seconds = process_time() - began
        print(
            f"{problem.name:22s} {search.descents:5d} descents {seconds:5.1f} s  {ends}", flush=True
        )


if __name__ == "__main__":
    main()
