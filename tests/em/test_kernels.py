"""The kernels: every instruction set gives the same numbers, and what is left out does not matter."""

import functools
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mixtura
from mixtura import _core
from mixtura.covariance import STRUCTURES
from mixtura.rows import ArrayBlocks, Rows

STATISTICS = """
import pickle, sys
import numpy as np
from mixtura import _core
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing.problems import random_mixture, random_rows

# From 16 components and 13 features on, full covariances look for bounds. No component may be without rows:
# its count, 1e-200 say, is left out too.
SHAPES = (
    *((3, 1, 65), (2, 5, 300), (25, 3, 2500), (40, 8, 700), (3, 16, 130), (5, 17, 257), (2, 33, 200)),
    *((33, 9, 1100), (16, 13, 3000), (40, 16, 513), (20, 17, 1000), (24, 33, 600)),
    *((16, 6, 9000), (17, 12, 2500), (18, 20, 2600)),  # so many rows are sorted by component
)
spread = float(sys.argv[1])
found = {"level": _core.simd_level()}
for name in sys.argv[2:]:
    for k, d, n in SHAPES:
        rng = np.random.default_rng(k * d)
        mixture = random_mixture(k, d, name, rng)
        far = type(mixture).from_parameters(
            mixture.weights, spread * mixture.means, mixture.covariances, covariance_type=name
        )
        for dtype in (np.float64, np.float32):
            X = random_rows(far, n, rng).astype(dtype)
            s = ArrayBlocks(Rows(X)).accumulate(far)
            key = f"{name} {k} {d} {np.dtype(dtype).name}"
            found[key] = [s.log_likelihood, s.log_certainty, s.counts, s.firsts, s.seconds]
sys.stdout.buffer.write(pickle.dumps(found))
"""
# The core knows no others: those of three letters are the nightly tests'.
KERNELS = ("full", "tied", "diag", "spherical")
LETTERS = tuple(name for name in STRUCTURES if name not in KERNELS)


@functools.cache
def statistics(spread, structures, level, skip=""):
    run = subprocess.run(
        [sys.executable, "-c", STATISTICS, str(spread), *structures],
        env={**os.environ, "MIXTURA_SIMD": level, "MIXTURA_SKIP": skip},
        capture_output=True,
        check=True,
    )
    return pickle.loads(run.stdout)


@pytest.mark.parametrize(
    "structures", [KERNELS, pytest.param(LETTERS, marks=pytest.mark.nightly)], ids=len
)
@pytest.mark.parametrize("level", ["avx2", "avx512"])
def test_instruction_sets_agree(level, structures):
    if level not in _core.simd_levels():
        pytest.skip(f"this machine has no {level}")
    found, baseline = (statistics(1, structures, one) for one in (level, "baseline"))
    assert (found["level"], baseline["level"]) == (level, "baseline")
    assert len(found) == 1 + len(structures) * 15 * 2
    for key in found.keys() - {"level"}:
        # Sums within a tile are taken in the rows' precision.
        rtol = 1e-12 if key.endswith("float64") else 2e-5
        n_rows = np.sum(baseline[key][2])
        for one, other in zip(found[key], baseline[key], strict=True):
            size = max(np.abs(other).max(), n_rows)  # sums of terms of order 1 and more
            assert_allclose(one, other, rtol=rtol, atol=rtol * size, err_msg=key)


@pytest.mark.parametrize(
    ("spread", "level", "structures"),
    [
        (6, "baseline", KERNELS),
        (30, "avx2", KERNELS),
        (1, "avx512", KERNELS),
        *(
            pytest.param(spread, level, (*KERNELS, *LETTERS), marks=pytest.mark.nightly)
            for spread in (1, 6, 30)
            for level in ("baseline", "avx2", "avx512")
        ),
    ],
)
def test_what_is_left_out_changes_no_bit(spread, level, structures):
    if level not in _core.simd_levels():
        pytest.skip(f"this machine has no {level}")
    everything = statistics(spread, structures, level, skip="0")
    found = statistics(spread, structures, level)
    assert found.keys() == everything.keys()
    for key in found.keys() - {"level"}:
        for one, other in zip(found[key], everything[key], strict=True):
            assert_array_equal(one, other, err_msg=key)


@pytest.mark.parametrize("distance", [0, 1, 10, 1000])
@pytest.mark.parametrize("structure", ["spherical", "tied"])
def test_sums_about_a_common_point_are_those_about_the_means(structure, distance):
    # Near each other, means share one point that sums are taken about; far apart each has its own.
    rng = np.random.default_rng(distance)
    k, d = 10, 7
    means = 1e3 + distance * rng.standard_normal((k, d))
    covariances = (
        rng.uniform(0.5, 2, k) if structure == "spherical" else np.diag(rng.uniform(0.5, 2, d))
    )
    mixture = mixtura.Mixture.from_parameters(
        rng.dirichlet(np.full(k, 5.0)), means, covariances, covariance_type=structure
    )
    X = mixture.sample(999, random_state=0)[0]
    differences = X[:, None] - means
    squares = (differences**2).sum(axis=-1)
    if structure == "spherical":
        log_joint = -0.5 * squares / covariances - 0.5 * d * np.log(2 * np.pi * covariances)
    else:
        variances = np.diag(covariances)
        log_joint = -0.5 * (differences**2 / variances + np.log(2 * np.pi * variances)).sum(axis=-1)
    log_joint += np.log(mixture.weights)
    log_density = np.logaddexp.reduce(log_joint, axis=1)
    r = np.exp(log_joint - log_density[:, None])
    found = ArrayBlocks(Rows(X)).accumulate(mixture)
    assert_allclose(found.log_likelihood, log_density.sum(), rtol=1e-12)
    assert_allclose(found.counts, r.sum(axis=0), rtol=1e-10, atol=1e-12)
    assert_allclose(found.firsts, np.einsum("nk,nkd->kd", r, differences), rtol=1e-9, atol=1e-9)
    if structure == "spherical":
        assert_allclose(found.seconds, (r * squares).sum(axis=0), rtol=1e-10, atol=1e-10)


def import_with(level):
    return subprocess.run(
        [sys.executable, "-c", "from mixtura import _core; print(_core.simd_level())"],
        env={**os.environ, "MIXTURA_SIMD": level},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("level", ["avx9", "AVX2", " baseline"])
def test_an_instruction_set_that_is_not_there_is_pointed_out_once(level):
    run = import_with(level)
    assert run.stdout.split() == _core.simd_levels()[:1]
    assert run.stderr.count("RuntimeWarning") == 1
    assert repr(level) in run.stderr
    assert all(repr(name) in run.stderr for name in _core.simd_levels())


@pytest.mark.parametrize("level", ["", *_core.simd_levels()])
def test_an_instruction_set_that_is_there_runs_without_a_word(level):
    run = import_with(level)
    assert run.stdout.split() == [level or _core.simd_levels()[0]]
    assert run.stderr == ""


def test_show_versions_tells_the_instruction_set(capsys):
    mixtura.show_versions()
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[4:])
    assert lines["mixtura"] == mixtura.__version__
    mixtura.show_versions()
    assert f"instruction set  {_core.simd_level()}\n" in capsys.readouterr().out
