"""The cases of `bits.py`: fits, searches and predictions small enough that all of them take minutes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture
from mixtura.selection import bootstrap_difference, bootstrap_ratio_test, combine

STRUCTURES = (
    *("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE"),
    *("VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
)
ALIASES = ("full", "tied", "diag", "spherical")
DTYPES = ("float64", "float32")
FEATURES = (1, 2, 3, 5, 8, 17, 33)

# What is left after whole tiles and vectors, and one chunk and a row.
ROWS = (1, 2, 3, 63, 64, 65, 127, 257, 2049, 5000)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    name: str
    results: Callable[[Path], dict[str, Any]]  # of an empty folder
    core: bool = False  # run at every instruction set


def cases() -> Iterator[Case]:
    groups = (
        structures,
        tails,
        layouts,
        weighted,
        starts,
        searches,
        degenerate,
        options,
        many_components,
        wide,
        far,
        streams,
        sources,
        on_dask,
        sweeps,
        resumed,
        after_a_fit,
        values,
    )
    return itertools.chain.from_iterable(group() for group in groups)


# Rows


def rows(
    n_rows: int,
    n_features: int,
    n_groups: int = 3,
    seed: int = 0,
    dtype: str = "float64",
    distance: float = 3.0,
) -> Array:
    """Overlapping groups of different widths."""
    rng = np.random.default_rng([seed, n_rows, n_features, n_groups])
    means = distance * rng.standard_normal((n_groups, n_features)) / np.sqrt(2)
    spreads = rng.uniform(0.5, 1.5, (n_groups, n_features))
    labels = rng.integers(n_groups, size=n_rows)
    X = means[labels] + spreads[labels] * rng.standard_normal((n_rows, n_features))
    X[:, 1:] += 0.3 * X[:, :1]
    return X.astype(dtype)


def start(structure: str, X: Array, n_components: int) -> dict[str, Array]:
    """Weights, means and precisions to begin at."""
    d = X.shape[1]
    precision = 1 / np.maximum(X.astype(float).var(axis=0), 1e-3)
    volume, shape, orientation = mixtura_letters(structure)
    if shape == "I":
        precisions = np.full(n_components, precision.mean())
    elif orientation == "I":
        precisions = np.tile(precision, (n_components, 1))
    elif volume + shape + orientation == "EEE":
        precisions = np.diag(precision)
    else:
        precisions = np.tile(np.diag(precision), (n_components, 1, 1))
    places = np.linspace(0, len(X) - 1, n_components).astype(int)
    weights = np.arange(1.0, n_components + 1)
    return {
        "weights_init": weights / weights.sum(),
        "means_init": X[places].astype(float) + 0.01 * np.arange(d),
        "precisions_init": precisions,
    }


def mixtura_letters(structure: str) -> str:
    names = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
    return names.get(structure, structure)


# What is looked at


def fitted(gm: GaussianMixture) -> dict[str, Any]:
    """Every attribute of a fit."""
    names = "weights_ means_ covariances_ precisions_ precisions_cholesky_ converged_ n_iter_ lower_bound_"
    names += " lower_bounds_ remaining_gain_ n_features_in_ diagnosis_"
    found = {name: getattr(gm, name) for name in names.split()}
    found["starts_"] = list(gm.starts_)
    found["mixture_"] = distribution(gm.mixture_)
    found["summary"] = str(gm.summary())
    found["summary_dict"] = flat(gm.summary().to_dict())
    return found


def flat(value: Any) -> Any:
    """Nested plain values as lists."""
    if isinstance(value, dict):
        return [[name, flat(own)] for name, own in value.items()]
    return [flat(own) for own in value] if isinstance(value, list | tuple) else value


def contents(file: Path) -> dict[str, Any]:
    """Of a safetensors file, whose header comes in any order: the header sorted, and the arrays' bytes."""
    written = file.read_bytes()
    begin = 8 + int.from_bytes(written[:8], "little")
    header = json.dumps(json.loads(written[8:begin]), sort_keys=True)
    return {"header": header, "arrays": np.frombuffer(written[begin:], np.uint8)}


def distribution(mixture: Mixture) -> dict[str, Any]:
    names = "covariance_type n_parameters weights means covariances precisions_cholesky precisions inflation"
    return {name: getattr(mixture, name) for name in names.split()}


def predicted(model: Any, X: Any) -> dict[str, Any]:
    names = ("predict", "predict_proba", "score_samples")
    return {name: getattr(model, name)(X) for name in names}


def judged(model: Any, X: Any, **weight: Any) -> dict[str, Any]:
    return {name: getattr(model, name)(X, **weight) for name in ("score", "bic", "aic", "icl")}


def all_of(gm: GaussianMixture, X: Array, **weight: Any) -> dict[str, Any]:
    found = fitted(gm) | predicted(gm, X) | judged(gm, X, **weight)
    return found | {"log_joint": gm.log_joint(X)}


def fit_of(X: Array, n_components: int, **arguments: Any) -> dict[str, Any]:
    """All of one fit; few iterations unless told otherwise."""
    weight = {name: arguments.pop(name) for name in ("sample_weight",) if name in arguments}
    options = {"random_state": 0, "n_jobs": 1, **arguments}
    return all_of(GaussianMixture(n_components, **options).fit(X, **weight), X, **weight)


def case_of(
    name: str, results: Callable[..., Any], *arguments: Any, core: bool = False, **named: Any
) -> Case:
    """A case that needs no folder."""
    ready = partial(results, *arguments, **named)
    return Case(name, lambda _folder: ready(), core)


# The cases


def structures() -> Iterator[Case]:
    """All structures, precisions and numbers of features; accelerated in turn."""
    for i, (structure, d, dtype) in enumerate(itertools.product(STRUCTURES, FEATURES, DTYPES)):
        n_rows = (257, 2049, 127, 640)[(i + i // 4) % 4]
        yield case_of(
            f"structures {structure} d={d} {dtype} n={n_rows}",
            _explicit,
            structure,
            n_rows,
            d,
            dtype,
            accelerate=i % 3 == 0,
            core=d in (3, 17) and dtype == ("float64", "float32")[(i // 2) % 2],
        )


def _explicit(
    structure: str, n_rows: int, d: int, dtype: str, n_components: int = 3, **more: Any
) -> dict[str, Any]:
    X = rows(n_rows, d, dtype=dtype)
    options = {"max_iter": 10, "tol": 0.0, "reg_covar": 1e-6, **more}
    begin = start(structure, X, n_components)
    found = fit_of(X, n_components, covariance_type=structure, **options, **begin)
    gm = GaussianMixture(n_components, covariance_type=structure, n_jobs=1, **options, **begin).fit(
        X
    )
    for few in (1, 2, 3):  # rows that fill no vector
        found[f"first_{few}"] = predicted(gm, X[:few])
    return found


def tails() -> Iterator[Case]:
    """Every number of rows, of every structure and of scikit-learn's names."""
    for i, (structure, n_rows) in enumerate(itertools.product((*STRUCTURES, *ALIASES), ROWS)):
        dtype = DTYPES[(i + i // 10) % 2]
        n_components = 1 if n_rows < 63 else 2 + i % 4
        options = {"n_components": n_components, "max_iter": 4, "reg_covar": 1e-3}
        name = f"tails {structure} n={n_rows} {dtype}"
        yield case_of(name, _explicit, structure, n_rows, 1 + i % 5, dtype, **options)


def layouts() -> Iterator[Case]:
    """Rows as they lie in memory."""
    for structure, dtype in itertools.product(("full", "tied", "diag", "EEV"), DTYPES):
        X = rows(700, 6, dtype=dtype)
        wider, every_other = np.zeros((700, 9), dtype), np.zeros((1400, 6), dtype)
        wider[:, 2:8], every_other[::2] = X, X
        lying = {
            "C": X,
            "F": np.asfortranarray(X),
            "columns of a wider one": wider[:, 2:8],
            "every other row": every_other[::2],
            "reversed": X[::-1, ::-1],
            "big endian": X.astype(X.dtype.newbyteorder(">")),
            "whole numbers": np.round(10 * X).astype(np.int32),
        }
        for layout, own in lying.items():
            name = f"layouts {layout} {structure} {dtype}"
            options = {"covariance_type": structure, "init_params": "kmeans", "max_iter": 6}
            core = layout in ("F", "reversed") and structure == "full"
            yield case_of(name, fit_of, own, 3, core=core, **options)


def weighted() -> Iterator[Case]:
    rng = np.random.default_rng(5)
    kinds = {
        "fractional": rng.uniform(0.1, 2, 900),
        "whole": rng.integers(1, 5, 900).astype(float),
        "zeros": rng.integers(0, 2, 900) * rng.uniform(0.5, 1, 900),
        "float32": rng.uniform(0.1, 2, 900).astype(np.float32),
    }
    for (kind, weight), structure, dtype in itertools.product(
        kinds.items(), ("full", "diag", "VEV", "EVE"), DTYPES
    ):
        X = rows(900, 4, dtype=dtype)
        for begin in ("auto", "kmeans"):
            options = {"covariance_type": structure, "init_params": begin, "max_iter": 30}
            name = f"weighted {kind} {structure} {dtype} {begin}"
            core = structure == "full" and kind in ("fractional", "zeros") and dtype == "float64"
            yield case_of(name, fit_of, X, 3, core=core, sample_weight=weight, **options)


def starts() -> Iterator[Case]:
    X = rows(600, 3)
    rng = np.random.default_rng(6)
    given = {
        "labels": rng.integers(3, size=600),
        "responsibilities": rng.dirichlet(np.ones(3), 600),
        "function": lambda X, k, _seed: np.arange(len(X)) % k,
    }
    named = ("auto", "kmeans", "k-means++", "random", "random_from_data")
    for begin in (*named, *given):
        for accelerate, dtype in itertools.product((False, True, "auto"), DTYPES):
            options = {"init_params": given.get(begin, begin), "accelerate": accelerate}
            name = f"starts {begin} accelerate={accelerate} {dtype}"
            core = accelerate == "auto" and dtype == "float64"
            yield case_of(name, fit_of, X.astype(dtype), 3, core=core, max_iter=60, **options)
    for begin, n_init in itertools.product(named, (2, 5)):
        name = f"starts {begin} n_init={n_init}"
        yield case_of(name, fit_of, X, 4, init_params=begin, n_init=n_init, max_iter=40)
    begin = start("full", X, 3)
    for name in begin:
        yield case_of(f"starts {name} alone", fit_of, X, 3, max_iter=20, **{name: begin[name]})


def tables() -> dict[str, Array]:
    """Small tables as people have them."""
    rng = np.random.default_rng(7)
    X = rows(300, 3)
    outliers = X.copy()
    outliers[::60] *= 30
    heap = X.copy()
    heap[::3, 1] = 0.0
    sentinel = X.copy()
    sentinel[::25, 0] = -999.0
    return {
        "blobs": rows(300, 2, distance=8.0),
        "overlapping": rows(400, 2, 4, distance=1.5),
        "rounded": np.round(X),
        "rounded finely": np.round(X, 1),
        "ties": np.repeat(rows(60, 2), 5, axis=0),
        "outliers": outliers,
        "a heap of zeros": heap,
        "sentinels": sentinel,
        "counts": rng.poisson(4, (300, 2)).astype(float),
        "heavy tails": rng.standard_t(2, (300, 2)),
        "one column": rows(200, 1, 2, distance=6.0),
        "wide": rows(40, 20, 2),
        "units far apart": X * np.array([1e-8, 1.0, 1e9]),
    }


def searches() -> Iterator[Case]:
    """The default start."""
    for (kind, X), structure in itertools.product(
        tables().items(), ("full", "tied", "diag", "VEE")
    ):
        options = {"covariance_type": structure}
        core = structure == "full" and kind in ("blobs", "rounded", "outliers", "ties")
        yield case_of(f"search {kind} {structure}", fit_of, X, 3, core=core, **options)
    for structure in STRUCTURES:
        X = rows(500, 4, 4, seed=3, dtype="float32")
        yield case_of(f"search float32 {structure}", fit_of, X, 4, covariance_type=structure)
    X = rows(15_000, 3, 5)  # more than the search looks at
    yield case_of("search of a sample", fit_of, X, 5, n_init=2)
    yield case_of("search min_component_rows", fit_of, rows(300, 2), 5, min_component_rows=20)


def degenerate() -> Iterator[Case]:
    X = rows(50, 2)
    line = np.column_stack([X[:, 0], 2 * X[:, 0], X[:, 1]])
    constant = np.column_stack([X, np.ones(50)])
    two_points = np.repeat([[0.0, 0.0], [1.0, 3.0]], 20, axis=0)
    few = rows(5, 3)
    for name, own in {
        "line": line,
        "constant column": constant,
        "two points": two_points,
        "few rows": few,
        "all equal": np.ones((30, 2)),
        "not finite": np.where(np.arange(100).reshape(50, 2) == 31, np.nan, X),
    }.items():
        for structure, reg_covar in itertools.product(
            ("full", "diag", "tied", "EVE"), ("auto", 0.0, 1e-3)
        ):
            options = {"covariance_type": structure, "reg_covar": reg_covar}
            yield case_of(f"degenerate {name} {structure} {reg_covar}", fit_of, own, 3, **options)


def options() -> Iterator[Case]:
    X = rows(3000, 4, 4)
    for n_jobs, structure in itertools.product((1, 2), ("full", "VVE", "diag")):
        own = {"n_jobs": n_jobs, "covariance_type": structure, "max_iter": 20}
        yield case_of(f"options n_jobs={n_jobs} {structure}", fit_of, X, 4, **own)
    yield case_of("options one and two threads are equal", _threads, rows(20_000, 8, 5))
    for order in ("weight", "mean"):
        yield case_of(f"options sort by {order}", fit_of, X, 4, sort_components=order)
    yield case_of("options verbose", fit_of, X[:300], 3, verbose=1, verbose_interval=1)
    yield case_of("options max_iter=0", fit_of, X, 3, max_iter=0)
    yield case_of("options warm_start", _warm_start, X)
    yield case_of("options callback", _callback, X)
    yield case_of("options align_to and from_parameters", _aligned, X)


def _threads(X: Array) -> dict[str, Any]:
    found = {}
    for n_jobs in (1, 2, 3):
        gm = GaussianMixture(
            5, init_params="kmeans", max_iter=8, random_state=0, n_jobs=n_jobs
        ).fit(X)
        found[f"{n_jobs}"] = gm.means_
        found[f"{n_jobs} score"] = gm.score(X)
        found[f"{n_jobs} predicted"] = predicted(gm, X)
    found["equal"] = all(np.array_equal(found["1"], found[f"{n_jobs}"]) for n_jobs in (2, 3))
    return found


def _warm_start(X: Array) -> dict[str, Any]:
    gm = GaussianMixture(3, warm_start=True, max_iter=5, tol=0, random_state=0, n_jobs=1)
    found = {f"fit {turn}": fitted(gm.fit(X)) for turn in range(3)}
    return found | {"other rows": fitted(gm.fit(X[::2]))}


def _callback(X: Array) -> dict[str, Any]:
    heard: list[Any] = []

    def hear(iteration: int, mixture: Mixture, log_likelihood: float) -> bool:
        heard.append([iteration, log_likelihood, mixture.means.tolist()])
        return iteration == 7

    options = {"callback": hear, "n_init": 2, "init_params": "random", "random_state": 0, "tol": 0}
    return fitted(GaussianMixture(3, n_jobs=1, **options).fit(X)) | {"heard": heard}


def _aligned(X: Array) -> dict[str, Any]:
    first = GaussianMixture(3, random_state=0, n_jobs=1).fit(X)
    second = GaussianMixture(3, random_state=1, n_jobs=1).fit(X[::2]).align_to(first)
    given = GaussianMixture.from_parameters(first.weights_, first.means_, first.covariances_)
    given_found = predicted(given, X) | judged(given, X) | {"summary": str(given.summary())}
    return {"aligned": fitted(second), "given": given_found}


def many_components() -> Iterator[Case]:
    """Where most components are far from most rows: bounds, groups, what is left out."""
    shapes = ((20_000, 4, 200, "full"), (20_000, 4, 200, "diag"), (20_000, 4, 200, "spherical"))
    shapes += ((20_000, 16, 64, "full"), (20_000, 16, 64, "tied"), (20_000, 16, 64, "diag"))
    shapes += (
        (6_000, 8, 100, "VVE"),
        (6_000, 8, 100, "EEV"),
        (6_000, 1, 60, "full"),
        (6_000, 2, 150, "VEI"),
    )
    for i, (n_rows, d, n_components, structure) in enumerate(shapes):
        for dtype, max_iter in itertools.product(DTYPES, (1, 4)):
            name = (
                f"many components n={n_rows} d={d} K={n_components} {structure} {dtype} {max_iter}"
            )
            core = dtype == DTYPES[i % 2] and max_iter == 4 and n_components < 100
            arguments = (n_rows, d, n_components, structure, dtype, max_iter)
            yield case_of(name, _far_apart, *arguments, core=core)


def _far_apart(
    n_rows: int, d: int, n_components: int, structure: str, dtype: str, max_iter: int
) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    means = rng.uniform(-1, 1, (n_components, d)) * 12 * n_components ** (1 / d)
    labels = rng.integers(n_components, size=n_rows)
    X = (means[labels] + rng.standard_normal((n_rows, d))).astype(dtype)
    options = {"covariance_type": structure, "max_iter": max_iter, "tol": 0, "reg_covar": 1e-6}
    begin = start(structure, X, n_components)
    begin["precisions_init"] = np.ones_like(begin["precisions_init"])
    if begin["precisions_init"].shape[-2:] == (d, d) and structure not in ("diag", "VEI"):
        begin["precisions_init"][:] = np.eye(d)
    begin["means_init"] = means + 0.1 * rng.standard_normal(means.shape)
    return fit_of(X, n_components, accelerate=False, **options, **begin)


def wide() -> Iterator[Case]:
    for i, (d, structure) in enumerate(itertools.product((64, 128, 200), STRUCTURES)):
        dtype = DTYPES[(i + i // 14) % 2]
        options = {"n_components": 2, "max_iter": 2, "reg_covar": 1e-3}
        if d == 200 and structure in ("EVE", "VVE"):
            continue  # up to a minute each: a common orientation is found by turns of pairs of axes
        name = f"wide d={d} {structure} {dtype}"
        yield case_of(name, _explicit, structure, 300, d, dtype, core=d == 64, **options)


def far() -> Iterator[Case]:
    """Far from the origin, and rows that are there several times."""
    for structure, dtype in itertools.product(STRUCTURES, DTYPES):
        X = (rows(800, 3) + 1e6).astype(dtype)
        repeated = np.repeat(rows(100, 3, dtype=dtype), 8, axis=0)
        options = {"covariance_type": structure, "max_iter": 12}
        core = structure in ("VVV", "EII") and dtype == "float32"
        yield case_of(
            f"far from the origin {structure} {dtype}", fit_of, X, 3, core=core, **options
        )
        yield case_of(f"repeated rows {structure} {dtype}", fit_of, repeated, 3, **options)


def streams() -> Iterator[Case]:
    for structure, dtype in itertools.product(STRUCTURES, DTYPES):
        core = structure == "VVV"
        yield case_of(f"stream {structure} {dtype}", _stream, structure, dtype, core=core)


def _stream(structure: str, dtype: str) -> dict[str, Any]:
    gm = GaussianMixture(3, covariance_type=structure, random_state=0, n_jobs=1)
    X = rows(2000, 3, dtype=dtype)
    for turn, batch in enumerate(np.array_split(X, 8)):
        weight = np.linspace(0.5, 1.5, len(batch)) if turn == 5 else None
        gm.partial_fit(batch, sample_weight=weight, step_size=0.3 if turn > 5 else None)
    return all_of(gm, X)


def sources() -> Iterator[Case]:
    for kind, dtype in itertools.product(("npy", "csv", "parquet", "feather"), DTYPES):
        yield Case(f"source {kind} {dtype}", partial(_of_file, kind, dtype), dtype == "float64")
    for memory, structure in itertools.product((None, 1), ("full", "VVE", "diag")):
        name = f"source batches {'in memory' if memory is None else 'read again'} {structure}"
        yield case_of(name, _of_batches, memory, structure)
    yield Case("source of several files, weights, predict_to", _of_files)
    yield case_of("source list of parts with weights", _of_parts)
    yield case_of("source frame", _of_frame)


def _of_source(source: Any, parts: bool = True, **arguments: Any) -> dict[str, Any]:
    gm = GaussianMixture(3, random_state=0, n_jobs=1, **arguments).fit(source)
    found = fitted(gm) | judged(gm, source)
    answers = predicted(gm, source)
    joined = {name: np.concatenate([*own]) for name, own in answers.items()} if parts else answers
    return found | joined


def _table(X: Array, **more: Any) -> Any:
    import pyarrow as pa

    return pa.table({f"x{j}": X[:, j] for j in range(X.shape[1])} | more)


def _of_file(kind: str, dtype: str, folder: Path) -> dict[str, Any]:
    import pyarrow.csv
    import pyarrow.feather
    import pyarrow.parquet

    X, file = rows(12_000, 3, dtype=dtype), folder / f"rows.{kind}"
    write = {
        "npy": lambda: np.save(file, X),
        "csv": lambda: pyarrow.csv.write_csv(_table(X), file),
        "parquet": lambda: pyarrow.parquet.write_table(_table(X), file, row_group_size=5_000),
        "feather": lambda: pyarrow.feather.write_feather(_table(X), str(file)),
    }
    write[kind]()
    return _of_source(mixtura.scan(file), parts=kind != "npy", max_iter=20)


def _batches() -> Iterator[Array]:
    X = rows(9_000, 3)
    yield from np.array_split(X, [1, 1000, 1003, 4096, 8000])


def _of_batches(max_memory: int | None, structure: str) -> dict[str, Any]:
    source = mixtura.from_batches(_batches, max_memory=max_memory)
    return _of_source(source, covariance_type=structure, max_iter=15)


def _of_parts() -> dict[str, Any]:
    X = rows(3_000, 3, dtype="float32")
    weight = np.random.default_rng(9).uniform(0.2, 2, len(X))
    cut = [700, 701, 2_000]
    pairs = zip(np.split(X, cut), np.split(weight, cut), strict=True)
    return _of_source(mixtura.from_batches([*pairs]), covariance_type="tied")


def _of_files(folder: Path) -> dict[str, Any]:
    import pyarrow.parquet

    for number, X in enumerate(np.array_split(rows(5_000, 2), 3)):
        table = _table(X, n=np.arange(len(X)) % 3.0, id=np.arange(len(X)))
        pyarrow.parquet.write_table(table, folder / f"part{number}.parquet")
    source = mixtura.scan(
        folder / "*.parquet", columns=["x0", "x1"], weight="n", max_memory="100MB"
    )
    gm = GaussianMixture(3, random_state=0, n_jobs=1).fit(source)
    out = folder / "labels.parquet"
    gm.predict_to(out, source, ["label", "log_density"], keep=["id"])
    written = pyarrow.parquet.read_table(out).to_pydict()
    arrays = {f"written {name}": np.array(own) for name, own in written.items()}
    return fitted(gm) | judged(gm, source) | arrays | {"names": gm.feature_names_in_.tolist()}


def _of_frame() -> dict[str, Any]:
    import pandas as pd

    X = pd.DataFrame(rows(300, 2), columns=["a", "b"])
    gm = GaussianMixture(2, random_state=0, n_jobs=1).fit(X)
    described = mixtura.describe(X.assign(c=1.0, d=np.round(X["a"])))
    found = fitted(gm) | {"names": gm.feature_names_in_.tolist(), "described": str(described)}
    return found | {"described_dict": flat(described.to_dict())}


def on_dask() -> Iterator[Case]:
    for structure, dtype in itertools.product(("full", "VVE", "diag"), DTYPES):
        yield case_of(f"dask threads {structure} {dtype}", _of_dask, structure, dtype)
    yield case_of("dask weights", _of_dask, "full", "float64", weighted=True)
    yield case_of("dask client", _of_client)
    yield case_of("dask search", _sweep_on_dask)


def _of_dask(structure: str, dtype: str, weighted: bool = False) -> dict[str, Any]:
    import dask
    import dask.array as da

    X = rows(5_000, 3, dtype=dtype)
    chunks = (1, 699, 1, 2_299, 0, 900, 1_100)
    parts = da.from_array(X, chunks=(chunks, -1))
    weight = np.random.default_rng(10).integers(0, 4, len(X)).astype(float)
    own = {"sample_weight": da.from_array(weight, chunks=(chunks,))} if weighted else {}
    with dask.config.set(scheduler="threads"):
        gm = GaussianMixture(3, covariance_type=structure, random_state=0, n_jobs=1, max_iter=20)
        gm.fit(parts, **own)
        answers = {name: own.compute() for name, own in predicted(gm, parts).items()}
        return fitted(gm) | judged(gm, parts, **own) | answers


def _of_client() -> dict[str, Any]:
    import logging

    from distributed import Client

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with Client(processes=False, silence_logs=logging.ERROR, **options):
        return _of_dask("full", "float64")


def _sweep_on_dask() -> dict[str, Any]:
    import dask
    import dask.array as da

    with dask.config.set(scheduler="threads"):
        return swept(_search().fit(da.from_array(rows(2_000, 2), chunks=(600, -1))))


def _search(**arguments: Any) -> GaussianMixtureSearch:
    given = {
        "n_components": range(1, 4),
        "covariance_type": ["EII", "VVI", "EEE", "VVV"],
        **arguments,
    }
    return GaussianMixtureSearch(**{"random_state": 0, "n_jobs": 1, **given})


def swept(search: GaussianMixtureSearch) -> dict[str, Any]:
    """Every attribute of a sweep but how long it took."""
    columns = {name: own for name, own in search.results_.items() if name != "seconds"}
    names = ("best_params_", "best_index_", "best_score_", "delta_", "n_features_in_")
    found = {name: getattr(search, name) for name in names}
    found["results_"] = columns
    found["within_"] = flat(search.within_)
    found["top"] = [[own[name] for name in own if name != "seconds"] for own in search.top(5)]
    return found | {"best": fitted(search.best_estimator_), "summary": str(search.summary())}


def sweeps() -> Iterator[Case]:
    for criterion, sign in itertools.product(("bic", "aic", "icl"), ("sklearn", "mclust")):
        own = {"criterion": criterion, "sign": sign}
        yield case_of(
            f"sweep {criterion} {sign}", _swept, rows(300, 2), core=sign == "mclust", **own
        )
    for kind, X in tables().items():
        if kind != "wide":
            yield case_of(f"sweep of {kind}", _swept, X)
    every = {"n_components": range(1, 4), "covariance_type": "all"}
    yield case_of("sweep of all structures", _swept, rows(400, 3), core=True, **every)
    yield case_of("sweep of all structures float32", _swept, rows(400, 3, dtype="float32"), **every)
    yield case_of("sweep of many rows", _swept, rows(12_000, 3))
    yield case_of("sweep on two threads", _swept, rows(400, 3), n_jobs=2, **every)
    yield case_of("sweep n_init", _swept, rows(200, 2), n_init=3)
    yield case_of("sweep with weights", _swept, rows(300, 2), weight=np.arange(300) % 4.0)


def _swept(X: Array, weight: Array | None = None, **arguments: Any) -> dict[str, Any]:
    search = _search(**arguments).fit(X, sample_weight=weight)
    cell = search.estimator(2, search.best_params_["covariance_type"])
    found = swept(search) | predicted(search, X) | judged(search, X)
    return found | {"cell": fitted(cell)}


def resumed() -> Iterator[Case]:
    for structure, accelerate in itertools.product(("full", "VVE", "diag"), (False, True)):
        name = f"resumed fit {structure} accelerate={accelerate}"
        yield Case(name, partial(_resumed_fit, structure, accelerate))
    yield Case("resumed sweep", _resumed_sweep)


def _resumed_fit(structure: str, accelerate: bool, folder: Path) -> dict[str, Any]:
    X = rows(800, 3, distance=1.6)
    own = {
        "covariance_type": structure,
        "accelerate": accelerate,
        "n_init": 3,
        "init_params": "kmeans",
    }
    own |= {"random_state": 0, "max_iter": 30, "n_jobs": 1}
    own |= {"checkpoint": folder / "fit.safetensors", "resume": True, "checkpoint_interval": 0.0}
    heard = itertools.count()

    def stop(*_: Any) -> None:
        if next(heard) == 37:
            raise KeyboardInterrupt

    try:
        GaussianMixture(3, callback=stop, **own).fit(X)
        raise AssertionError("it was to be interrupted")
    except KeyboardInterrupt:
        kept = contents(folder / "fit.safetensors")
    return all_of(GaussianMixture(3, **own).fit(X), X) | {"checkpoint": kept}


def _resumed_sweep(folder: Path) -> dict[str, Any]:
    own = {"checkpoint": folder / "sweep.safetensors", "resume": True}
    halfway = _search(**own, callback=lambda done, steps, _row: done >= steps / 2).fit(rows(300, 2))
    return {"halfway": swept(halfway), "whole": swept(_search(**own).fit(rows(300, 2)))}


def after_a_fit() -> Iterator[Case]:
    for structure in STRUCTURES:
        yield Case(f"saved {structure}", partial(_saved, structure))
    yield Case("saved sweep", _saved_sweep)
    yield Case("saved stream", _saved_stream)
    for criterion in ("bic", "icl"):
        yield case_of(f"bootstrap_difference {criterion}", _bootstrapped, criterion)
    for structure in ("full", "tied", "diag"):
        yield case_of(f"bootstrap_ratio_test {structure}", _ratio, structure)
    yield case_of("combine", _combined)
    yield case_of("combine with weights", _combined, np.arange(400) % 3.0)


def _saved(structure: str, folder: Path) -> dict[str, Any]:
    X, file = (
        rows(300, 3, dtype="float32" if structure[0] == "E" else "float64"),
        folder / "model.safetensors",
    )
    gm = GaussianMixture(3, covariance_type=structure, random_state=0, n_jobs=1).fit(X)
    draws = [*gm.sample(20), *gm.sample(5)]
    gm.save(file)
    loaded = mixtura.load(file)
    parameters = flat(loaded.get_params())
    own = {
        "file": contents(file),
        "parameters": parameters,
        "diagnosis text": str(loaded.diagnosis_),
    }
    return all_of(loaded, X) | own | {f"draw {i}": draw for i, draw in enumerate(draws)}


def _saved_sweep(folder: Path) -> dict[str, Any]:
    X, file = rows(300, 2), folder / "best.safetensors"
    search = _search().fit(X)
    search.save(file)
    X_new, labels = search.sample(10)
    return all_of(mixtura.load(file), X) | {"drawn": X_new, "labels": labels}


def _saved_stream(folder: Path) -> dict[str, Any]:
    file = folder / "stream.safetensors"
    gm = (
        GaussianMixture(3, random_state=0, n_jobs=1)
        .partial_fit(rows(500, 2))
        .partial_fit(rows(400, 2))
    )
    gm.save(file)
    return all_of(mixtura.load(file).partial_fit(rows(300, 2)), rows(300, 2))


def _bootstrapped(criterion: str) -> dict[str, Any]:
    X = rows(200, 2)
    first, second = (
        GaussianMixture(3, covariance_type=name, random_state=0, n_jobs=1).fit(X)
        for name in ("EEE", "VVV")
    )
    options = {"criterion": criterion, "n_replicates": 6, "n_jobs": 1}
    test = bootstrap_difference(first, second, X, **options)
    return {"test": test, "text": str(test)}


def _ratio(structure: str) -> dict[str, Any]:
    options = {"covariance_type": structure, "n_replicates": 9, "level": None, "n_jobs": 1}
    test = bootstrap_ratio_test(rows(150, 2), 1, **options)
    return {"test": test, "text": str(test)}


def _combined(weight: Array | None = None) -> dict[str, Any]:
    X = rows(400, 2)
    gm = GaussianMixture(5, random_state=0, n_jobs=1).fit(X, sample_weight=weight)
    found = combine(gm, X, sample_weight=weight)
    names = ("n_clusters", "entropy", "merges", "combined_rows", "elbow")
    own = {name: getattr(found, name) for name in names}
    own |= {f"predict {k}": found.predict(X, k) for k in (5, 3, 2)}
    return own | {
        "proba": found.predict_proba(X, 3),
        "text": str(found),
        "members": found.members(2),
    }


def values() -> Iterator[Case]:
    for structure, dtype in itertools.product(STRUCTURES, DTYPES):
        core = structure in ("VVV", "EEV")
        yield case_of(f"value {structure} {dtype}", _value, structure, dtype, core=core)


def _value(structure: str, dtype: str) -> dict[str, Any]:
    X = rows(500, 4, dtype=dtype)
    gm = GaussianMixture(
        3, covariance_type=structure, init_params="kmeans", random_state=0, n_jobs=1
    )
    mixture = gm.fit(X).mixture_
    drawn, labels = mixture.sample(50, random_state=0)
    found = {
        "marginal": distribution(mixture.marginal([2, 0])),
        "condition": distribution(mixture.condition([1], X[0, 1:2])),
        "permuted": distribution(mixture.permuted([2, 0, 1])),
        "drawn": drawn,
        "drawn labels": labels,
        "covariance_matrices": mixture.covariance_matrices(),
        "text": str(mixture),
    }
    asked = ("log_density", "log_joint", "responsibilities", "labels")
    return found | {name: getattr(mixture, name)(X, n_jobs=1) for name in asked}
