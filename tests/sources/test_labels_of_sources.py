"""Known labels, masks and confidences beside rows of files, batches and Dask collections."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import mixtura
from mixtura import GaussianMixture, SourceError

N = 240
NAMES = ["in_0", "in_1", "in_noise"]


def rows():
    """Two clusters that overlap, and stray rows."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, N)
    X = rng.normal(size=(N, 2)) + 2.5 * truth[:, np.newaxis]
    X[:20] = rng.uniform(-8, 10, (20, 2))
    return X, truth


def mask():
    """Some are known to be of one component, some of the first rows to be noise or of the first."""
    _, truth = rows()
    known = np.ones((N, 3), dtype=bool)
    known[30::3] = truth[30::3, np.newaxis] == np.arange(3)
    known[:5] = [True, False, True]
    return known


KNOWN = {"mask": mask(), "confidences": np.where(mask(), 1.0, 0.1)}


def sources(known, folder):
    """The same rows and confidences from everywhere."""
    da = pytest.importorskip("dask.array")
    X, _ = rows()
    frame = pd.DataFrame(X, columns=["a", "b"]).join(pd.DataFrame(known, columns=NAMES))
    frame.to_parquet(folder / "x.parquet")
    frame.astype(float).to_csv(folder / "x.csv", index=False)
    batches = mixtura.from_batches(
        lambda: ((X[i : i + 100], None, known[i : i + 100]) for i in range(0, N, 100))
    )
    return {
        "parquet": (mixtura.scan(folder / "x.parquet", label=NAMES), None),
        "parquet, again and again": (
            mixtura.scan(folder / "x.parquet", ["a", "b"], label=tuple(NAMES), max_memory=0),
            None,
        ),
        "csv": (mixtura.scan(folder / "x.csv", label=NAMES), None),
        "batches": (batches, None),
        "dask": (da.from_array(X, chunks=(70, 2)), da.from_array(known, chunks=(70, 3))),
    }


@pytest.mark.filterwarnings("ignore:X has feature names")  # which the array has not
@pytest.mark.parametrize("what", KNOWN)
def test_every_source_gives_the_fit_of_the_array(what, tmp_path):
    X, _ = rows()
    known = KNOWN[what]
    ours = GaussianMixture(2, noise=True, random_state=0).fit(X, labels=known)
    free = GaussianMixture(2, noise=True, random_state=0).fit(X)
    assert abs(ours.lower_bound_ - free.lower_bound_) > 1e-3
    for name, (source, labels) in sources(known, tmp_path).items():
        model = GaussianMixture(2, noise=True, random_state=0).fit(source, labels=labels)
        assert_allclose(model.lower_bound_, ours.lower_bound_, rtol=1e-9, err_msg=name)
        assert_allclose(model.means_, ours.means_, rtol=1e-4, err_msg=name)
        score = ours.score(source, labels=labels)
        assert_allclose(score, ours.score(X, labels=known), rtol=1e-12, err_msg=name)


def test_columns_of_labels_are_no_features_and_are_dropped_with_missing_ones(tmp_path):
    X, _ = rows()
    frame = pd.DataFrame(X, columns=["a", "b"]).join(pd.DataFrame(KNOWN["mask"], columns=NAMES))
    frame = frame.astype({"in_0": float})
    frame.loc[7, "in_0"] = None
    frame.to_parquet(tmp_path / "x.parquet")
    source = mixtura.scan(tmp_path / "x.parquet", label=NAMES)
    assert source.feature_names == ("a", "b")
    with pytest.raises(SourceError, match="in_0"):
        GaussianMixture(2, noise=True).fit(source)
    rest = mixtura.scan(tmp_path / "x.parquet", label=NAMES, drop_missing=True)
    model = GaussianMixture(2, noise=True, random_state=0).fit(rest)
    others = np.arange(N) != 7
    ours = GaussianMixture(2, noise=True, random_state=0)
    ours.fit(X[others], labels=KNOWN["mask"][others])
    assert_allclose(model.lower_bound_, ours.lower_bound_, rtol=1e-9)


@pytest.mark.parametrize("place", ["parquet", "batches", "dask"])
def test_confidences_of_other_components_are_refused(place, tmp_path):
    source, labels = sources(KNOWN["mask"], tmp_path)[place]
    sentence = "a column for each component, that is 2, got 3"
    with pytest.raises(ValueError, match=sentence):
        GaussianMixture(2).fit(source, labels=labels)
    with pytest.raises(ValueError, match="one for noise, the last, that is 4, got 3"):
        GaussianMixture(3, noise=True).fit(source, labels=labels)
    with pytest.raises(ValueError, match="labels of a search are one number a row"):
        mixtura.GaussianMixtureSearch([1, 2], ["EII"]).fit(source, labels=labels)


def without_a_component(folder, row, values):
    known = np.where(KNOWN["mask"], 1.0, 0.1)
    known[row] = values
    return sources(known, folder)


@pytest.mark.parametrize("place", ["parquet", "csv", "batches", "dask"])
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0.0, 0.0, 0.0], "labels must leave one component at least to each row"),
        ([1.0, -0.5, 0.0], "labels as confidences must be numbers of 0 or more"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(place, values, sentence, tmp_path):
    source, labels = without_a_component(tmp_path, 150, values)[place]
    with pytest.raises(SourceError, match=re.escape(sentence)) as error:
        GaussianMixture(2, noise=True).fit(source, labels=labels)
    where = {"dask": "row 10 of partition 2", "batches": "batch 1: "}
    where |= {"parquet": "'in_0, in_1, in_noise' in row 150", "csv": "line 152"}
    assert where[place] in str(error.value)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"label": []}, TypeError, "label must be the name of a column, or a list"),
    ({"label": ["in_0", 1]}, TypeError, "label must be the name of a column, or a list"),
    ({"label": 3}, TypeError, "label must be the name of a column, or a list"),
    ({"label": ["in_0", "in_0"]}, ValueError, "label names 'in_0' twice"),
    ({"label": NAMES, "weight": "in_1"}, ValueError, "weight and label are both 'in_1'"),
    ({"label": NAMES, "columns": ["a", "in_1"]}, ValueError, "label='in_1' is among the columns"),
    ({"label": ["in_0", "im_1"]}, SourceError, "Did you mean 'in_1'"),
]


@pytest.mark.parametrize(("arguments", "error", "sentence"), WRONG)
def test_wrong_columns_have_a_sentence(arguments, error, sentence, tmp_path):
    sources(KNOWN["mask"], tmp_path)
    with pytest.raises(error, match=re.escape(sentence)):
        mixtura.scan(tmp_path / "x.parquet", **arguments)


def test_batches_have_labels_of_one_kind():
    X, truth = rows()
    kinds = [None, truth, KNOWN["mask"], KNOWN["mask"][:, :2]]
    for first in kinds:
        for second in kinds:
            batches = [(X, None, first), (X, None, second)]
            if first is second:
                continue
            with pytest.raises(SourceError, match="give all batches labels of one kind, or none"):
                GaussianMixture(2).fit(mixtura.from_batches(batches))
