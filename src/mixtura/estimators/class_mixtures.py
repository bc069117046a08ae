"""The mixtures of classes: one whose structure ties them (EDDA), or one for each by itself (MclustDA)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mixtura.covariance import structure
from mixtura.display.page import plural
from mixtura.errors import DegenerateComponentWarning
from mixtura.estimators.class_rows import ClassRows, RowsInMemory
from mixtura.estimators.gaussian_mixture import GaussianMixture, default_arguments
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
from mixtura.estimators.state import facts_of
from mixtura.estimators.using import Caught, quietly
from mixtura.fitting.facts import Criteria
from mixtura.support.arrays import Array, FloatArray


@dataclass(frozen=True, eq=False)
class FittedClasses:
    """One mixture of all classes, each of its components a class's, or one for each class."""

    models: list[GaussianMixture]
    of_component: Array | None = None
    #: What nobody was warned of yet, behind what it is about.
    caught: tuple[tuple[str, Caught], ...] = ()


@dataclass(frozen=True, eq=False)
class ClassMixtures:
    """How classes are fitted.

    new: makes a mixture with the arguments of every fit, but the number of components and the structure.
    are_given: whether the priors are.
    """

    new: Callable[[], GaussianMixture]
    classes: Array
    priors: FloatArray
    are_given: bool

    def named(self, c: int) -> str:
        """What messages call a class."""
        return f"Class {self.classes.tolist()[c]!r}"

    # One component a class

    def tied(self, rows: ClassRows, names: Sequence[str]) -> FittedClasses:
        """One component a class, of the structure that has the lowest BIC: a sound one where there is any.

        Raises
        ------
        ValueError
            If no structure could be fitted: why the first one could not.
        """
        if len(names) > 1:
            _check_comparable(self.new())
        found = []
        failures = {}
        for name in names:
            try:
                model, caught = quietly(partial(self._tied_by, rows, name))
            except ValueError as error:
                failures[name] = error
                continue
            doubtful = any(verdict != "sound" for verdict in model.diagnosis_.verdict)
            found.append((doubtful, _bic(model), caught, model))
        if not found:
            raise next(iter(failures.values()))
        _, _, caught, best = min(found, key=lambda one: one[:2])
        return FittedClasses([best], np.arange(len(self.classes)), self._by_class(best, caught))

    def _by_class(self, model: GaussianMixture, caught: Caught) -> tuple[tuple[str, Caught], ...]:
        """Warnings of components, which are classes, behind the names of those that are doubtful; others."""
        verdicts = model.diagnosis_.verdict
        doubtful = [self.named(c) for c in self._all if verdicts[c] != "sound"]
        of_components = [
            one for one in caught if issubclass(one.category, DegenerateComponentWarning)
        ]
        others = [one for one in caught if one not in of_components]
        return ("", others), (f"{', '.join(doubtful)}: ", of_components)

    def _tied_by(self, rows: ClassRows, name: str) -> GaussianMixture:
        mixture = self.new()
        if mixture.noise:
            raise ValueError(
                "noise is of each class where each has a mixture of its own: give n_components=[1] for one "
                "component a class."
            )
        mixture.set_params(n_components=len(self.classes), covariance_type=name)
        if not rows.has_unknown:
            # All rows have their component from the first step on, so that the start is of no account.
            start = rows.codes if isinstance(rows, RowsInMemory) else "random_from_data"
            mixture.set_params(init_params=start)
        elif self.are_given:
            mixture.set_params(weights_init=self.priors, fixed={"weights": True})
        return mixture.fit(**rows.labelled(lambda codes: codes))

    # A mixture for each class

    def of_their_own(
        self, rows: ClassRows, numbers: list[list[int]], names: Sequence[str]
    ) -> FittedClasses:
        """Each class by itself, of several numbers of components and structures those of lowest BIC.

        Raises
        ------
        ValueError
            If a class has too few rows, or cannot be fitted: names it.
        """
        fits = [
            self._of_class(rows, c, own, names) for c, own in zip(self._all, numbers, strict=True)
        ]
        models = [model for model, _ in fits]
        if rows.has_unknown:  # those fits are where EM over all rows begins, and nothing more
            return self._with_unknown(rows, models)
        caught = ((f"{self.named(c)}: ", own) for c, (_, own) in zip(self._all, fits, strict=True))
        return FittedClasses(models, caught=tuple(caught))

    @property
    def _all(self) -> range:
        return range(len(self.classes))

    def _of_class(
        self, rows: ClassRows, c: int, numbers: list[int], names: Sequence[str]
    ) -> tuple[GaussianMixture, Caught]:
        name, n_rows = self.named(c), int(rows.counts[c])
        if n_rows < max(2, min(numbers)):
            raise ValueError(
                f"{name} has too few rows, {n_rows}, for {plural(min(numbers), 'component')}."
            )
        own: Any = self.new()
        if len(numbers) * len(names) > 1:
            own = _search(own, numbers, names)
        else:
            own.set_params(n_components=numbers[0], covariance_type=names[0])
        try:
            fitted, caught = quietly(partial(own.fit, **rows.of_class(c)))
        except ValueError as error:
            raise type(error)(f"{name}: {error}") from error
        return getattr(fitted, "best_estimator_", fitted), caught

    def _with_unknown(self, rows: ClassRows, models: list[GaussianMixture]) -> FittedClasses:
        """EM over the components of all classes, each open to its own rows and those that nobody labelled."""
        kinds = {model.covariance_type for model in models}
        shares = set(structure(next(iter(kinds))).letters) - {"V", "I"}
        if len(kinds) > 1 or shares or models[0].noise or self.are_given:
            raise ValueError(
                "Rows without a class are used by one EM over the mixtures of all classes: give it one "
                "structure that shares nothing ('full', 'diag' or 'spherical'), no noise and no priors, or "
                "n_components=1."
            )
        of_component = np.repeat(self._all, [model.n_components for model in models])
        mixtures = [model.mixture_ for model in models]
        weights = [prior * own.weights for prior, own in zip(self.priors, mixtures, strict=True)]
        mixture = self.new().set_params(
            n_components=len(of_component),
            covariance_type=kinds.pop(),
            weights_init=np.concatenate(weights),
            means_init=np.concatenate([own.means for own in mixtures]),
            covariances_init=np.concatenate([own.covariances for own in mixtures]),
        )

        def possible(codes: Array) -> Array:
            of_rows = codes[:, np.newaxis]
            return np.asarray((of_rows < 0) | (of_rows == of_component))

        return FittedClasses([mixture.fit(**rows.labelled(possible))], of_component)


def _bic(model: GaussianMixture) -> float:
    facts = facts_of(model)
    assert facts is not None
    return Criteria.of_fit(facts, model._density).bic


def _check_comparable(mixture: GaussianMixture) -> None:
    """Raise where BIC says nothing of such mixtures."""
    if type(mixture) is not GaussianMixture:
        raise ValueError(
            f"BIC does not compare models of {type(mixture).__name__}: give one number of components and one "
            "structure, or criterion='cv'."
        )


def _search(
    mixture: GaussianMixture, numbers: list[int], names: Sequence[str]
) -> GaussianMixtureSearch:
    """The sweep over these that makes its fits as `mixture` would be made.

    Raises
    ------
    ValueError
        If that has an argument which a sweep has not.
    """
    _check_comparable(mixture)
    search = GaussianMixtureSearch(numbers, list(names))
    theirs, ours = mixture.get_params(deep=False), search.get_params(deep=False)
    defaults = default_arguments()
    fixed = {"n_components", "covariance_type"}
    for name, value in theirs.items():
        if name not in ours and value is not defaults[name] and value != defaults[name]:
            raise ValueError(
                f"estimator has {name}, which a search among several models has not: leave it out, or give "
                "one number of components and one structure."
            )
    search.set_params(
        **{name: value for name, value in theirs.items() if name in ours and name not in fixed}
    )
    return search


__all__ = ["ClassMixtures", "FittedClasses"]
