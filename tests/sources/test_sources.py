"""Rows in files and batches give what the same rows give as an array; what is wrong in them is named."""

import errno
import gc
import itertools
import os
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import forked
import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, SourceError, _core
from mixtura.covariance import STRUCTURES
from mixtura.em import Monitor, expectation_maximisation
from mixtura.rows import ArrayBlocks, Rows
from mixtura.selection import bootstrap_difference, bootstrap_ratio_test, combine
from mixtura.sources import Source
from mixtura.sources import source as source_module
from mixtura.sources.memory import n_bytes
from mixtura.starts import STARTS
from mixtura.support.prefetch import Prefetched
from mixtura.testing.conformance import (
    BlocksConformance,
    assert_same_statistics,
    m_step_tolerance,
)
from mixtura.testing.problems import likeliest, random_mixture, random_rows

pa = pytest.importorskip("pyarrow")
import pyarrow.csv  # noqa: E402
import pyarrow.feather  # noqa: E402
import pyarrow.fs  # noqa: E402
import pyarrow.parquet  # noqa: E402, F401


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts of 1,001 rows: small data then have several, the last one uneven."""
    monkeypatch.setattr(source_module, "rows_of_a_part", lambda _: 1_001)


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    yield
    if readers():  # a source that is garbage may hold one
        gc.collect()
    assert not readers()


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "mixtura reader"]


def names_of(X):
    return [f"x{j}" for j in range(X.shape[1])]


def table_of(X, weight=None, names=None):
    columns = dict(zip(names or names_of(X), X.T, strict=True))
    return pa.table(columns if weight is None else {**columns, "w": weight})


def write_parquet(table, path):
    pa.parquet.write_table(table, path, row_group_size=300)


def write_stream(table, path):
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=400)


WRITERS = {
    "parquet": write_parquet,
    "feather": lambda table, path: pa.feather.write_feather(table, path, chunksize=400),
    "arrow": write_stream,
    "csv": pa.csv.write_csv,
}


def write_folder(folder, X, weight=None, extension="parquet", n_files=20, n_empty=0):
    """Files of uneven sizes, one of them of a single row."""
    folder.mkdir(exist_ok=True)
    cuts = [0, 1, *(np.linspace(0, 1, n_files)[1:-1] ** 2 * len(X)).astype(int) + 2, len(X)]
    for number, (a, b) in enumerate(itertools.pairwise(cuts)):
        part = None if weight is None else weight[a:b]
        WRITERS[extension](table_of(X[a:b], part), str(folder / f"{number:02d}.{extension}"))
    return folder


def batches_of(X, weight=None, size=777):
    def make():
        for first in range(0, len(X), size):
            rows = slice(first, first + size)
            yield X[rows] if weight is None else (X[rows], weight[rows])

    return make


def problem(n_rows=6_000, covariance_type="full"):
    rng = np.random.default_rng(5)
    mixture = random_mixture(3, 4, covariance_type, rng)
    X = random_rows(mixture, n_rows, rng)
    return mixture, X, rng.integers(0, 3, n_rows).astype(float)


class SourceConformance(BlocksConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folders = (tmp_path / str(number) for number in itertools.count())

    def source(self, X, weight) -> Source:
        raise NotImplementedError

    def blocks(self, X, sample_weight):
        blocks = self.source(X, sample_weight).blocks(2)
        assert blocks.shape == X.shape
        assert len(blocks.parts) == -(-len(X) // 1_001)
        return blocks


class TestBatches(SourceConformance):
    def source(self, X, weight):
        return mixtura.from_batches(batches_of(X, weight))


class TestBatchesReadAgain(SourceConformance):
    def source(self, X, weight):
        return mixtura.from_batches(batches_of(X, weight), max_memory=0)


class TestListOfBatches(SourceConformance):
    def source(self, X, weight):
        return mixtura.from_batches(list(batches_of(X, weight, 2_500)()), max_memory="150kB")


class FilesConformance(SourceConformance):
    extension = "parquet"
    max_memory: int | str | None = None

    def source(self, X, weight):
        folder = write_folder(next(self.folders), X, weight, self.extension)
        name = None if weight is None else "w"
        return mixtura.scan(folder, weight=name, max_memory=self.max_memory)


class TestParquet(FilesConformance):
    pass


class TestParquetReadAgain(FilesConformance):
    max_memory = 0


class TestParquetKeptInPart(FilesConformance):
    max_memory = "200 kB"


class TestFeatherReadAgain(FilesConformance):
    extension = "feather"
    max_memory = "200 kB"


class TestArrowStream(FilesConformance):
    extension = "arrow"
    max_memory = 0


class TestCsv(FilesConformance):
    extension = "csv"
    max_memory = "200 kB"


# The same rows everywhere


def everywhere(X, weight, folder):
    name = None if weight is None else "w"
    np.save(folder / "rows.npy", X)
    yield "memory map", np.load(folder / "rows.npy", mmap_mode="r"), weight
    yield "npy", mixtura.scan(folder / "rows.npy"), weight
    parquet = write_folder(folder / "parquet", X, weight)
    for max_memory in (None, "200 kB", 0):
        yield "parquet", mixtura.scan(parquet, weight=name, max_memory=max_memory), None
        yield "batches", mixtura.from_batches(batches_of(X, weight), max_memory=max_memory), None


# Weights enter the sums, and these are one code for all letters of a form.
FORMS = ["full", "tied", "diag", "spherical"]
LETTERS = [name for name in STRUCTURES if name not in FORMS]
SAME_SUMS = [
    *itertools.product(FORMS, [False, True]),
    *(
        pytest.param(*case, marks=pytest.mark.nightly)
        for case in itertools.product(LETTERS, [True, False])
    ),
]


@pytest.mark.parametrize(("covariance_type", "weighted"), SAME_SUMS)
def test_the_same_statistics_and_fits(covariance_type, weighted, tmp_path):
    mixture, X, weight = problem(covariance_type=covariance_type)
    weight = weight if weighted else None
    start = {
        "weights_init": mixture.weights,
        "means_init": mixture.means + 0.1,
        "precisions_init": mixture.precisions,
    }
    model = GaussianMixture(3, covariance_type=covariance_type, tol=0, max_iter=5, **start)
    theirs = ArrayBlocks(Rows(X, weight)).accumulate(mixture)
    fitted = _fit(model, X, weight)
    rtol = max(1e-9, m_step_tolerance(mixture))
    for name, source, own in everywhere(X, weight, tmp_path):
        blocks = source.blocks(2) if isinstance(source, Source) else ArrayBlocks(Rows(source, own))
        assert_same_statistics(blocks.accumulate(mixture), theirs)
        ours = _fit(model, source, own)
        for field in ("weights_", "means_", "covariances_"):
            one, other = getattr(ours, field), getattr(fitted, field)
            assert_allclose(one, other, rtol=rtol, atol=rtol, err_msg=name)


def _fit(model, X, weight):
    with pytest.warns(ConvergenceWarning):
        return clone(model).fit(X, sample_weight=weight)


@pytest.mark.parametrize("kind", ["auto", *STARTS])
def test_every_start_begins_where_it_does_on_the_array(kind, tmp_path):
    _, X, weight = problem()
    folder = write_folder(tmp_path / "rows", X, weight)
    model = GaussianMixture(3, init_params=kind, random_state=3, max_iter=0)
    theirs = model.fit(X, sample_weight=weight).means_
    ours = model.fit(mixtura.scan(folder, weight="w", max_memory="200kB")).means_
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_labels_may_start_a_source():
    _, X, _ = problem()
    labels = np.arange(len(X)) % 3
    model = GaussianMixture(3, init_params=labels, tol=1e-3)
    ours = model.fit(mixtura.from_batches(batches_of(X))).means_
    assert_allclose(ours, model.fit(X).means_, rtol=1e-9, atol=1e-9)


def test_a_callable_start_needs_an_array():
    _, X, _ = problem()
    model = GaussianMixture(3, init_params=lambda X, k, _: np.arange(len(X)) % k)
    with pytest.raises(ValueError, match="callable gets all rows as an array"):
        model.fit(mixtura.from_batches(batches_of(X)))


def test_memory_changes_no_bit_and_neither_do_batches(tmp_path):
    _, X, _ = problem()
    folder = write_folder(tmp_path / "rows", X)
    sources = [
        *(mixtura.scan(folder, max_memory=size) for size in (None, "200kB", "150kB", 0)),
        *(mixtura.from_batches(batches_of(X, size=size)) for size in (1, 500, 10_000)),
    ]
    fits = [GaussianMixture(3, random_state=0, tol=1e-3).fit(source) for source in sources]
    for fit in fits[1:]:
        assert_array_equal(fit.covariances_, fits[0].covariances_)


def test_scores_and_predictions(tmp_path):
    _, X, weight = problem()
    source = mixtura.scan(
        write_folder(tmp_path / "rows", X, weight), weight="w", max_memory="200kB"
    )
    model = GaussianMixture(3, random_state=0, tol=1e-3).fit(source)
    array = GaussianMixture(3, random_state=0, tol=1e-3).fit(X, sample_weight=weight)
    for name in ("score", "bic", "aic", "icl"):
        theirs = getattr(array, name)(X, sample_weight=weight)
        assert_allclose(getattr(model, name)(source), theirs, rtol=1e-9)
    for name in ("predict", "predict_proba", "score_samples"):
        parts = list(getattr(model, name)(source))
        assert len(parts) == 6
        assert_allclose(np.concatenate(parts), getattr(array, name)(X), rtol=1e-7, atol=1e-9)
    assert_array_equal(np.concatenate(list(model.fit_predict(source))), array.predict(X))


def test_a_source_that_is_only_scored_is_read_once():
    _, X, _ = problem()
    made = []

    def make():
        made.append(1)
        return batches_of(X)()

    source = mixtura.from_batches(make, max_memory=0)
    model = GaussianMixture(3, random_state=0, tol=1e-3).fit(X)
    for call in (model.score, lambda source: list(model.predict(source))):
        made.clear()
        call(source)
        assert len(made) <= 2  # with the look at its first batch


def test_search_takes_a_source(tmp_path):
    _, X, weight = problem(2_000)
    source = mixtura.scan(write_folder(tmp_path / "rows", X, weight), weight="w", max_memory=0)
    settings = {"n_components": [1, 2, 3], "covariance_type": ["EEE", "VVI"], "random_state": 0}
    ours = GaussianMixtureSearch(**settings).fit(source)
    theirs = GaussianMixtureSearch(**settings).fit(X, sample_weight=weight)
    assert ours.best_params_ == theirs.best_params_
    assert_allclose(ours.results_["bic"], theirs.results_["bic"], rtol=1e-9)
    assert_array_equal(np.concatenate(list(ours.predict(source))), theirs.predict(X))


@pytest.mark.parametrize("weighted", [False, True])
def test_combine_takes_a_source(weighted, tmp_path):
    _, X, weight = problem()
    weight = weight if weighted else None
    model = GaussianMixture(4, init_params="k-means++", random_state=0, tol=1e-2)
    for kind, source, own in everywhere(X, weight, tmp_path):
        model.fit(source, sample_weight=own)
        ours = combine(model, source, own)
        theirs = combine(model.mixture_, X, weight)
        assert ours.merges == theirs.merges, kind
        assert_allclose(ours.entropy, theirs.entropy, rtol=1e-9, atol=1e-6)
        assert_allclose(ours.combined_rows, theirs.combined_rows, rtol=1e-9)
        assert combine(model.mixture_, source, own).merges == theirs.merges
    other = mixtura.from_batches(batches_of(X[:, :-1]))
    for one in (model, model.mixture_):
        with pytest.raises(ValueError, match=f"has {X.shape[1] - 1} features, but"):
            combine(one, other)


def test_a_bootstrap_needs_an_array():
    _, X, _ = problem()
    model = GaussianMixture(2, init_params="k-means++", random_state=0, tol=1e-2).fit(X)
    source = mixtura.from_batches(batches_of(X))
    with pytest.raises(
        TypeError, match=r"bootstrap_difference .* in memory: read the rows of from"
    ):
        bootstrap_difference(model, model, source)
    with pytest.raises(
        TypeError, match=r"bootstrap_ratio_test .* in memory: read the rows of from"
    ):
        bootstrap_ratio_test(source, 1)


def test_a_search_resumes_on_the_same_files_only(tmp_path):
    _, X, weight = problem(2_000)
    folder = write_folder(tmp_path / "rows", X, weight)
    state = tmp_path / "state.safetensors"
    search = GaussianMixtureSearch(
        [1, 2], covariance_type=["EEE"], random_state=0, checkpoint=state, resume=True
    )
    first = search.fit(mixtura.scan(folder)).results_["bic"]
    assert_array_equal(search.fit(mixtura.scan(folder, max_memory=0)).results_["bic"], first)
    X[1_500, 2] += 1.0
    write_folder(folder, X, weight)
    with pytest.raises(ValueError, match="other rows"):
        search.fit(mixtura.scan(folder))


def test_what_is_hopeless_in_the_columns_is_said():
    _, X, _ = problem()
    X = np.column_stack([X, X[:, 0], np.full(len(X), 7.0), X[:, 1] + X[:, 2]])
    said = []
    for rows in (mixtura.from_batches(batches_of(X)), X):
        with pytest.warns(mixtura.DataWarning) as caught:
            GaussianMixture(1, max_iter=0).fit(rows)
        said.append([str(one.message) for one in caught])
    assert said[0] == said[1]
    assert "columns 0 and 4 are equal" in said[0][0]


def test_a_column_that_changes_in_the_last_row_is_not_constant():
    _, X, _ = problem()
    X[:, 1] = 0.0
    X[-1, 1] = 1.0
    with pytest.warns(mixtura.DataWarning, match="reg_covar") as said:
        GaussianMixture(1, reg_covar=1e-3).fit(mixtura.from_batches(batches_of(X)))
    assert not any("constant" in str(one.message) for one in said)


def test_progress_is_told_by_rows():
    _, X, _ = problem()
    source = mixtura.from_batches(batches_of(X))
    done = []
    source.on_rows = done.append
    GaussianMixture(2, init_params="k-means++", max_iter=3, tol=1e9, random_state=0).fit(source)
    passes = np.split(done, np.flatnonzero(np.diff(done) < 0) + 1)
    assert len(passes) > 3
    for one in (passes[0], *passes[-3:]):
        assert_array_equal(one, [1_001, 2_002, 3_003, 4_004, 5_005, 6_000])


def test_verbose_tells_the_rows_of_a_long_pass(monkeypatch, capsys):
    """At most a line each ten seconds: none where passes are short, one a part where there is no patience."""
    _, X, _ = problem()
    source = mixtura.from_batches(batches_of(X), max_memory=0)
    params = {"init_params": "k-means++", "max_iter": 3, "tol": 1e-9, "random_state": 0}
    quiet = GaussianMixture(2, **params)
    model = GaussianMixture(2, verbose=1, verbose_interval=2, **params)
    with pytest.warns(ConvergenceWarning):
        model.fit(source)
    lines = ["Initialization 0", "  Iteration 2", "Initialization 0 did not converge."]
    assert capsys.readouterr().out.splitlines() == lines
    monkeypatch.setattr("mixtura.fitting.printer._PATIENCE", 0.0)
    source = mixtura.from_batches(batches_of(X), max_memory=0)
    with pytest.warns(ConvergenceWarning):
        loud = model.fit(source)
    found = capsys.readouterr().out.splitlines()
    assert found[:2] == ["1,001 rows read", "2,002 rows read"]
    assert "1,001 of 6,000 rows" in found[: found.index(lines[0])]
    for number in (2, 3):
        one_pass = [
            f"  Iteration {number}: {n:,} of 6,000 rows" for n in range(1_001, 6_000, 1_001)
        ]
        first = found.index(one_pass[0])
        assert found[first : first + 5] == one_pass
    assert [line for line in found if "rows" not in line] == lines
    assert source.on_rows is None
    with pytest.warns(ConvergenceWarning):
        quiet.fit(source)
    assert capsys.readouterr().out == ""
    assert_array_equal(quiet.covariances_, loud.covariances_)


def test_verbose_leaves_the_users_own_progress_alone(monkeypatch, capsys):
    monkeypatch.setattr("mixtura.fitting.printer._PATIENCE", 0.0)
    _, X, _ = problem()
    source = mixtura.from_batches(batches_of(X))
    done = []
    source.on_rows = own = done.append
    GaussianMixture(2, verbose=1, random_state=0, tol=1).fit(source)
    assert source.on_rows is own
    assert max(done) == 6_000
    assert "rows" not in capsys.readouterr().out
    del source.on_rows
    X[5_999, 0] = np.nan
    with pytest.raises(SourceError):
        GaussianMixture(2, verbose=1).fit(source := mixtura.from_batches(batches_of(X)))
    assert "5,005 rows read" in capsys.readouterr().out
    assert source.on_rows is None


def test_progress_of_predictions_is_told_by_rows(folder):
    source = mixtura.scan(folder)
    assert source.n_rows is None
    model = GaussianMixture(2, random_state=0, tol=1).fit(source)
    for keep in ([], ["w"]):
        done = []
        source.on_rows = done.append
        assert sum(len(rows) for rows, _ in source.tables(keep)) == source.n_rows == done[-1]
        assert done == sorted(set(done))
        assert len(done) > 1
    assert sum(map(len, model.predict(source))) == source.n_rows


# Names and types


def test_feature_names_are_learned_and_checked(tmp_path):
    _, X, _ = problem()
    write_parquet(table_of(X, names=list("abcd")), tmp_path / "rows.parquet")
    path = tmp_path / "rows.parquet"
    params = {"init_params": "k-means++", "random_state": 0, "tol": 1e-2}
    model = GaussianMixture(2, **params).fit(mixtura.scan(path, ["c", "a"]))
    assert model.feature_names_in_.tolist() == ["c", "a"]
    array = GaussianMixture(2, **params).fit(X[:, [2, 0]])
    assert_allclose(model.means_, array.means_, rtol=1e-9)
    for wrong in (["a", "c"], ["c", "b"]):
        with pytest.raises(ValueError, match=r"fitted with 'c', 'a'"):
            model.predict(mixtura.scan(path, wrong))
    # Where nobody has named columns, those that were fitted are meant.
    assert model.score(mixtura.scan(path)) == model.score(mixtura.scan(path, ["c", "a"]))
    write_parquet(table_of(X, names=list("abde")), tmp_path / "other.parquet")
    with pytest.raises(SourceError, match=r"other\.parquet has no column 'c'"):
        model.score(mixtura.scan(tmp_path / "other.parquet"))
    with pytest.raises(ValueError, match="3 features, but"):
        array.predict(mixtura.from_batches(batches_of(X[:, :3])))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.score(mixtura.from_batches(batches_of(X[:, [2, 0]])))
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        array.score(mixtura.scan(path, ["c", "a"]))
    named = mixtura.from_batches(batches_of(X[:, [2, 0]]), feature_names=["c", "a"])
    assert_allclose(model.score(named), array.score(X[:, [2, 0]]), rtol=1e-9)


TYPES = {
    "float32": ([pa.float32(), pa.float32()], np.float32),
    "half": ([pa.float16(), pa.float32()], np.float32),
    "mixed": ([pa.float32(), pa.float64()], np.float64),
    "integers": ([pa.int8(), pa.uint32()], np.float64),
    "booleans": ([pa.bool_(), pa.int64()], np.float64),
    "decimals": ([pa.decimal128(12, 2), pa.float32()], np.float64),
    "dictionary": ([pa.dictionary(pa.int8(), pa.int32()), pa.int32()], np.float64),
}


def column_of(kind, values):
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.int32()).dictionary_encode()
    if pa.types.is_float16(kind):  # to which Arrow did not always cast
        return pa.array(values.astype(np.float16))
    return pa.array(values.tolist(), pa.int32()).cast(kind)


@pytest.mark.parametrize("types", TYPES)
def test_types_of_columns(types, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (3_000, 2))
    kinds, dtype = TYPES[types]
    columns = {f"x{j}": column_of(kind, X[:, j]) for j, kind in enumerate(kinds)}
    write_parquet(pa.table({**columns, "name": ["a"] * 3_000}), tmp_path / "rows.parquet")
    source = mixtura.scan(tmp_path / "rows.parquet")
    assert source.feature_names == ("x0", "x1")
    assert source.dtype == dtype
    assert_array_equal(np.concatenate([part.rows.X for part in source.parts()]), X)


def test_float32_files_give_the_bits_of_float32_batches(tmp_path):
    _, X, _ = problem()
    X = X.astype(np.float32)
    files = mixtura.scan(write_folder(tmp_path / "rows", X))
    fits = [
        GaussianMixture(3, random_state=0, tol=1e-3).fit(source)
        for source in (files, mixtura.from_batches(batches_of(X)))
    ]
    assert fits[0].means_.dtype == np.float32
    assert_array_equal(fits[0].covariances_, fits[1].covariances_)


def test_an_index_of_pandas_is_no_feature(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": np.arange(10.0)}, index=np.arange(10)[::-1])
    frame.to_parquet(tmp_path / "rows.parquet")
    assert mixtura.scan(tmp_path / "rows.parquet").feature_names == ("x",)


# Where files are


def test_folders_patterns_lists_and_uris(tmp_path):
    _, X, _ = problem(400)
    (tmp_path / "year=2023").mkdir()
    (tmp_path / "year=2024" / "deep").mkdir(parents=True)
    (tmp_path / "_temporary").mkdir()
    paths = [
        tmp_path / "year=2023" / "a.parquet",
        tmp_path / "year=2024" / "b.parquet",
        tmp_path / "year=2024" / "deep" / "c.parquet",
    ]
    for part, path in zip(np.array_split(X, 3), paths, strict=True):
        write_parquet(table_of(part), path)
    for hidden in (tmp_path / ".hidden.parquet", tmp_path / "_temporary" / "d.parquet"):
        hidden.write_text("not a file of rows")
    (tmp_path / "README.txt").write_text("about these rows")

    def rows(path, **options):
        return np.concatenate([part.rows.X for part in mixtura.scan(path, **options).parts()])

    assert_array_equal(rows(tmp_path), X)
    assert_array_equal(rows(str(tmp_path) + "/"), X)
    assert_array_equal(rows(tmp_path / "year=*" / "*.parquet"), X[:267])
    assert_array_equal(rows(f"{tmp_path}/**/*.parquet"), X)
    assert_array_equal(rows(paths), X)
    assert_array_equal(rows(f"file://{tmp_path}"), X)
    inside = pa.fs.SubTreeFileSystem(str(tmp_path), pa.fs.LocalFileSystem())
    assert_array_equal(rows("year=2023/a.parquet", filesystem=inside), rows(paths[0]))
    with_year = rows(tmp_path, columns=["x1", "year"])
    assert_array_equal(with_year[:, 0], X[:, 1])
    assert_array_equal(np.unique(with_year[:, 1]), [2023, 2024])


def test_paths_may_be_relative(tmp_path, monkeypatch):
    _, X, _ = problem(400)
    write_folder(tmp_path / "rows", X, n_files=3)
    monkeypatch.chdir(tmp_path)
    for path in ("rows", "./rows", "rows/*.parquet", "*/*.parquet", "r*", f"../{tmp_path.name}/*s"):
        assert_array_equal(np.concatenate([part.rows.X for part in mixtura.scan(path).parts()]), X)


def test_csv_with_other_delimiters_and_quotes(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b'\xef\xbb\xbf"a b";c;d\n1,5;2;3\n4,5;5;6\n')
    with pytest.raises(
        SourceError,
        match=r"line 2: .*'a b' in row 0 is '1,5'.*decimal comma",
    ):
        mixtura.scan(tmp_path / "rows.csv", columns=["a b"])
    source = mixtura.scan(tmp_path / "rows.csv")
    assert source.feature_names == ("c", "d")
    assert_array_equal(next(source.parts()).rows.X, [[2, 3], [5, 6]])


# Lists as features


def lists_of(X, kind):
    values = pa.array(X.ravel())
    if kind == "fixed":
        return pa.FixedSizeListArray.from_arrays(values, X.shape[1])
    offsets = pa.array(np.arange(len(X) + 1) * X.shape[1], type=pa.int32())
    if kind == "large":
        return pa.LargeListArray.from_arrays(offsets.cast(pa.int64()), values)
    return pa.ListArray.from_arrays(offsets, values)


@pytest.mark.parametrize("kind", ["fixed", "variable", "large"])
@pytest.mark.parametrize("extension", ["parquet", "arrow"])
def test_lists_are_features(kind, extension, tmp_path):
    _, X, weight = problem(1_000)
    X = X.astype(np.float32)
    for number, rows in enumerate((slice(0, 300), slice(300, 300), slice(300, 1_000))):
        table = pa.table({"e": lists_of(X[rows], kind), "w": weight[rows], "id": weight[rows]})
        write = write_parquet if extension == "parquet" else pa.feather.write_feather
        write(table, tmp_path / f"{number}.{extension}")
    for max_memory in ("1GB", 0):
        source = mixtura.scan(tmp_path, columns=["e"], weight="w", max_memory=max_memory)
        assert source.feature_names == tuple(f"e_{j}" for j in range(X.shape[1]))
        assert source.dtype == np.float32
        for _ in range(2):
            parts = [(part.rows.X.copy(), part.rows.weight.copy()) for part in source.parts()]
            assert_array_equal(np.concatenate([rows for rows, _ in parts]), X)
            assert_array_equal(np.concatenate([weights for _, weights in parts]), weight)
    beside = mixtura.scan(tmp_path, columns=["id", "e"])
    assert beside.feature_names[:2] == ("id", "e_0")
    found = np.concatenate([part.rows.X for part in beside.parts()])
    assert_array_equal(found, np.column_stack([weight, X]))


LISTS_THAT_ARE_WRONG = {
    "ragged": ([[1, 2], [3, 4, 5]], r"'e' in row 1 is a list of 3 values, where the first has 2"),
    "null inside": ([[1, 2], [3, None]], r"'e' in row 1 is a list in which value 1 is missing"),
    "null": ([[1, 2], None], r"'e' in row 1 is missing"),
    "null at first": ([None, [1, 2]], r"'e' in row 0 is missing"),
    "NaN": ([[1, 2], [3, 4], [float("nan"), 5]], r"'e_0' in row 2 is NaN"),
    "empty": ([[], []], r"lists without values in column 'e'"),
    "nothing": ([], r"has no rows, and its lists in column 'e' no length"),
}


@pytest.mark.parametrize("wrong", LISTS_THAT_ARE_WRONG)
def test_lists_that_are_no_features_are_named(wrong, tmp_path):
    values, message = LISTS_THAT_ARE_WRONG[wrong]
    path = tmp_path / "rows.parquet"
    write_parquet(pa.table({"e": pa.array(values, type=pa.list_(pa.float64()))}), path)
    with pytest.raises(SourceError, match=message) as error:
        list(mixtura.scan(path, columns=["e"]).parts())
    assert str(path) in str(error.value)


@pytest.mark.parametrize("kind", ["fixed", "variable", "large"])
def test_a_fit_finds_its_lists_by_their_features(kind, tmp_path):
    _, X, weight = problem(1_000)
    write_parquet(pa.table({"id": weight, "e": lists_of(X, kind)}), tmp_path / "rows.parquet")
    texts = [f"row {i}" for i in range(len(X))]
    beside = {"z": weight, "e": lists_of(X, kind), "id": weight, "name": texts}
    write_parquet(pa.table(beside), tmp_path / "beside.parquet")
    write_parquet(pa.table({"name": texts, "e": lists_of(X, kind)}), tmp_path / "only.parquet")
    params = {"init_params": "k-means++", "random_state": 0, "tol": 1e-2}
    for columns, names in ((["e"], ("rows", "beside", "only")), (["id", "e"], ("rows", "beside"))):
        fitted = mixtura.scan(tmp_path / "rows.parquet", columns, max_memory=0)
        model = GaussianMixture(2, **params).fit(fitted)
        assert model.feature_names_in_[-4:].tolist() == ["e_0", "e_1", "e_2", "e_3"]
        matrix = np.column_stack([weight, X])[:, -model.n_features_in_ :]
        array = GaussianMixture(2, **params).fit(matrix)
        for name in names:
            rows = mixtura.scan(tmp_path / f"{name}.parquet")
            assert_allclose(model.score(rows), array.score(matrix), rtol=1e-9)
            assert_allclose(model.bic(rows), array.bic(matrix), rtol=1e-9)
            assert_array_equal(np.concatenate(list(model.predict(rows))), array.predict(matrix))
            model.predict_to(tmp_path / "labels.pq", rows, keep=["e"])
            written = pa.parquet.read_table(tmp_path / "labels.pq")
            assert_array_equal(written["label"].to_numpy(), array.predict(matrix))
            assert written["e"].to_pylist() == X.tolist()
    named = mixtura.scan(tmp_path / "beside.parquet", [*model.feature_names_in_[1:], "id"])
    assert named.feature_names == ("e_0", "e_1", "e_2", "e_3", "id")
    assert mixtura.scan(tmp_path / "only.parquet").feature_names == named.feature_names[:4]


def test_features_that_no_lists_have_are_said(tmp_path):
    path = tmp_path / "rows.parquet"
    lists = lists_of(np.ones((3, 2)), "fixed")
    write_parquet(pa.table({"e": lists, "e_0": [7.0] * 3, "g": lists, "g_0": [7.0] * 3}), path)
    for columns in (["g_0", "g_1", "g_2"], ["g_0", "e_1"], ["g_1"]):
        with pytest.raises(SourceError, match=r"no column '.*_1'|where 3 features are asked for"):
            mixtura.scan(path, columns)
    # A column of the name comes first, where there are such ones for all.
    write_parquet(pa.table({"e": lists, "e_0": [7.0] * 3, "e_1": [8.0] * 3}), path)
    assert next(mixtura.scan(path, ["e_0", "e_1"]).parts()).rows.X.tolist() == [[7.0, 8.0]] * 3
    write_parquet(pa.table({"e": lists, "e_0": [7.0] * 3}), path)
    assert next(mixtura.scan(path, ["e_0", "e_1"]).parts()).rows.X.tolist() == [[1.0, 1.0]] * 3
    write_parquet(pa.table({"g": lists}), path)
    with pytest.raises(SourceError, match=r"lists of 2 values in column 'g', where 1 feature"):
        mixtura.scan(path, ["g_0"])


def test_lists_must_be_lists_in_every_file(tmp_path):
    one, other, third = (tmp_path / f"{number}.parquet" for number in range(3))
    write_parquet(pa.table({"e": lists_of(np.ones((3, 2)), "fixed"), "x": np.ones(3)}), one)
    write_parquet(pa.table({"e": np.ones(3), "x": np.ones(3)}), other)
    write_parquet(pa.table({"e": lists_of(np.ones((3, 4)), "fixed"), "x": np.ones(3)}), third)
    with pytest.raises(
        SourceError, match=r"1\.parquet holds double in column 'e', where .*0\.parquet"
    ):
        list(mixtura.scan([one, other], columns=["e"]).parts())
    with pytest.raises(SourceError, match=r"2\.parquet: .* row 0 is a list of 4 values"):
        list(mixtura.scan([one, third], columns=["e"]).parts())
    with pytest.raises(SourceError, match=r"a weight is a number"):
        mixtura.scan(one, columns=["x"], weight="e")
    assert mixtura.scan(one).feature_names == ("x",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros(5), r"shape \(5,\); .* save X\.reshape\(-1, 1\)"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (np.array([["a"]]), "not real numbers"),
    ],
)
def test_an_array_that_is_no_table_of_numbers_is_refused(rows, message, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(SourceError, match=message):
        mixtura.scan(tmp_path / "rows.npy")


@pytest.mark.parametrize("order", ["C", "F"])
def test_parts_that_are_not_kept_come_into_the_same_memory(order):
    _, X, weight = problem(4_500)
    source = mixtura.from_batches(batches_of(X, weight), max_memory=0)
    source._order = order
    source.opened()
    places, first = set(), 0
    for part in source.parts():
        assert_array_equal(part.rows.X, X[first : first + len(part.rows)])
        assert_array_equal(part.rows.weight, weight[first : first + len(part.rows)])
        places.add(part.rows.X.__array_interface__["data"][0])
        first += len(part.rows)
    assert first == len(X)
    assert len(places) <= 2  # the last has fewer rows


# What can be wrong


def fails(source, *words):
    """The error of a fit; it names all the words, and nothing is kept of a reading that failed."""
    with pytest.raises(SourceError) as caught:
        GaussianMixture(2, random_state=0).fit(source)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert source._opened is None


def spoil(folder, number, change):
    path = folder / f"{number:02d}.parquet"
    table = pa.parquet.read_table(path)
    write_parquet(change(table), path)
    return str(path)


def with_column(name, make):
    def change(table):
        return table.set_column(table.column_names.index(name), name, make(table[name].to_pylist()))

    return change


@pytest.fixture
def folder(tmp_path):
    _, X, weight = problem()
    return write_folder(tmp_path / "rows", X, weight)


def test_a_truncated_file(folder):
    path = folder / "16.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    fails(mixtura.scan(folder), str(path), "cannot read")


def test_a_file_that_is_damaged_within(folder):
    path = folder / "16.parquet"
    content = bytearray(path.read_bytes())
    content[4:2_000] = bytes(1_996)
    path.write_bytes(content)
    fails(mixtura.scan(folder), str(path), "cannot read")


@pytest.mark.parametrize("extension", ["feather", "arrow", "csv"])
def test_a_truncated_file_of_another_format(extension, tmp_path):
    _, X, _ = problem()
    folder = write_folder(tmp_path / "rows", X, extension=extension)
    path = folder / f"16.{extension}"
    path.write_bytes(path.read_bytes()[:-13])
    if extension == "csv":
        path.write_bytes(path.read_bytes().rpartition(b",")[0])
    words = ["cells instead of 4", ", line "] if extension == "csv" else ["cannot read"]
    fails(mixtura.scan(folder), str(path), *words)


def test_text_in_one_of_the_files(folder):
    path = spoil(folder, 16, with_column("x2", lambda values: pa.array(list(map(str, values)))))
    fails(mixtura.scan(folder), path, "'x2'", "string, not numbers")


def test_text_in_one_row_of_a_csv_file(tmp_path):
    _, X, _ = problem()
    folder = write_folder(tmp_path / "rows", X, extension="csv")
    lines = (folder / "16.csv").read_text().splitlines()
    lines[42] = "1,2,oops,4"
    (folder / "16.csv").write_text("\n".join(lines))
    fails(mixtura.scan(folder), str(folder / "16.csv"), "'x2'", "row 41", "'oops'")
    lines[42] = "1,2,,4"
    (folder / "16.csv").write_text("\n".join(lines))
    fails(mixtura.scan(folder), str(folder / "16.csv"), "'x2'", "row 41", "missing")


@pytest.mark.parametrize(
    ("value", "word"), [(None, "missing"), (np.nan, "NaN"), (-np.inf, "infinite")]
)
def test_one_bad_value_in_one_of_the_files(folder, value, word):
    def change(values):
        return pa.array([*values[:123], value, *values[124:]], pa.float64())

    path = spoil(folder, 16, with_column("x2", change))
    fails(mixtura.scan(folder), path, "'x2'", "row 123", word)
    spoil(folder, 16, with_column("x2", lambda values: pa.nulls(len(values), pa.float64())))
    fails(mixtura.scan(folder), path, "'x2'", "row 0", "missing")


@pytest.mark.parametrize("value", [None, np.nan, np.inf, -1.0])
def test_one_bad_weight_in_one_of_the_files(folder, value):
    def change(values):
        return pa.array([*values[:123], value, *values[124:]], pa.float64())

    path = spoil(folder, 16, with_column("w", change))
    fails(mixtura.scan(folder, weight="w"), path, "'w'", "row 123")


def test_weights_that_are_all_zero(tmp_path):
    _, X, weight = problem(500)
    write_folder(tmp_path / "rows", X, 0 * weight)
    fails(
        mixtura.scan(tmp_path / "rows", weight="w"), str(tmp_path / "rows"), "every weight is zero"
    )


def test_a_file_with_another_schema(folder):
    path = spoil(folder, 16, lambda table: table.drop_columns(["x1"]))
    fails(mixtura.scan(folder), path, "no column 'x1'", "00.parquet")
    spoil(folder, 16, lambda table: table.append_column("x1", table["x0"]))
    path = spoil(folder, 17, lambda table: table.append_column("other", table["x0"]))
    fails(mixtura.scan(folder), path, "'other'", "columns=")
    GaussianMixture(2, random_state=0, tol=1).fit(mixtura.scan(folder, columns=["x0", "x1"]))


def test_a_file_in_higher_precision_than_the_first(tmp_path):
    _, X, _ = problem()
    folder = write_folder(tmp_path / "rows", X.astype(np.float32))
    path = spoil(folder, 16, with_column("x2", lambda values: pa.array(values, pa.float64())))
    fails(mixtura.scan(folder), path, "'x2'", "double", "float")


def test_files_that_lose_rows_between_readings(folder):
    source = mixtura.scan(folder, max_memory="200kB")
    source.blocks()
    spoil(folder, 16, lambda table: table.slice(5))
    with pytest.raises(SourceError, match="another number of rows"):
        GaussianMixture(2, random_state=0).fit(source)


def test_no_files(tmp_path):
    (tmp_path / "empty").mkdir()
    for path in ("empty", "none", "none/*.parquet", "empty/*.parquet", "none.parquet"):
        with pytest.raises(SourceError, match="there is no file") as caught:
            mixtura.scan(tmp_path / path)
        assert str(tmp_path / path) in str(caught.value)
    (tmp_path / "empty" / "notes.md").write_text("nothing")
    with pytest.raises(SourceError, match=r"no file of rows: they end in \.parquet"):
        mixtura.scan(tmp_path / "empty")
    write_parquet(pa.table({"x": [1.0]}), tmp_path / "empty" / "a.parquet")
    (tmp_path / "empty" / "b.csv").write_text("x\n1\n")
    with pytest.raises(SourceError, match="several formats"):
        mixtura.scan(tmp_path / "empty")


def test_files_without_rows(tmp_path):
    (tmp_path / "rows").mkdir()
    for number in range(3):
        path = tmp_path / "rows" / f"{number:02d}.parquet"
        write_parquet(pa.table({"x": pa.array([], pa.float64())}), path)
    fails(mixtura.scan(tmp_path / "rows"), str(tmp_path / "rows"), "no rows")
    _, X, _ = problem(500)
    write_parquet(pa.table({"x": X[:, 0]}), tmp_path / "rows" / "01.parquet")
    assert mixtura.scan(tmp_path / "rows", max_memory=0).blocks().shape == (500, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"columns": ["x0", "X1"]}, "no column 'X1'. Did you mean 'x1'"),
        ({"weight": "weight"}, "no column 'weight'"),
        ({"columns": ["text"]}, "string, not numbers, in column 'text'"),
        ({"columns": "x0"}, "columns must be a list of names, got 'x0'"),
        ({"columns": 3}, "columns must be a list of names, got 3"),
        ({"columns": []}, "columns must be a list"),
        ({"columns": [0, 1]}, "columns must be a list of names, but holds 0"),
        ({"columns": ["x0", "x1", "x0"]}, "columns names 'x0' twice"),
        ({"columns": ["x0", "x1"], "weight": "x1"}, "weight='x1' is among the columns"),
        ({"weight": np.ones(100)}, "weight must be the name of a column, got ndarray"),
        ({"path": []}, "path is an empty list"),
        ({"path": 3}, "path must be a file, .* got int"),
        ({"path": ["rows.parquet", 3]}, "path must be a list of files, but holds 3"),
        ({"path": None}, "got NoneType"),
        ({"format": "parket"}, "Did you mean 'parquet'"),
        ({"max_memory": "lots"}, "max_memory must be"),
        ({"max_memory": -1}, "max_memory must be"),
    ],
)
def test_arguments_of_scan(arguments, words, tmp_path):
    _, X, _ = problem(100)
    table = table_of(X).append_column("text", pa.array(["a"] * 100))
    write_parquet(table, tmp_path / "rows.parquet")
    with pytest.raises((TypeError, ValueError), match=words) as error:
        mixtura.scan(**{"path": tmp_path / "rows.parquet"} | arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(12, 12), ("200MB", 200_000_000), ("1.5 GiB", 3 << 29), ("7", 7), ("2k", 2_000), ("0B", 0)],
)
def test_sizes(text, expected):
    assert n_bytes(text) == expected


def test_a_quarter_of_the_memory_by_default():
    assert 1 << 20 < n_bytes(None) < 1 << 50


def test_iterators_that_can_be_run_through_only_once():
    _, X, _ = problem()
    with pytest.raises(TypeError, match="generator, which can be run through only once"):
        mixtura.from_batches(batches_of(X)())
    with pytest.raises(TypeError, match="must be a function"):
        mixtura.from_batches(7)
    one = batches_of(X)()
    fails(mixtura.from_batches(lambda: one), "the same generator twice")


def test_iterators_that_end_early_the_second_time():
    _, X, _ = problem()
    calls = itertools.count()

    def make():
        yield from itertools.islice(batches_of(X)(), None if next(calls) < 2 else 3)

    source = mixtura.from_batches(make, max_memory=0)
    with pytest.raises(SourceError, match="another number of rows than at its first reading"):
        GaussianMixture(2, random_state=0).fit(source)


@pytest.mark.parametrize(
    ("third", "words"),
    [
        (np.zeros((5, 3)), ("batch 3 has 3 columns", "batch 0 has 4")),
        (np.zeros(5), ("batch 3 must be an array", "(5,)")),
        (np.array([["a"] * 4]), ("batch 3 must be an array of real numbers",)),
        ((np.zeros((5, 4)), np.ones(5)), ("batch 3 has weights", "batch 0 has none")),
        ((np.zeros((5, 4)), np.ones(4)), ("batch 3 has 5 rows", "weights of shape (4,)")),
        (np.array([[0, 1, np.nan, 2], [0, 1, 2, 3]]), ("column 2 in row 0 of batch 3", "NaN")),
    ],
)
def test_batches_that_change(third, words):
    _, X, _ = problem()

    def make():
        for number, batch in enumerate(batches_of(X)()):
            yield third if number == 3 else batch

    fails(mixtura.from_batches(make), *words)


def test_batches_in_higher_precision_than_the_first():
    _, X, _ = problem()
    fails(mixtura.from_batches([X.astype(np.float32), X]), "batch 1 holds float64", "float32")


def test_batches_that_are_none():
    fails(mixtura.from_batches(list), "no batches")
    fails(mixtura.from_batches([np.empty((0, 3))]), "no rows")
    fails(mixtura.from_batches(lambda: 7), "must return an iterator", "int")
    fails(mixtura.from_batches([np.ones((3, 2))], feature_names=["a"]), "feature_names")


def test_what_the_users_iterator_raises_is_raised():
    def make():
        yield np.ones((5, 2))
        raise ConnectionError("the line is dead")

    with pytest.raises(ConnectionError, match="the line is dead"):
        GaussianMixture(1).fit(mixtura.from_batches(make))


def test_sample_weight_belongs_to_arrays(folder):
    source = mixtura.scan(folder)
    model = GaussianMixture(2, random_state=0, tol=1).fit(source)
    for call in (model.fit, model.score, model.bic, GaussianMixtureSearch([1]).fit):
        with pytest.raises(ValueError, match=r"scan\(path, weight='column'\)"):
            call(source, sample_weight=np.ones(6_000))


def test_a_source_is_no_array(folder):
    with pytest.raises(TypeError, match="A source of rows is no array"):
        np.asarray(mixtura.scan(folder))


def test_a_failed_fit_leaves_the_earlier_one(folder):
    model = GaussianMixture(2, random_state=0, tol=1).fit(mixtura.scan(folder))
    means = model.means_.copy()
    (folder / "16.parquet").write_bytes(b"")
    with pytest.raises(SourceError):
        model.fit(mixtura.scan(folder))
    assert_array_equal(model.means_, means)


def test_interrupted_between_parts(folder):
    source = mixtura.scan(folder, max_memory=0)

    def interrupt(n_done):
        raise KeyboardInterrupt

    source.on_rows = interrupt
    with pytest.raises(KeyboardInterrupt):
        GaussianMixture(2, random_state=0).fit(source)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("extension", WRITERS)
def test_no_file_stays_open(extension, tmp_path):
    _, X, _ = problem()
    folder = write_folder(tmp_path / "rows", X, extension=extension)
    source = mixtura.scan(folder, max_memory="200kB")
    model = GaussianMixture(2, random_state=0, tol=1).fit(source)
    iterator = model.predict(source)
    next(iterator)
    del iterator
    (folder / f"16.{extension}").write_bytes(b"x1,x2\n")
    with pytest.raises(SourceError):
        model.score(source)
    gc.collect()
    opened = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [path for path in opened if folder in path.parents]


# Predictions into a file


def test_predict_to(folder, tmp_path):
    source = mixtura.scan(folder, columns=["x0", "x1"], max_memory=0)
    params = {"init_params": "k-means++", "random_state": 0, "tol": 1e-2}  # every digit the same
    model = GaussianMixture(2, **params).fit(source)
    out = tmp_path / "out.parquet"
    what = ["label", "certainty", "log_density", "responsibilities"]
    model.predict_to(out, source, what, keep=["w", "x1"])
    found = pa.parquet.read_table(out)
    assert found.column_names == [
        *("w", "x1", "label", "certainty", "log_density"),
        *("responsibility_0", "responsibility_1"),
    ]
    whole = pa.parquet.read_table(folder)
    X = np.column_stack([whole["x0"], whole["x1"]])
    array = GaussianMixture(2, **params).fit(X)
    shares = array.predict_proba(X)
    assert_array_equal(found["w"], whole["w"])
    assert_array_equal(found["x1"], whole["x1"])
    assert_array_equal(found["label"], array.predict(X))
    assert_allclose(found["certainty"], shares.max(axis=1), atol=1e-9)
    assert_allclose(found["responsibility_1"], shares[:, 1], atol=1e-9)
    assert_allclose(found["log_density"], array.score_samples(X), rtol=1e-9)
    array.predict_to(out, X, "log_density")
    assert_allclose(pa.parquet.read_table(out)["log_density"], array.score_samples(X))


@pytest.mark.parametrize("extension", WRITERS)
def test_predict_to_keeps_columns_of_any_type(extension, tmp_path):
    _, X, _ = problem(2_500)
    names = pa.array([f"row {i}" if i % 7 else None for i in range(len(X))])
    (tmp_path / "day=7").mkdir()
    path = tmp_path / "day=7" / f"rows.{extension}"
    WRITERS[extension](table_of(X).append_column("name", names), str(path))
    source = mixtura.scan(tmp_path, max_memory=0)
    model = GaussianMixture(2, random_state=0, tol=1).fit(source)
    model.predict_to(tmp_path / "out.parquet", source, keep=["name", "day", "x3"])
    found = pa.parquet.read_table(tmp_path / "out.parquet")
    assert [name or None for name in found["name"].to_pylist()] == names.to_pylist()
    assert_allclose(found["x3"], X[:, 3])
    assert set(found["day"].to_pylist()) == {7.0}
    assert_array_equal(found["label"], model.predict(table_of(X).to_pandas()))


def test_predict_to_arguments(folder, tmp_path):
    source = mixtura.scan(folder)
    model = GaussianMixture(2, random_state=0, tol=1).fit(source)
    out = tmp_path / "out.parquet"
    for arguments, words in (
        ({"what": "labels"}, "Did you mean 'label'"),
        ({"what": []}, "what is empty"),
        ({"keep": ["nothing"]}, "no column 'nothing' to keep"),
        ({"keep": "w"}, "keep must be a list"),
        ({"keep": ["label"]}, "the name of a column that is written"),
    ):
        with pytest.raises(ValueError, match=words):
            model.predict_to(out, source, **arguments)
    X = next(source.parts()).rows.X
    array = GaussianMixture(2, random_state=0, tol=1).fit(X)
    with pytest.raises(ValueError, match="an array has none"):
        array.predict_to(out, X, keep=["w"])
    with pytest.raises(ValueError, match="no columns to keep"):
        array.predict_to(out, mixtura.from_batches([X]), keep=["w"])
    with pytest.raises(FileNotFoundError, match="does not exist"):
        array.predict_to(tmp_path / "none" / "out.parquet", X)
    assert not out.exists()


def test_a_full_disk_leaves_nothing(folder, tmp_path, monkeypatch):
    source = mixtura.scan(folder)
    model = GaussianMixture(2, random_state=0, tol=1).fit(source)
    out = tmp_path / "new" / "out.parquet"
    out.parent.mkdir()
    write = pa.parquet.ParquetWriter.write_batch
    written = []

    def full(self, batch):
        written.append(batch)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, batch)

    monkeypatch.setattr(pa.parquet.ParquetWriter, "write_batch", full)
    with pytest.raises(OSError, match=r"out\.parquet: No space left") as caught:
        model.predict_to(out, source)
    assert caught.value.errno == errno.ENOSPC
    assert list(out.parent.iterdir()) == []
    out.write_bytes(b"an earlier file")
    written.clear()
    with pytest.raises(OSError, match="No space left"):
        model.predict_to(out, source)
    assert [path.read_bytes() for path in out.parent.iterdir()] == [b"an earlier file"]


LIMITED = """
import resource, signal, sys
import mixtura

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
rows = mixtura.scan(sys.argv[1])
model = mixtura.GaussianMixture(3, random_state=0, tol=1).fit(rows)
most = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    model.predict_to(sys.argv[2], rows, ["label", "responsibilities"])
except OSError as error:
    print(error.errno, error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("most", "earlier"),  # from the start, and with some rows written
    [
        (0, True),
        (20_000, False),
        pytest.param(0, False, marks=pytest.mark.nightly),
        pytest.param(20_000, True, marks=pytest.mark.nightly),
    ],
)
def test_predictions_that_the_system_cuts_short_leave_nothing(most, earlier, folder, tmp_path):
    """No stand-in: the file may not grow, so the writer really fails half way."""
    out = tmp_path / "new" / "out.parquet"
    out.parent.mkdir()
    if earlier:
        out.write_bytes(b"an earlier file")
    command = [sys.executable, "-c", LIMITED, str(folder), str(out), str(most)]
    done = forked.run(command, capture_output=True, text=True, check=True)
    number, _, message = done.stdout.strip().partition(" ")
    assert number == str(errno.EFBIG)
    assert f"cannot write {out}" in message
    assert "File too large" in message
    assert "\n" not in message
    found = [path.read_bytes() for path in out.parent.iterdir()]
    assert found == ([b"an earlier file"] if earlier else [])


def test_a_damaged_file_leaves_no_predictions(folder, tmp_path):
    names = [f"x{j}" for j in range(4)]
    model = GaussianMixture(2, random_state=0, tol=1).fit(mixtura.scan(folder, names))
    out = tmp_path / "new" / "out.parquet"
    out.parent.mkdir()
    path = spoil(folder, 16, with_column("x2", lambda values: pa.nulls(len(values), pa.float64())))
    for keep in ([], ["w"]):
        with pytest.raises(SourceError, match=path):
            model.predict_to(out, mixtura.scan(folder, names), keep=keep)
    assert list(out.parent.iterdir()) == []


# The reader's thread


def test_prefetched_items_come_in_order_and_errors_in_their_place():
    def items():
        yield from range(10)
        raise ValueError("the tenth")

    found = []
    with pytest.raises(ValueError, match="the tenth"), Prefetched(items()) as ready:
        found.extend(ready)
    assert found == list(range(10))


def test_prefetched_reads_little_ahead_and_closes_what_it_reads():
    made, closed = [], threading.Event()

    def items():
        try:
            for i in itertools.count():
                made.append(i)
                yield i
        finally:
            closed.set()

    with Prefetched(items()) as ready:
        assert next(ready) == 0
    assert closed.is_set()
    assert len(made) <= 5
    assert next(ready, None) is None


# Memory


MEASURED = """
import sys, numpy as np, mixtura
def peak():  # of this program; getrusage counts what forked it, too
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
import pyarrow.parquet, pyarrow.compute, sklearn.cluster, scipy.linalg
rows = mixtura.scan(sys.argv[1], max_memory=sys.argv[2])
start = np.random.default_rng(0).normal(size=(4, 16))
model = mixtura.GaussianMixture(4, covariance_type="diag", tol=0, max_iter=2, n_jobs=1, means_init=start,
                                weights_init=np.full(4, 0.25), precisions_init=np.ones((4, 16)))
import warnings
warnings.simplefilter("ignore")
before = peak()
model.fit(rows)
model.predict_to(sys.argv[3], rows)
print(peak() - before, rows.blocks().shape[0])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_memory_does_not_grow_with_the_rows(tmp_path):
    """What a fit takes beside the rows that it keeps is the same for four times the rows."""
    X = np.random.default_rng(0).standard_normal((131_072, 16), dtype=np.float32)
    pa.parquet.write_table(table_of(X), tmp_path / "rows.parquet")
    grown = {}
    for n_files, max_memory in ((4, "0"), (16, "0"), (16, "50MB")):
        folder = tmp_path / str(n_files)
        if not folder.exists():
            folder.mkdir()
            for number in range(n_files):
                shutil.copy(tmp_path / "rows.parquet", folder / f"{number:02d}.parquet")
        command = [sys.executable, "-c", MEASURED, folder, max_memory, tmp_path / "out.parquet"]
        done = forked.run(command, check=True, capture_output=True, text=True)
        grown[n_files, max_memory], n_rows = map(int, done.stdout.split())
        assert n_rows == n_files * 131_072
    # 100 MB of rows more; how much of what it decoded pyarrow keeps differs from run to run.
    most = grown[4, "0"] + 48_000_000
    assert grown[16, "0"] < most
    assert grown[16, "50MB"] < most + 50_000_000


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical", "VEV"])
@pytest.mark.parametrize("weighted", [False, True])
def test_kept_parts_are_read_by_the_core_with_the_same_bits(dtype, covariance_type, weighted):
    """Where all parts are in memory the loop does not come back to Python for each of them."""
    rng = np.random.default_rng(0)
    mixture = random_mixture(3, 4, covariance_type, rng)
    X = random_rows(mixture, 18 * 3_000 + 17, rng).astype(dtype)
    weight = rng.integers(0, 3, len(X)).astype(float) if weighted else None

    def batches():
        for first in range(0, len(X), 4_000):
            part = slice(first, first + 4_000)
            yield (X[part], weight[part]) if weighted else X[part]

    source = mixtura.from_batches(batches)
    assert len(source.opened().facts) > 3 * 16  # more than the core works on at a time
    found = []
    for listens in (False, True):
        source.on_rows = (lambda _: None) if listens else None
        blocks = source.blocks(2)
        assert isinstance(blocks.source(blocks.dtype), _core.StreamRows) == listens
        found.append(
            expectation_maximisation(mixture, blocks, likeliest(mixture), Monitor(0.0, 2))[1]
        )
    ours, theirs = found
    for name in ("counts", "firsts", "seconds"):
        assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert (ours.weight, ours.log_likelihood) == (theirs.weight, theirs.log_likelihood)
