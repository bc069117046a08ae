"""A saved model comes back bit for bit; what is no model is refused, and no code of a file runs."""

from __future__ import annotations

import errno
import json
import os
import pickle
import re
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_limits

import forked
import mixtura
from mixtura import GaussianMixture, ModelFileError
from mixtura.covariance import ONE_FEATURE
from mixtura.covariance import STRUCTURES as STRUCTURES_BY_NAME
from mixtura.testing.problems import random_mixture, random_rows
from products import product

STRUCTURES = ["full", "tied", "diag", "spherical"]
METHODS = ["predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl"]
ATTRIBUTES = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]

each_structure = pytest.mark.parametrize("covariance_type", STRUCTURES)


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    with threadpool_limits(1):
        yield


def rows_of(covariance_type="full", dtype=np.float64):
    rng = np.random.default_rng(0)
    return random_rows(random_mixture(3, 3, covariance_type, rng), 300, rng).astype(dtype)


def fitted(covariance_type="full", dtype=np.float64, **params):
    model = GaussianMixture(3, covariance_type=covariance_type, random_state=0, **params)
    return model.fit(rows_of(covariance_type, dtype))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    fitted().save(path)
    return path


def round_trip(model, path):
    model.save(path)
    return mixtura.load(path)


def assert_same_bits(ours, theirs):
    assert_array_equal(ours, theirs)
    assert np.asarray(ours).dtype == np.asarray(theirs).dtype


# There and back


@each_structure
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loaded_model_gives_the_same_bits(covariance_type, dtype, path):
    X = rows_of(covariance_type, dtype)
    model = fitted(covariance_type, dtype)
    loaded = round_trip(model, path)
    for method in METHODS:
        assert_same_bits(getattr(loaded, method)(X), getattr(model, method)(X))
    for name in ATTRIBUTES:
        assert_same_bits(getattr(loaded, name), getattr(model, name))
    for name in ["weights", "means", "covariances", "precisions_cholesky", "precisions"]:
        assert_same_bits(getattr(loaded.mixture_, name), getattr(model.mixture_, name))
    ours, theirs = (kind.sample(20, random_state=3) for kind in (loaded, model))
    assert_same_bits(ours[0], theirs[0])
    assert_same_bits(ours[1], theirs[1])


@each_structure
def test_float64_rows_meet_the_float64_mixture_of_a_float32_fit(covariance_type, path):
    X = rows_of(covariance_type)
    model = fitted(covariance_type, np.float32)
    assert_same_bits(round_trip(model, path).score_samples(X), model.score_samples(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@each_structure
def test_factors_that_no_covariance_gives_back_are_kept(covariance_type, path):
    """Given precisions are factored themselves: their inverse gives other last digits."""
    mixture = random_mixture(3, 3, covariance_type, np.random.default_rng(7))
    model = fitted(covariance_type, precisions_init=np.array(mixture.precisions), max_iter=0)
    loaded = round_trip(model, path)
    assert_same_bits(loaded.precisions_cholesky_, model.precisions_cholesky_)
    X = rows_of(covariance_type)
    assert_same_bits(loaded.score_samples(X), model.score_samples(X))


def degenerate_rows():
    """Rows whose covariances are singular but for reg_covar, or nearly so; and scales far from 1."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[30:] += 4
    return {
        "ordinary": X,
        "more columns than a component has rows": rng.normal(size=(40, 20)),
        "of rank 2": X[:, :2] @ rng.normal(size=(2, 4)),
        "an equal column": np.column_stack([X, X[:, 0]]),
        "a nearly equal column": np.column_stack([X, X[:, 0] + 1e-6 * rng.normal(size=60)]),
        "a constant column": np.column_stack([X, np.ones(60)]),
        "ties": np.round(X),
        "few rows": X[:5],
        "repeated rows": np.repeat(X[::12], 12, axis=0),
        "far from zero": X + 1e8,
        "tiny": X * 1e-6,
        "huge": X * 1e6,
        "mixed units": X * [1e-6, 1, 1e6],
        "a sum of columns in mixed units": np.column_stack([X, X @ [1, 2, 3]])
        * [1e-6, 1, 1e6, 1e3],
        "one feature": X[:, :1],
        "one feature, ties": np.round(X[:, :1]),
        "one feature, few rows": X[:4, :1],
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("case", "dtype"), product(degenerate_rows(), [np.float32, np.float64]))
def test_what_is_saved_can_be_loaded(case, dtype, path):
    """However singular: what rounding leaves of the factors is no damage, and has no bound of its own."""
    X = degenerate_rows()[case].astype(dtype)
    one_feature = ONE_FEATURE if X.shape[1] == 1 else ()
    n_loaded = 0
    for covariance_type in (*STRUCTURES_BY_NAME, *one_feature):
        for reg_covar in ("auto", 0.0):
            options = {"init_params": "kmeans", "max_iter": 3, "random_state": 0}
            model = GaussianMixture(
                2, covariance_type=covariance_type, reg_covar=reg_covar, **options
            )
            try:
                model.fit(X)
            except ValueError:  # as where a constant column has no variance without reg_covar
                continue
            loaded = round_trip(model, path)
            assert_same_bits(loaded.score_samples(X), model.score_samples(X))
            assert_same_bits(loaded.covariances_, model.covariances_)
            n_loaded += 1
    assert n_loaded >= len(STRUCTURES_BY_NAME)


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
@pytest.mark.parametrize("condition", [1e4, 1e8, 1e12, 1e16])
def test_given_precisions_of_any_condition_can_be_loaded(covariance_type, condition, path):
    rng = np.random.default_rng(1)
    Q, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    precision = (Q * np.geomspace(1, condition, 5)) @ Q.T
    precision = (precision + precision.T) / 2
    given = precision if covariance_type == "tied" else np.tile(precision, (2, 1, 1))
    model = GaussianMixture(
        2, covariance_type=covariance_type, precisions_init=given, max_iter=0, random_state=0
    )
    X = rng.normal(size=(100, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(X)
        except ValueError:  # rounding has made it indefinite
            assert condition == 1e16
            return
    assert_same_bits(round_trip(model, path).score_samples(X), model.score_samples(X))


@each_structure
def test_a_loaded_model_tells_the_same_story(covariance_type, path):
    model = fitted(covariance_type)
    loaded = round_trip(model, path)
    assert str(loaded.summary()) == str(model.summary())
    assert loaded.summary().to_dict() == model.summary().to_dict()
    assert loaded.get_params() == model.get_params()
    for name in ["converged_", "n_iter_", "lower_bound_", "lower_bounds_", "n_features_in_"]:
        assert getattr(loaded, name) == getattr(model, name), name


def test_weights_of_the_fit_are_kept(path):
    X = rows_of()
    model = GaussianMixture(2, random_state=0).fit(X, sample_weight=np.full(len(X), 2.5))
    loaded = round_trip(model, path)
    assert loaded.summary().weight == 2.5 * len(X)
    assert loaded.summary().n_rows == len(X)


def test_feature_names_are_kept_and_checked(path):
    frame = pd.DataFrame(rows_of(), columns=["größe", "a b", "c"])
    model = GaussianMixture(2, random_state=0).fit(frame)
    loaded = round_trip(model, path)
    assert_array_equal(loaded.feature_names_in_, model.feature_names_in_)
    assert loaded.feature_names_in_.dtype == model.feature_names_in_.dtype
    assert_same_bits(loaded.predict_proba(frame), model.predict_proba(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame.rename(columns={"c": "d"}))


def test_without_feature_names_there_are_none(path):
    assert not hasattr(round_trip(fitted(), path), "feature_names_in_")


def test_constructor_arguments_are_kept(path):
    params = {
        "weights_init": [0.2, 0.3, 0.5],
        "means_init": np.eye(3),
        "tol": np.float32(0.25),
        "max_iter": np.int64(50),
        "n_jobs": 2,
        "init_params": "random",
        "reg_covar": 1e-5,
    }
    loaded = round_trip(fitted(**params), path)
    for name, value in params.items():
        assert_array_equal(getattr(loaded, name), value)
    assert loaded.random_state == 0


def test_arguments_that_are_code_or_state_are_left_out(path):
    def labels(X, n_components, random_state):
        return np.arange(len(X)) % n_components

    arguments = {"init_params": labels, "callback": lambda *_: False}
    model = GaussianMixture(2, random_state=np.random.RandomState(0), **arguments)
    loaded = round_trip(model.fit(rows_of()), path)
    assert loaded.init_params == GaussianMixture().init_params
    assert loaded.random_state is loaded.callback is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_loaded_model_can_be_fitted_again_warm_or_cold(path):
    X = rows_of()
    model = fitted(max_iter=2, tol=0, warm_start=True)
    loaded = round_trip(model, path)
    assert_same_bits(loaded.fit(X).means_, model.fit(X).means_)
    cold = loaded.set_params(warm_start=False).fit(X)
    assert_same_bits(cold.means_, fitted(max_iter=2, tol=0).means_)


def test_a_loaded_model_draws_on(path):
    loaded = round_trip(fitted(), path)
    assert not np.array_equal(loaded.sample(5)[0], loaded.sample(5)[0])


def test_a_loaded_model_can_be_saved_and_pickled(path, tmp_path):
    X = rows_of()
    model = fitted()
    loaded = round_trip(round_trip(model, path), tmp_path / "again")
    assert_same_bits(loaded.predict_proba(X), model.predict_proba(X))
    twin = pickle.loads(pickle.dumps(loaded))
    assert_same_bits(twin.predict_proba(X), model.predict_proba(X))


def test_parameters_set_by_hand_are_saved(path):
    X = rows_of()
    model = fitted()
    model.means_ = model.means_ + 1.0
    assert_same_bits(round_trip(model, path).score_samples(X), model.score_samples(X))


@pytest.mark.parametrize("as_text", [True, False])
def test_paths_are_text_or_paths(as_text, path):
    fitted().save(str(path) if as_text else path)
    assert mixtura.load(str(path) if as_text else path).n_components == 3


def test_the_file_says_what_it_is(saved):
    with safe_open(saved, framework="numpy") as opened:
        header = opened.metadata()
        names = set(opened.keys())
    assert header["format"] == "mixtura"
    assert header["format_version"] == "1"
    assert header["covariance_type"] == "full"
    facts = json.loads(header["model"])
    assert facts["library_version"] == mixtura.__version__
    assert facts["n_rows"] == 300
    assert facts["log_likelihood"] == fitted().summary().log_likelihood
    assert facts["feature_names"] is None
    sums = {f"statistics_{name}" for name in ("centres", "counts", "firsts", "seconds")}
    assert names == {"weights", "means", "covariances", "precisions_cholesky"} | sums


def test_another_process_reads_the_same_bits(saved, tmp_path):
    X = rows_of()
    np.save(tmp_path / "X.npy", X)
    script = (
        "import sys, numpy as np, mixtura; "
        "model = mixtura.load(sys.argv[1]); "
        "np.save(sys.argv[3], model.predict_proba(np.load(sys.argv[2])))"
    )
    arguments = [saved, tmp_path / "X.npy", tmp_path / "R.npy"]
    forked.run([sys.executable, "-c", script, *arguments], check=True)
    assert_same_bits(np.load(tmp_path / "R.npy"), fitted().predict_proba(X))


# What is no model


def refusal(path, error=ModelFileError):
    with pytest.raises(error) as caught:
        mixtura.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.02, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, kept):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(kept * len(whole))])
    assert "truncated, damaged or not a safetensors file" in refusal(saved)


def test_an_overlong_file_is_refused(saved):
    saved.write_bytes(saved.read_bytes() + b"more")
    assert "damaged" in refusal(saved)


@pytest.mark.parametrize(
    "content",
    [b"\x00" * 64, b"\xff" * 64, b"{}", b"PK\x03\x04 a zip archive" * 9, b"a,b\n1,2\n" * 99],
)
def test_a_foreign_file_is_refused(path, content):
    path.write_bytes(content)
    assert "not a safetensors file" in refusal(path)


def test_a_foreign_safetensors_file_is_refused(path):
    save_file({"weights": np.ones(3)}, path)
    assert "not one that mixtura wrote" in refusal(path)
    save_file({"weights": np.ones(3)}, path, metadata={"format": "pt"})
    assert "not one that mixtura wrote" in refusal(path)


class Touches:
    """Unpickling it writes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_a_pickle_is_refused_and_not_run(path, tmp_path):
    target = tmp_path / "written by the pickle"
    path.write_bytes(pickle.dumps(Touches(target)))
    assert "not a safetensors file" in refusal(path)
    assert not target.exists()


def test_text_in_the_metadata_is_not_run(saved, tmp_path):
    target = tmp_path / "written by the metadata"
    code = f"__import__('os').mkdir({str(target)!r})"
    rewrite(saved, facts={"feature_names": [code, "b", "c"], "dtype": code})
    with pytest.raises(ModelFileError):
        mixtura.load(saved)
    rewrite(saved, facts={"feature_names": [code, "b", "c"], "dtype": "float64"})
    assert mixtura.load(saved).feature_names_in_[0] == code
    assert not target.exists()


@pytest.fixture
def plain_user():
    """Whoever is not allowed to do everything; and a folder that others can enter."""
    if os.name != "posix":
        pytest.skip("permissions of POSIX")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@contextmanager
def not_as_root():
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)


def test_an_unreadable_file_is_named(plain_user):
    path = plain_user / "model"
    fitted().save(path)
    path.chmod(0)
    with not_as_root():
        message = refusal(path, (OSError, ModelFileError))
    assert "cannot load" in message
    assert "ermission" in message


def rewrite(path, header=None, arrays=None, facts=None, without=()):
    """Write the file again with some of its contents changed."""
    with safe_open(path, framework="numpy") as opened:
        metadata = dict(opened.metadata())
    tensors = {k: v for k, v in (load_file(path) | (arrays or {})).items() if k not in without}
    if facts is not None:
        metadata["model"] = json.dumps(json.loads(metadata["model"]) | facts)
    metadata |= header or {}
    metadata = {name: text for name, text in metadata.items() if name not in without}
    save_file(tensors, path, metadata=metadata)


@pytest.mark.parametrize("version", ["3", "10"])
def test_a_newer_format_names_both_versions(saved, version):
    rewrite(saved, header={"format_version": version})
    message = refusal(saved)
    assert f"version {version}" in message
    assert "up to version 2" in message
    assert "Install a newer mixtura" in message


@pytest.mark.parametrize("version", ["", "one", "-1", "1.5", "²"])
def test_a_format_version_that_is_no_number_is_refused(saved, version):
    rewrite(saved, header={"format_version": version})
    assert "format is version" in refusal(saved)


K, D = 3, 3
NAN = np.full((K, D), np.nan)

TAMPERED = {
    "weights that sum to 3": {"weights": np.ones(K)},
    "negative weights": {"weights": np.array([-1.0, 1.0, 1.0])},
    "weights of another number": {"weights": np.full(2, 0.5)},
    "NaN means": {"means": NAN},
    "means of one dimension": {"means": np.zeros(K)},
    "means of other features": {"means": np.zeros((K, D + 1))},
    "text for means": {"means": np.zeros((K, D), dtype=np.uint8)[:2]},
    "a covariance that is not positive definite": {"covariances": -np.tile(np.eye(D), (K, 1, 1))},
    "a covariance that is not symmetric": {"covariances": np.triu(np.ones((K, D, D)))},
    "infinite covariances": {"covariances": np.full((K, D, D), np.inf)},
    "covariances of another structure": {"covariances": np.eye(D)},
    "factors of another covariance": {"precisions_cholesky": np.tile(np.eye(D), (K, 1, 1))},
    "NaN factors": {"precisions_cholesky": np.full((K, D, D), np.nan)},
    "factors of another shape": {"precisions_cholesky": np.eye(D)},
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_arrays_are_refused(saved, case):
    rewrite(saved, arrays=TAMPERED[case])
    assert re.search("not a mixture|must be of doubles", refusal(saved))


@pytest.mark.parametrize("unit", [1e-10, 1e10])
def test_factors_of_another_covariance_are_refused_in_any_units(path, unit):
    GaussianMixture(2, reg_covar=0, random_state=0).fit(rows_of() * unit).save(path)
    rewrite(path, arrays={"precisions_cholesky": 2 * load_file(path)["precisions_cholesky"]})
    assert "not a mixture" in refusal(path)


@pytest.mark.parametrize("name", ["weights", "means", "covariances", "precisions_cholesky"])
def test_a_missing_array_is_refused(saved, name):
    rewrite(saved, without=[name])
    assert name in refusal(saved)


@pytest.mark.parametrize("name", ["covariance_type", "model"])
def test_missing_metadata_are_refused(saved, name):
    rewrite(saved, without=[name])
    assert name in refusal(saved)


def test_an_unknown_structure_is_refused(saved):
    rewrite(saved, header={"covariance_type": "ful"})
    assert "'ful'" in refusal(saved)


@pytest.mark.parametrize("model", ["", "{", "[]", "null", '"text"', "{}", '{"parameters": {}}'])
def test_damaged_metadata_are_refused(saved, model):
    rewrite(saved, header={"model": model})
    refusal(saved)


DAMAGED_FACTS = {
    "an unknown argument": {"parameters": {"n_components": 3, "colour": "red"}},
    "arguments as a list": {"parameters": [3]},
    "no arguments": {"parameters": None},
    "an unknown dtype": {"dtype": "float1024"},
    "a dtype that is no number": {"dtype": "object"},
    "too few names": {"feature_names": ["a"]},
    "names that are a number": {"feature_names": 3},
    "no weight": {"weight": 0},
    "text for a number": {"log_likelihood": "high"},
    "another structure than the arrays": {
        "parameters": {"n_components": 3, "covariance_type": "diag"}
    },
    "another number of components than the arrays": {"parameters": {"n_components": 5}},
}


@pytest.mark.parametrize("case", DAMAGED_FACTS)
def test_tampered_facts_are_refused(saved, case):
    rewrite(saved, facts=DAMAGED_FACTS[case])
    refusal(saved)


# Writes that fail


def leaves_all_as_it_was(folder):
    """What the folder holds, to be compared after a failure."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def half_then(error):
    """A writer that fails when half of the file is written."""
    write_bytes = Path.write_bytes

    def write(path, content):
        write_bytes(path, content[: len(content) // 2])
        raise error

    return write


FULL_DISK = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("error", [FULL_DISK, KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("older", [True, False])
def test_a_write_that_fails_half_way_leaves_the_folder_as_it_was(error, older, path, monkeypatch):
    if older:
        fitted("diag").save(path)
    before = leaves_all_as_it_was(path.parent)
    monkeypatch.setattr(Path, "write_bytes", half_then(error))
    with pytest.raises(type(error)) as caught:
        fitted().save(path)
    assert leaves_all_as_it_was(path.parent) == before
    if isinstance(error, OSError):
        assert caught.value.errno == errno.ENOSPC
    if older:
        assert mixtura.load(path).covariance_type == "diag"


def test_a_full_disk_is_said_with_the_file(path, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", half_then(FULL_DISK))
    with pytest.raises(OSError, match="cannot write") as caught:
        fitted().save(path)
    assert str(path) in str(caught.value)
    assert "No space left on device" in str(caught.value)
    assert caught.value.errno == errno.ENOSPC


LIMITED = """
import json, resource, signal, sys
import numpy as np
from mixtura import GaussianMixture

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
X = np.random.default_rng(0).normal(size=(300, 20))
model = GaussianMixture(3, init_params="kmeans").fit(X)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    model.save(sys.argv[1])
except Exception as error:
    print(json.dumps([type(error).__name__, getattr(error, "errno", None), str(error)]))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_write_that_the_system_cuts_short_is_an_error_of_the_system(saved):
    """No stand-in: the file may not grow beyond 8 kB, so the writer really fails half way."""
    before = leaves_all_as_it_was(saved.parent)
    command = [sys.executable, "-c", LIMITED, str(saved)]
    run = forked.run(command, capture_output=True, text=True, check=True)
    name, number, message = json.loads(run.stdout)
    assert leaves_all_as_it_was(saved.parent) == before
    assert number == errno.EFBIG, name
    assert "cannot write" in message
    assert str(saved) in message


def test_a_failing_rename_leaves_the_older_file(saved, monkeypatch):
    before = leaves_all_as_it_was(saved.parent)

    def refuse(self, target):
        raise PermissionError(errno.EPERM, "not today")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(PermissionError):
        fitted("diag").save(saved)
    assert leaves_all_as_it_was(saved.parent) == before


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "none" / "model.safetensors"
    with pytest.raises(FileNotFoundError) as caught:
        fitted().save(path)
    assert "cannot write" in str(caught.value)
    assert str(path.parent) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(OSError, match="cannot write") as caught:
        fitted().save(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_writable_is_named(plain_user):
    path = plain_user / "model"
    fitted().save(path)
    before = leaves_all_as_it_was(plain_user)
    model = fitted("diag")
    plain_user.chmod(0o555)
    with not_as_root(), pytest.raises(PermissionError, match="cannot write") as caught:
        model.save(path)
    assert str(plain_user) in str(caught.value)
    assert leaves_all_as_it_was(plain_user) == before


def test_saving_over_an_older_model_leaves_one_file(saved):
    fitted("diag").save(saved)
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]
    assert mixtura.load(saved).covariance_type == "diag"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_file_has_the_permissions_of_a_new_file(path):
    fitted().save(path)
    plain = path.with_name("plain")
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
