"""Tests that every covariance structure and every source of rows inherits.

Subclass, say what is to be tested, and pytest runs the rest::

    class TestArrays(BlocksConformance):
        def blocks(self, X, sample_weight):
            return ArrayBlocks(Rows(X, sample_weight))

    class TestFull(StructureConformance):
        covariance_type = "full"
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.testing import assert_allclose

from mixtura.covariance import STRUCTURES, structure
from mixtura.em import Monitor, SufficientStatistics, expect, expectation_maximisation
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.testing import oracle
from mixtura.testing.problems import likeliest, maximised, random_mixture, random_rows

Array = np.ndarray[Any, np.dtype[np.float64]]


def assert_same_statistics(ours: SufficientStatistics, theirs: Any, rtol: float = 1e-12) -> None:
    """Compare field by field; sums of mixed sign to `rtol` of the sums of their terms' size."""
    assert_allclose(ours.weight, theirs.weight, rtol=rtol)
    assert_allclose(ours.log_likelihood, theirs.log_likelihood, rtol=rtol)
    assert_allclose(ours.log_certainty, theirs.log_certainty, rtol=rtol, atol=rtol * ours.weight)
    for name in ("counts", "firsts", "seconds"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max(), err_msg=name)


def m_step_tolerance(mixture: Mixture) -> float:
    """Digits of an M-step's covariances; a common orientation is found to half the objective's digits."""
    return 1e-6 if mixture.structure.letters.endswith("VE") else 1e-10


def in_full(mixture: Mixture) -> Mixture:
    """The same distribution with matrices of its own for every component."""
    return Mixture.from_parameters(
        mixture.weights, mixture.means, mixture.covariance_matrices(), covariance_type="VVV"
    )


# Sums have four forms: that is all of a structure that a source of rows has to do with.
FORMS = sorted({kind.kernel.name for kind in STRUCTURES.values()})


class BlocksConformance:
    """What a source of rows must fulfil."""

    @abstractmethod
    def blocks(self, X: Array, sample_weight: Array | None) -> Blocks:
        """Make the source under test hold these rows."""

    def _problem(self, seed: int, covariance_type: str) -> tuple[Any, Array, Array]:
        rng = np.random.default_rng(seed)
        mixture = random_mixture(4, 3, covariance_type, rng)
        X = random_rows(mixture, 5_000, rng)
        return mixture, X, rng.integers(0, 4, len(X)).astype(np.float64)

    def test_statistics_equal_the_oracle(self) -> None:
        """Sums under a mixture, plain and weighted."""
        for seed, name in enumerate(FORMS):
            mixture, X, weight = self._problem(seed, name)
            for w in (None, weight):
                ours = self.blocks(X, w).accumulate(mixture)
                assert_same_statistics(ours, oracle.statistics(mixture, X, w))

    def test_score_gives_the_scalars(self) -> None:
        """The same scalars as accumulate, without moments."""
        mixture, X, weight = self._problem(0, "full")
        blocks = self.blocks(X, weight)
        scored, full = blocks.score(mixture), blocks.accumulate(mixture)
        assert scored.log_likelihood == full.log_likelihood
        assert scored.log_certainty == full.log_certainty
        assert scored.weight == full.weight

    def test_other_centres_give_the_same_mixture(self) -> None:
        """Sums about other centres imply the same next mixture."""
        for seed, name in enumerate(FORMS):
            mixture, X, weight = self._problem(seed, name)
            blocks = self.blocks(X, weight)
            moved = mixture.means + 0.5
            ours = maximised(blocks.accumulate(mixture, centres=moved), 0.0)
            theirs = maximised(blocks.accumulate(mixture), 0.0)
            rtol = m_step_tolerance(ours)
            assert_allclose(ours.means, theirs.means, rtol=1e-11, atol=1e-11)
            assert_allclose(ours.covariances, theirs.covariances, rtol=rtol, atol=rtol)

    def test_given_responsibilities_equal_computed_ones(self) -> None:
        """accumulate_given under a mixture's own responsibilities gives accumulate's sums."""
        for seed, name in enumerate(FORMS):
            mixture, X, weight = self._problem(seed, name)
            given = oracle.responsibilities(mixture, X)
            blocks = self.blocks(X, weight)
            ours = blocks.accumulate_given(
                structure(name), lambda rows, given=given: given[rows], mixture.means
            )
            theirs = oracle.statistics(mixture, X, weight)
            assert_allclose(ours.counts, theirs.counts, rtol=1e-12)
            assert_allclose(ours.seconds, theirs.seconds, rtol=1e-11, atol=1e-9)

    def test_hard_assignment_counts_labels(self) -> None:
        """hard=True gives each row to its label."""
        mixture, X, weight = self._problem(3, "diag")
        ours = self.blocks(X, weight).accumulate(mixture, hard=True)
        theirs = np.bincount(mixture.labels(X), weights=weight, minlength=mixture.n_components)
        assert_allclose(ours.counts, theirs, rtol=1e-13)

    def test_total_scatter(self) -> None:
        """Mean and scatter of everything, far from the origin too."""
        _, X, weight = self._problem(1, "full")
        X = X + 1e6
        ours = self.blocks(X, weight).total
        mean = np.average(X, axis=0, weights=weight)
        assert_allclose(ours.mean, mean, rtol=1e-14)
        theirs = np.cov(X.T, aweights=weight, bias=True) * weight.sum()
        assert_allclose(ours.scatter, theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max())

    def test_sample_is_a_uniform_subset(self) -> None:
        """Rows of the data without repetition, none of weight zero, in their order."""
        _, X, weight = self._problem(2, "full")
        weight = 0.3 * weight
        sample = self.blocks(X, weight).sample(500, np.random.RandomState(0))
        places = {row.tobytes(): i for i, row in enumerate(X)}
        found = [places[row.tobytes()] for row in np.asarray(sample.X)]
        assert found == sorted(set(found))
        assert len(found) == 500
        assert sample.weight is not None
        assert np.all(sample.weight == weight[found])
        assert np.all(sample.weight > 0)

    def test_a_sample_makes_a_generator_only_where_it_draws(self) -> None:
        """Then the rows are those of the generator that is made."""
        _, X, weight = self._problem(2, "full")
        for some in (None, 0.3 * weight, np.ceil(weight)):
            blocks, n_made = self.blocks(X, some), 0

            def made() -> np.random.RandomState:
                nonlocal n_made
                n_made += 1
                return np.random.RandomState(0)

            ours, theirs = blocks.sample(500, made), blocks.sample(500, np.random.RandomState(0))
            assert n_made == 1
            assert np.array_equal(ours.X, theirs.X)
            blocks.sample(len(X), made)
            assert n_made == 1

    def test_a_sample_of_rows_with_whole_weights_is_one_of_repeated_rows(self) -> None:
        """Where there are more rows; otherwise it is all rows and their weights."""
        _, X, weight = self._problem(2, "full")
        weight = np.ceil(weight)
        sample = self.blocks(X, weight).sample(500, np.random.RandomState(0))
        repeated = ArrayBlocks(Rows(np.repeat(X, weight.astype(int), axis=0)))
        assert sample.weight is None
        assert np.array_equal(sample.X, repeated.sample(500, np.random.RandomState(0)).X)

    def test_the_em_loop_runs_on_it(self) -> None:
        """EM from one mixture ends where it ends on an array."""
        mixture, X, weight = self._problem(5, "full")
        m_step = likeliest(mixture)
        ours, _ = expectation_maximisation(
            mixture, self.blocks(X, weight), m_step, Monitor(0.0, 10)
        )
        theirs, _ = expectation_maximisation(
            mixture, ArrayBlocks(Rows(X, weight)), m_step, Monitor(0.0, 10)
        )
        assert_allclose(ours.means, theirs.means, rtol=1e-9, atol=1e-9)
        assert_allclose(ours.covariances, theirs.covariances, rtol=1e-9, atol=1e-9)


class StructureConformance:
    """What a covariance structure must fulfil."""

    covariance_type: str
    sizes = ((1, 1), (2, 1), (1, 3), (3, 2), (4, 5), (2, 17))

    def _problems(self) -> Any:
        for seed, (n_components, n_features) in enumerate(self.sizes):
            rng = np.random.default_rng(seed)
            mixture = random_mixture(n_components, n_features, self.covariance_type, rng)
            X = random_rows(mixture, 60 * n_components * n_features + 100, rng)
            yield mixture, X, rng.uniform(0.0, 2.0, len(X))

    def test_statistics_equal_the_oracle(self) -> None:
        """Weighted sums to 1e-12."""
        for mixture, X, weight in self._problems():
            ours = ArrayBlocks(Rows(X, weight)).accumulate(mixture)
            assert_same_statistics(ours, oracle.statistics(mixture, X, weight))

    def test_m_step_equals_the_oracle(self) -> None:
        """The next mixture by averages about the new means."""
        for mixture, X, weight in self._problems():
            ours = maximised(expect(mixture, ArrayBlocks(Rows(X, weight))), 1e-3)
            # found in turns, and of several minima the oracle may find another
            in_turns = mixture.structure.letters.endswith("VE")
            one = in_full(mixture) if in_turns else mixture
            weights, means, covariances = oracle.maximise(one, X, 1e-3, weight)
            assert_allclose(ours.weights, weights, rtol=1e-12)
            assert_allclose(ours.means, means, rtol=1e-11, atol=1e-12)
            if not in_turns:
                assert_allclose(ours.covariances, covariances, rtol=1e-10, atol=1e-12)

    def test_m_step_is_as_likely_as_the_oracles(self) -> None:
        """The deviance of its covariances is the oracle's, or less where there are several minima."""
        for mixture, X, weight in self._problems():
            ours = maximised(expect(mixture, ArrayBlocks(Rows(X, weight))), 1e-3)
            *_, own = oracle.maximise(in_full(mixture), X, 1e-3, weight)
            bound = oracle.likeliest(mixture.structure.letters, ours.weights, own, 300)
            found = oracle.deviance(ours.weights, own, ours.covariance_matrices())
            assert found <= oracle.deviance(ours.weights, own, bound) + 1e-10

    def test_m_step_goes_on_from_the_mixture_before(self) -> None:
        """From any mixture of the family the next one is at least as likely, until nothing changes."""
        for mixture, X, weight in self._problems():
            statistics = expect(mixture, ArrayBlocks(Rows(X, weight)))
            ours = maximised(statistics, 0.0, before=mixture)
            *_, own = oracle.maximise(in_full(mixture), X, 0.0, weight)
            before = oracle.deviance(ours.weights, own, mixture.covariance_matrices())
            after = oracle.deviance(ours.weights, own, ours.covariance_matrices())
            assert after <= before + 1e-12
            # An iterative one may leave something to the next; they end where nothing is left.
            for _ in range(60):
                ours, before = maximised(statistics, 0.0, before=ours), after
                after = oracle.deviance(ours.weights, own, ours.covariance_matrices())
                assert after <= before + 1e-12
            assert_allclose(after, before, rtol=0, atol=1e-12)

    def test_likelihood_never_falls(self) -> None:
        """At every iteration, without reg_covar."""
        for mixture, X, weight in self._problems():
            monitor = Monitor(0.0, 60)
            expectation_maximisation(
                mixture, ArrayBlocks(Rows(X, weight)), likeliest(mixture), monitor
            )
            rises = np.diff(monitor.history)
            assert rises.min() >= -1e-13 * abs(monitor.history[0])
            assert rises.max() > 0

    def test_m_step_is_a_maximum(self) -> None:
        """Nudging the parameters of the M-step lowers the expected log-likelihood."""
        rng = np.random.default_rng(7)
        for mixture, X, _ in self._problems():
            r = oracle.responsibilities(mixture, X)
            best = maximised(expect(mixture, ArrayBlocks(Rows(X))), 0.0)
            at_best = np.sum(r * oracle.log_joint(best, X))
            for _ in range(3):
                nudged = type(best).from_parameters(
                    best.weights,
                    best.means + 1e-3 * rng.standard_normal(best.means.shape),
                    best.covariances * (1 + 1e-3 * rng.choice([-1, 1])),
                    covariance_type=self.covariance_type,
                )
                assert np.sum(r * oracle.log_joint(nudged, X)) < at_best

    def test_factors_are_triangular_and_invert(self) -> None:
        """P P^T = inv(covariance), P upper triangular."""
        for mixture, _, _ in self._problems():
            factors = mixture.structure.matrices(mixture.precisions_cholesky, *mixture.means.shape)
            assert np.all(np.tril(factors, -1) == 0)
            product = factors @ np.swapaxes(factors, -1, -2) @ mixture.covariance_matrices()
            assert_allclose(
                product, np.broadcast_to(np.eye(mixture.n_features), product.shape), atol=1e-10
            )

    def test_precisions_round_trip(self) -> None:
        """Factors and covariances from precisions are those of the mixture."""
        for mixture, _, _ in self._problems():
            kind = mixture.structure
            kind.check_precisions(mixture.precisions)
            assert_allclose(
                kind.factor_precisions(mixture.precisions), mixture.precisions_cholesky, atol=1e-9
            )
            assert_allclose(
                kind.invert_precisions(mixture.precisions),
                mixture.covariances,
                rtol=1e-8,
                atol=1e-9,
            )

    def test_diagonals(self) -> None:
        """Those of the full matrices."""
        for mixture, _, _ in self._problems():
            ours = mixture.structure.diagonals(mixture.covariances, *mixture.means.shape)
            assert_allclose(ours, np.diagonal(mixture.covariance_matrices(), axis1=1, axis2=2))

    def test_marginal_density_is_an_integral(self) -> None:
        """The marginal of all features but one equals the joint density summed over that one."""
        rng = np.random.default_rng(3)
        mixture = random_mixture(3, 2, self.covariance_type, rng)
        grid = np.linspace(-40, 40, 20_001)
        for x in (-1.0, 0.5):
            joint = np.exp(mixture.log_density(np.column_stack([np.full_like(grid, x), grid])))
            ours = np.exp(mixture.marginal([0]).log_density([[x]]))[0]
            assert_allclose(ours, np.trapezoid(joint, grid), rtol=1e-9)

    def test_condition_is_joint_over_marginal(self) -> None:
        """p(b | a) = p(a, b) / p(a)."""
        rng = np.random.default_rng(4)
        mixture = random_mixture(3, 4, self.covariance_type, rng)
        X = random_rows(mixture, 20, rng)
        for row in X:
            ours = mixture.condition([3, 1], row[[3, 1]]).log_density(row[np.newaxis, [0, 2]])
            marginal = mixture.marginal([3, 1]).log_density(row[np.newaxis, [3, 1]])
            theirs = mixture.log_density(row[np.newaxis]) - marginal
            assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)

    def test_sample_has_the_moments(self) -> None:
        """Mean and covariance of a large sample, within six standard errors."""
        rng = np.random.default_rng(5)
        mixture = random_mixture(3, 3, self.covariance_type, rng)
        n = 200_000
        X, labels = mixture.sample(n, random_state=1)
        share = np.bincount(labels, minlength=3) / n
        assert np.all(np.abs(share - mixture.weights) < 6 * np.sqrt(mixture.weights / n))
        for k, covariance in enumerate(mixture.covariance_matrices()):
            mine = X[labels == k]
            error = np.sqrt(np.diag(covariance) / len(mine))
            assert np.all(np.abs(mine.mean(axis=0) - mixture.means[k]) < 6 * error)
            scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) * 2 / len(mine))
            assert np.all(np.abs(np.cov(mine.T) - covariance) < 6 * scale)
