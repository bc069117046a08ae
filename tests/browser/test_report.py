"""What a report holds, says and refuses; how it looks and answers: test_report_in_chromium.py."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import mixtura
from mixtura import BayesianGaussianMixture, GaussianMixture, GaussianMixtureSearch
from mixtura.browser import words as sentences
from mixtura.browser import writing
from mixtura.browser.rows import MOST_ROWS
from mixtura.datasets import load_faithful
from mixtura.drawing.directions import discriminants
from mixtura.errors import DataWarning, DegenerateComponentWarning
from mixtura.support import language

FAITHFUL = load_faithful().data
MOST_BYTES = 3_000_000


class Page(HTMLParser):
    """What a browser sees in a report before scripts run."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loads, self.scripts, self.words, self._in = [], [], [], [], None
        self.title, self.policy, self.languages = "", "", []
        self.feed(text)
        self.data = json.loads(self.scripts[0])
        self.said = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        self._in = tag
        self.tags.append(tag)
        self.loads += [of[key] for key in ("src", "href") if of.get(key)]
        if of.get("http-equiv") == "Content-Security-Policy":
            self.policy = of["content"]
        self.languages += [of["lang"]] if "lang" in of else []
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, _tag):
        self._in = None
        self.words.append(" ")

    def handle_data(self, data):
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in == "title":
            self.title += data
        elif self._in != "style":
            self.words.append(data)


@pytest.fixture
def page(tmp_path):
    def made(model, *rows, **options):
        path = tmp_path / "report.html"
        model.report(path, *rows, **options)
        assert path.stat().st_size < MOST_BYTES
        assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
        return Page(path.read_text(encoding="utf-8"))

    return made


@pytest.fixture(scope="module")
def faithful():
    return GaussianMixture(2, random_state=0).fit(FAITHFUL)


def dense(rows, n):
    """The responsibilities that a report tells, as a matrix."""
    matrix = np.zeros((len(rows["label"]), n))
    for i, largest in enumerate(rows["responsibilities"]):
        for k, share in largest:
            matrix[i, k] = share
    return matrix


# What it says


def test_it_has_the_words_of_summary_and_diagnosis(page, faithful):
    seen = page(faithful, FAITHFUL, title="Old Faithful")
    assert seen.title == "Old Faithful"
    summary, diagnosis = faithful.summary()._page(), faithful.diagnosis_._page()
    for words in (summary.title, *sum(summary.facts, ()), summary.note):
        assert words in seen.said
    for line in (*summary.table.lines, *diagnosis.table.lines):
        assert all(cell in seen.said for cell in line)
    assert "The fit warned of nothing." in seen.said


def test_it_says_what_the_fit_warned_of(page):
    X = np.random.default_rng(0).normal(size=(30, 3))
    with pytest.warns(DegenerateComponentWarning) as told:
        model = GaussianMixture(9, random_state=0).fit(X)
    seen = page(model, X)
    assert str(told[0].message) in seen.said
    assert "In doubt are component 0: " in seen.said


def test_warnings_are_those_of_the_columns_too_and_live_in_files(page, tmp_path):
    X = np.column_stack([FAITHFUL, np.ones(len(FAITHFUL))])
    with pytest.warns(DataWarning, match="constant") as told:
        model = GaussianMixture(2, random_state=0).fit(X)
    model.save(tmp_path / "model")
    loaded = mixtura.load(tmp_path / "model")
    (tmp_path / "model").unlink()
    for one in (model, loaded):
        assert str(told[0].message) in page(one, X).said


def test_a_sentence_that_names_components_goes_with_their_numbers():
    X = np.random.default_rng(0).normal(size=(30, 3))
    with pytest.warns(DegenerateComponentWarning):
        model = GaussianMixture(5, random_state=0).fit(X)
    assert model._warnings_of_fit
    other = model.mixture_.permuted([1, 0, 2, 3, 4])
    assert model.align_to(other)._warnings_of_fit == ()


def test_it_holds_the_model(page, faithful, tmp_path):
    seen = page(faithful, FAITHFUL)
    link = next(link for link in seen.loads if link.startswith("data:"))
    (tmp_path / "model").write_bytes(base64.b64decode(link.partition("base64,")[2]))
    loaded = mixtura.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(FAITHFUL), faithful.predict_proba(FAITHFUL))


def test_a_model_too_large_to_be_in_it_is_not(page):
    rng = np.random.default_rng(0)
    model = GaussianMixture.from_parameters([1.0], rng.normal(size=(1, 300)), np.eye(300)[None])
    seen = page(model, rng.normal(size=(20, 300)))
    assert not seen.loads
    assert "too large" in seen.said


# What is drawn


def test_rows_stand_where_they_are_with_their_responsibilities(page, faithful):
    rows = page(faithful, FAITHFUL).data["rows"]
    np.testing.assert_allclose(np.transpose(rows["values"]), FAITHFUL, atol=1e-3)
    np.testing.assert_array_equal(rows["label"], faithful.predict(FAITHFUL))
    np.testing.assert_allclose(dense(rows, 2), faithful.predict_proba(FAITHFUL), atol=1.1e-3)


def test_components_are_those_of_the_fit(page, faithful):
    drawn = page(faithful, FAITHFUL).data["components"]
    np.testing.assert_allclose([one["mean"] for one in drawn], faithful.means_, rtol=1e-3)
    covariances = [one["covariance"] for one in drawn]
    np.testing.assert_allclose(covariances, faithful.covariances_, rtol=1e-3)
    # Of a chi-square of two degrees of freedom.
    np.testing.assert_allclose(drawn[0]["radii"], np.sqrt([1.38629, 5.99146]), rtol=1e-3)


def test_histograms_are_of_weighted_rows_and_have_area_one(page, faithful):
    weight = np.linspace(0, 2, len(FAITHFUL))
    for j, curve in enumerate(page(faithful, FAITHFUL, sample_weight=weight).data["curves"]):
        heights, _ = np.histogram(FAITHFUL[:, j], curve["edges"], weights=weight)
        heights = heights / weight.sum() / np.diff(curve["edges"])
        np.testing.assert_allclose(curve["heights"], heights, rtol=2e-3)
        assert np.trapezoid(curve["sum"]["y"], curve["sum"]["x"]) == pytest.approx(1, abs=0.01)
        for k, one in enumerate(curve["components"]):
            area = np.trapezoid(one["y"], one["x"])
            assert area == pytest.approx(faithful.weights_[k], abs=0.01)


@pytest.mark.parametrize("n_rows", [MOST_ROWS, MOST_ROWS + 1, 200_000])
def test_of_many_rows_a_sample_is_drawn_the_same_every_time(page, faithful, n_rows):
    X = faithful.sample(n_rows)[0]
    seen, again = page(faithful, X), page(faithful, X)
    rows = seen.data["rows"]
    assert rows == again.data["rows"]
    assert len(set(rows["numbers"])) == len(rows["label"]) == min(n_rows, MOST_ROWS)
    said = f"3,000 of {n_rows:,} rows are drawn, a random sample"
    assert (said if n_rows > MOST_ROWS else "All 3,000 rows are drawn.") in seen.said
    np.testing.assert_allclose(np.transpose(rows["values"]), X[rows["numbers"]], atol=1e-2)


def test_rows_of_files_are_those_of_an_array(page, faithful, tmp_path_factory):
    X = faithful.sample(10_000)[0]
    folder = tmp_path_factory.mktemp("parts")
    for i, part in enumerate(np.array_split(X, 3)):
        pd.DataFrame(part, columns=["a", "b"]).to_parquet(folder / f"{i}.parquet")
    model = GaussianMixture(2, random_state=0).fit(pd.DataFrame(FAITHFUL, columns=["a", "b"]))
    frame = pd.DataFrame(X, columns=["a", "b"])
    files = page(model, mixtura.scan(folder)).data["rows"]
    assert files == page(model, frame).data["rows"]


def test_rows_of_dask_are_a_sample_without_numbers(page, faithful):
    dask = pytest.importorskip("dask.array")
    X = faithful.sample(10_000)[0]
    seen = page(faithful, dask.from_array(X, chunks=(3_000, 2)))
    assert len(seen.data["rows"]["label"]) == MOST_ROWS
    assert seen.data["rows"]["numbers"] is None
    with pytest.raises(ValueError, match="leave them out for Dask"):
        page(faithful, dask.from_array(X, chunks=(3_000, 2)), row_names=range(10_000))


def test_without_rows_the_components_alone_are_drawn(page, faithful):
    seen = page(faithful)
    assert seen.data["rows"] is None
    assert "No rows were given" in seen.said
    assert all(curve["heights"] is None for curve in seen.data["curves"])


def test_parameters_set_by_hand_have_a_report_too(page):
    model = GaussianMixture.from_parameters([0.3, 0.7], [[0.0], [3.0]], [[[1.0]], [[2.0]]])
    seen = page(model, [[0.1], [2.0]])
    assert "set by hand" in seen.said
    assert seen.data["first"] == [0]


def test_rows_are_called_by_their_names(page, faithful):
    frame = pd.DataFrame(FAITHFUL, index=[f"eruption {i}" for i in range(272)])
    assert page(faithful, frame).data["rows"]["names"][3] == "eruption 3"
    assert page(faithful, FAITHFUL).data["rows"]["names"] is None
    names = [*"ab"] * 136
    assert page(faithful, FAITHFUL, row_names=names).data["rows"]["names"] == names


def test_missing_values_stand_where_they_are_expected_and_are_marked(page):
    X, rng = FAITHFUL.copy(), np.random.default_rng(0)
    X[rng.random(X.shape) < 0.1] = np.nan
    model = GaussianMixture(2, missing="mar", random_state=0).fit(X)
    seen = page(model, X)
    rows = seen.data["rows"]
    np.testing.assert_allclose(np.transpose(rows["values"]), model.impute(X), atol=1e-3)
    assert rows["missing"] == [np.flatnonzero(np.isnan(column)).tolist() for column in X.T]
    assert "hollow" in seen.said


def test_noise_is_grey_and_called_so(page):
    X = np.vstack([FAITHFUL, [[9.0, 200.0], [-3.0, 10.0], [9.0, 10.0]]])
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    seen = page(model, X)
    labels = seen.data["rows"]["label"]
    np.testing.assert_array_equal(labels, model.predict(X))
    assert labels[-3:] == [-1, -1, -1]
    assert "Grey rows are noise" in seen.said


def test_t_components_have_wider_ellipses_and_their_degrees_of_freedom(page):
    model = GaussianMixture(2, distribution="t", df=3.0, random_state=0).fit(FAITHFUL)
    one = page(model, FAITHFUL).data["components"][0]
    assert one["df"] == "3"
    # The 95 % point of 2 F(2, 3) is 2 * 9.5521.
    assert one["radii"][1] == pytest.approx(np.sqrt(2 * 9.5521), rel=1e-3)


def test_rows_measured_with_errors_have_the_responsibilities_of_such_rows(page, faithful):
    error = np.full(FAITHFUL.shape, [1.0, 10.0])
    rows = page(faithful, FAITHFUL, error_std=error).data["rows"]
    expected = faithful.predict_proba(FAITHFUL, error_std=error)
    np.testing.assert_allclose(dense(rows, 2), expected, atol=1.1e-3)
    heavy = GaussianMixture(2, distribution="t", random_state=0).fit(FAITHFUL)
    with pytest.raises(ValueError, match="no closed form with distribution='t'"):
        page(heavy, FAITHFUL, error_std=error)


def test_digits_far_from_the_origin_are_kept(page):
    X = FAITHFUL + 1e9
    model = GaussianMixture(2, random_state=0).fit(X)
    values = np.transpose(page(model, X).data["rows"]["values"])
    np.testing.assert_allclose(values, X, rtol=0, atol=1e-3)


def test_values_too_far_out_are_told(page, faithful):
    X = np.vstack([FAITHFUL, [[1e6, 80.0]]])
    seen = page(faithful, X)
    assert seen.data["axes"][0]["note"] == "1 row too far out along x0 to be drawn."
    assert seen.data["axes"][0]["domain"][1] < 10


def test_values_that_no_difference_can_be_taken_of_are_drawn(page, faithful):
    X = np.vstack([FAITHFUL, [[1e305, 80.0], [-1e305, 1e305]]])
    rows = page(faithful, X).data["rows"]
    assert rows["values"][0][-2] == pytest.approx(1e300)
    far = page(GaussianMixture.from_parameters([1.0], [[0.0]], [[[1.0]]]), [[-1e305], [1e305]])
    assert far.data["rows"]["label"] == [0, 0]


# Many features


def test_of_many_features_the_page_says_which_can_be_drawn(page):
    X, _ = load_wine(return_X_y=True, as_frame=True)
    model = GaussianMixture(3, covariance_type="tied", random_state=0).fit(X)
    seen = page(model, X)
    assert "8 of 13 features can be drawn: those in which components overlap least" in seen.said
    assert [axis["name"] for axis in seen.data["axes"][8:]] == ["direction 1", "direction 2"]
    chosen = page(model, X, features=["proline", 1])
    assert [axis["name"] for axis in chosen.data["axes"]] == ["proline", "malic_acid"]
    assert chosen.data["first"] == [0, 1]
    with pytest.raises(ValueError, match="Did you mean 'proline'"):
        page(model, X, features=["prolin"])


def test_directions_are_linear_discriminants(page):
    X, y = load_iris(return_X_y=True)
    labels = np.eye(3)[y]
    weights, means = labels.mean(axis=0), np.array([X[y == k].mean(axis=0) for k in range(3)])
    within = sum(np.cov(X[y == k].T, bias=True) * weights[k] for k in range(3))
    model = GaussianMixture.from_parameters(weights, means, within, covariance_type="tied")
    ours = discriminants(model.mixture_, 2)
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(X, y).scalings_[:, :2].T
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(ours, theirs, strict=True)
    ]
    np.testing.assert_allclose(np.abs(cosines), 1, atol=1e-9)
    np.testing.assert_allclose(ours @ within @ ours.T, np.eye(2), atol=1e-9)
    component = page(model, X).data["components"][0]
    np.testing.assert_allclose(component["covariance"][4][4], 1, rtol=1e-3)
    np.testing.assert_allclose(component["mean"][4:], ours @ means[0], rtol=1e-3)


def test_directions_are_none_where_nothing_parts_the_components():
    one = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [np.eye(2)]).mixture_
    assert discriminants(one, 2).shape == (0, 2)
    flat = np.diag([1.0, 1.0, 0.0])
    singular = mixtura.Mixture(
        one.structure, np.ones(2) / 2, np.eye(3)[:2], np.array([flat] * 2), np.array([flat] * 2)
    )
    assert discriminants(singular, 2).shape == (0, 3)


# A search, a prior


def test_a_search_has_the_criterion_of_its_models(page):
    search = GaussianMixtureSearch(range(1, 5), ["EEE", "VVV"], random_state=0).fit(FAITHFUL)
    seen = page(search, FAITHFUL)
    points, best = seen.data["comparison"]["points"], seen.data["comparison"]["best"]
    told = {(one["k"], one["name"]): one["value"] for one in points}
    results = search.results_
    keys = zip(results["n_components"].tolist(), results["covariance_type"], strict=True)
    assert told == pytest.approx(dict(zip(keys, results["bic"], strict=True)), abs=1e-3)
    assert points[best]["k"] == search.best_params_["n_components"]
    assert f"{search.best_score_:,.2f}" in seen.said
    np.testing.assert_array_equal(seen.data["rows"]["label"], search.predict(FAITHFUL))


def test_a_search_says_what_it_warned_of(page):
    search = GaussianMixtureSearch([2], ["VVV"], max_iter=1, tol=0.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="did not converge in 1") as told:
        search.fit(np.random.default_rng(0).normal(size=(400, 2)))
    assert str(told[-1].message) in page(search).said


def test_components_that_a_prior_left_empty_are_not_drawn(page):
    model = BayesianGaussianMixture(6, random_state=0).fit(FAITHFUL)
    seen = page(model, FAITHFUL)
    numbers = [one["number"] for one in seen.data["components"]]
    assert len(numbers) == model.n_components_ < 6
    assert set(seen.data["rows"]["label"]) <= set(numbers)
    np.testing.assert_allclose(
        dense(seen.data["rows"], 6), model.predict_proba(FAITHFUL), atol=1.1e-3
    )
    assert f"{6 - len(numbers)} components hold no rows" in seen.said


# One file, safe and small


def test_nothing_is_loaded_and_no_other_script_may_run(page, faithful):
    seen = page(faithful, FAITHFUL)
    assert not [link for link in seen.loads if not link.startswith("data:")]
    assert "default-src 'none'" in seen.policy
    _, *scripts = seen.scripts
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    ]
    assert re.findall(r"'sha256-([^']*)'", seen.policy) == digests


@pytest.mark.parametrize(
    "name",
    [
        "</script><script>alert(1)</script>",
        "</script ><script >alert(1)</script >",
        "<img src=x onerror=alert(1)>",
        "\"'&amp;<!--",
        "Größe 花 عرض",
        "\u2028",
    ],
)
def test_names_stay_names(page, name):
    frame = pd.DataFrame(FAITHFUL, columns=[name, "b"], index=[name] * 272)
    model = GaussianMixture(2, random_state=0).fit(frame)
    seen, plain = (
        page(model, frame, title=name),
        page(GaussianMixture(2, random_state=0).fit(FAITHFUL)),
    )
    assert seen.data["axes"][0]["name"] == name
    assert seen.data["rows"]["names"][0] == name
    assert set(seen.tags) == set(plain.tags)
    assert len(seen.scripts) == len(plain.scripts) == 4
    assert "<" not in seen.scripts[0]  # nor the beginning of a tag, which browsers end elsewhere


def test_half_a_letter_is_no_error(page, faithful):
    assert page(faithful, FAITHFUL, title="\ud800", row_names=["\ud800"] * 272).title == "?"


def test_it_is_small_whatever_there_is(page):
    rng = np.random.default_rng(0)
    k, d, n = 90, 120, 1_000_000
    names = ["a name that is long, and longer, " * 20 + str(j) for j in range(d)]
    means, covariances = rng.normal(size=(k, d)) * 9, np.array([np.eye(d)] * k)
    model = GaussianMixture.from_parameters(np.full(k, 1 / k), means, covariances)
    model.feature_names_in_, model.n_features_in_ = np.array(names, dtype=object), d
    X = np.broadcast_to(rng.normal(size=(1, d)).astype(np.float32), (n, d))
    frame = pd.DataFrame(X, columns=names, copy=False)
    seen = page(model, frame, row_names=["x" * 200] * n)  # the fixture looks at the size
    assert len(seen.data["components"]) == 60
    assert "60 of 90 components are shown" in seen.said


# The language


def texts(value):
    """All texts among what the script draws."""
    if isinstance(value, str):
        return [value]
    values = value.values() if isinstance(value, dict) else value
    return [text for one in values for text in texts(one)] if isinstance(value, list | dict) else []


def phrases():
    """What the page says beside the summary and the diagnosis, between its numbers and names, in English."""
    extract = pytest.importorskip("babel.messages.extract")
    marks = importlib.import_module("mixtura.testing.catalogue").MARKS
    found = extract.extract_from_file("python", sentences.__file__, keywords=marks)
    messages = [message for _, message, *_ in found] + [*sentences.PAGE.values()]
    each = [[one] if isinstance(one, str) else one for one in messages]
    pieces = {piece.strip(" .,:;") for one in each for text in one for piece in PLACE.split(text)}
    return {piece for piece in pieces if re.search("[a-z]{3}", piece)} - SAME_IN_SPANISH


LICENCES = (Path(sentences.__file__).parent / "vendor" / "LICENSES.txt").read_text(encoding="utf-8")
PLACE = re.compile(r"\{\w*\}")
SAME_IN_SPANISH = {"Horizontal", "Vertical"}
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def counts(name):
    """Sentences that count what few fits have one of, and few have more of."""
    language.use(name)
    of = (sentences.without_rows, sentences.models_outside, sentences.models_without)
    said = [sentence(n) for sentence in of for n in (1, 2)]
    language.use(language.ENGLISH)
    return said


@pytest.fixture
def kinds(faithful):
    """Models, and rows of them, of which a report has something else to say each."""
    rng = np.random.default_rng(0)
    wine, _ = load_wine(return_X_y=True)
    few, holed = rng.normal(size=(30, 3)), FAITHFUL.copy()
    holed[rng.random(holed.shape) < 0.1] = np.nan
    holed = np.vstack([holed, [[9.0, 200.0], [-3.0, 10.0], [9.0, 10.0]]])
    far = np.vstack([faithful.sample(MOST_ROWS)[0], [[1e6, 80.0]], [[1e6, 81.0]]])
    search = GaussianMixtureSearch(range(1, 9), ["EII", "VVV"], random_state=0)
    mclust = GaussianMixtureSearch([2], ["EII"], sign="mclust", random_state=0).fit(few)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        doubtful = GaussianMixture(9, random_state=0).fit(few)
        search.fit(few)
    gaps = GaussianMixture(2, noise=True, missing="mar", random_state=0).fit(holed)
    by_hand = GaussianMixture.from_parameters
    return {
        "directions": (GaussianMixture(3, covariance_type="tied", random_state=0).fit(wine), wine),
        "sample": (faithful, far),
        "one row out": (faithful, far[:-1]),
        "doubtful": (doubtful, few),
        "search": (search, few),
        "search for the highest, one direction": (mclust, few),
        "noise": (gaps, holed),
        "t": (GaussianMixture(2, distribution="t", random_state=0).fit(FAITHFUL), FAITHFUL),
        "bayesian": (BayesianGaussianMixture(9, random_state=0).fit(FAITHFUL), FAITHFUL),
        "by hand": (by_hand([1.0], [[0.0]], [[[1.0]]]), [[0.1], [2.0]]),
        "no rows": (faithful,),
        "large": (by_hand([1.0], rng.normal(size=(1, 300)), np.eye(300)[None]),),
        "components": (
            by_hand(
                np.full(90, 1 / 90),
                rng.normal(size=(90, 2)),
                np.ones((90, 2)),
                covariance_type="diag",
            ),
        ),
    }


def test_it_speaks_spanish_where_the_shell_does(page, kinds):
    asked, told = phrases(), set()
    for kind, (model, *rows) in kinds.items():
        english = page(model, *rows)
        language.use(language.SPANISH)
        spanish = page(model, *rows)
        language.use(language.ENGLISH)
        assert english.languages == ["en"]
        assert spanish.languages == ["es", *("en" for _ in model._warnings_of_fit)]
        all_texts = {}
        for name, seen in (("en", english), ("es", spanish)):
            said = seen.said
            for kept in (LICENCES, *model._warnings_of_fit):  # in English, whatever the language
                assert " ".join(kept.split()) in said
                said = said.replace(" ".join(kept.split()), "")
            all_texts[name] = "\n".join([said, *texts(seen.data), *counts(name)])
        found = {
            name: {one for one in asked if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", said)}
            for name, said in all_texts.items()
        }
        assert found["es"] == set(), kind
        told |= found["en"]
        assert NUMBER.findall(spanish.said) == NUMBER.findall(english.said)
        for drawn in ("curves", "comparison", "features", "first"):
            assert spanish.data[drawn] == english.data[drawn]
    # These pages say all that there is: what is not translated would be found.
    assert asked - told == set()


# What is refused


def test_no_file_is_half_written(faithful, tmp_path, monkeypatch):
    path = tmp_path / "fit.html"
    path.write_text("older")

    class Interrupted(Exception):
        pass

    def fails(*_):
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(writing, "page_of", fails)
        with pytest.raises(Interrupted):
            faithful.report(path, FAITHFUL)
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.write_bytes", fails)
        with pytest.raises(Interrupted):
            faithful.report(path, FAITHFUL)
    assert path.read_text() == "older"
    assert [file.name for file in tmp_path.iterdir()] == ["fit.html"]


def test_a_place_that_cannot_be_written_is_refused_before_rows_are_read(faithful, tmp_path):
    def unread(_):
        raise AssertionError("rows were read")

    rows = mixtura.from_batches(lambda: map(unread, [0]))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        faithful.report(tmp_path / "nowhere" / "fit.html", rows)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        faithful.report(tmp_path, rows)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"row_names": ["a"]}, "row_names belong to rows"),
        ({"sample_weight": [1.0]}, "sample_weight belong to rows"),
        ({"error_std": [[1.0]]}, "error_covariances and error_std belong to rows"),
    ],
)
def test_what_belongs_to_rows_needs_rows(page, faithful, options, said):
    with pytest.raises(ValueError, match=said):
        page(faithful, **options)


def test_wrong_rows_are_refused(page, faithful):
    with pytest.raises(ValueError, match="row_names has 2 names, but X has 272 rows"):
        page(faithful, FAITHFUL, row_names=["a", "b"])
    with pytest.raises(ValueError, match="1 features"):
        page(faithful, FAITHFUL[:, :1])
    with pytest.raises(ValueError, match="NaN"):
        page(faithful, np.where(FAITHFUL > 90, np.nan, FAITHFUL))


def test_no_fit_has_no_report(page):
    for model in (GaussianMixture(2), BayesianGaussianMixture(2), GaussianMixtureSearch()):
        with pytest.raises(NotFittedError):
            page(model)


def test_the_licences_of_what_is_embedded_are_in_every_copy(page, faithful):
    said = page(faithful).said
    for words in ("Copyright 2020-2025 Observable, Inc.", "Mike Bostock", "Mikola Lysenko"):
        assert words in said
