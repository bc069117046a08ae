"""How sure a model is, where it is cut, and how different two are, for the commands that say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from mixtura import GaussianMixture, Mixture
from mixtura.cli.errors import CommandError, UsageError, in_our_words, reason
from mixtura.cli.rows import Beside, Given, Reading, rows_to_fit
from mixtura.display.page import Page, Shown, Table
from mixtura.inference import StandardErrors
from mixtura.support.language import marked
from mixtura.support.language import translated as _

_KEYWORDS = {"kind='": "--kind '", "sample_weight": "--weight", "X is": "FILE is"}


@contextmanager
def _in_options() -> Iterator[None]:
    """Say what is wrong as options say it."""
    try:
        yield
    except (ValueError, TypeError) as error:
        sentence = in_our_words(reason(error))
        for keyword, option in _KEYWORDS.items():
            sentence = sentence.replace(keyword, option)
        raise CommandError(sentence) from error


def rows_of_fit(
    model: GaussianMixture, file: str, columns: str | None, weight: str | None, how: Reading
) -> Given:
    """The rows that a model was fitted to: its features by name, or by place where it knows no names."""
    names = getattr(model, "feature_names_in_", None)
    if columns is None and names is not None:
        columns = ",".join(names)
    return rows_to_fit([file], columns, Beside.of(weight), None, how)


def standard_errors(model: Any, rows: Given, kind: str, seed: int) -> StandardErrors:
    """Those of a model by the rows that it was fitted to."""
    with _in_options():
        found: StandardErrors = model.standard_errors(
            rows.X, kind=kind, sample_weight=rows.weight, random_state=seed
        )
    return found


_HEADER = (
    *(marked("component"), marked("parameter"), marked("estimate")),
    *(marked("low"), marked("high"), marked("error")),
)


class Intervals(Shown):
    """Estimates, standard errors and intervals of a model's parameters."""

    def __init__(self, errors: StandardErrors, level: float) -> None:
        """Of some confidence, within (0, 1)."""
        self._errors, self._level = errors, level
        with _in_options():
            self._found = {
                name: errors.interval(attrgetter(name), level)
                for name in ("weights", "means", "covariances")
            }

    @property
    def facts(self) -> dict[str, Any]:
        """All of them, for JSON."""
        found = {
            name: {part: np.asarray(value).tolist() for part, value in one._asdict().items()}
            for name, one in self._found.items()
        }
        return {"kind": self._errors.kind, "level": self._level, **found}

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        weights, means = self._found["weights"], self._found["means"]
        for k in range(self._errors.mixture.n_components):
            yield (k, _("weight"), *(part[k] for part in weights))
            for j, name in enumerate(self._errors.names):
                yield (k, _("mean of {name}").format(name=name), *(part[k, j] for part in means))

    def _page(self) -> Page:
        level, kind = f"{100 * self._level:g}", _(self._errors.kind)
        title = _("Intervals of {level} % by {kind}").format(level=level, kind=kind)
        header = tuple(map(_, _HEADER))
        lines = [(str(k), name, *(f"{one:.5g}" for one in rest)) for k, name, *rest in self._rows()]
        texts = frozenset({_("parameter")})
        table = Table((header, *lines), "parameter", len(lines), texts, shortens=True)
        return Page(title, (), table)

    def _columns(self) -> Mapping[str, Any]:
        return dict(zip(_HEADER, zip(*self._rows(), strict=True), strict=True))


@dataclass(frozen=True, repr=False)
class Cuts(Shown):
    """Where a feature is cut."""

    feature: str
    points: tuple[float, ...]
    labels: tuple[int, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {"feature": self.feature, "points": self.points, "labels": self.labels}

    def _page(self) -> Page:
        lines = [
            (f"{point:.6g}", str(below), str(above))
            for point, below, above in zip(
                self.points, self.labels[:-1], self.labels[1:], strict=True
            )
        ]
        header = (self.feature, _("below"), _("from there on"))
        table = Table((header, *lines), "cut", len(lines))
        whole = _("One component everywhere: {component}").format(component=self.labels[0])
        title = _("Cut points of {feature}").format(feature=self.feature)
        return Page(title, (), table if lines else None, "" if lines else whole)

    def _columns(self) -> Mapping[str, Any]:
        return {"point": self.points, "below": self.labels[:-1], "above": self.labels[1:]}


def cuts(model: Any, feature: str | None, costs: str | None, rule: str) -> Cuts:
    """Where the decision for a component changes along a feature, the only one unless it is named."""
    mixture: Mixture = model.mixture_
    names = model._names_of_features()
    if feature is None and len(names) > 1:
        raise UsageError(
            f"a cut is of one feature, and the model has {len(names)}: name one with --feature "
            f"({', '.join(names[:10])})"
        )
    if feature is not None and feature not in names:
        raise UsageError(f"--feature {feature} is none of the model's: {', '.join(names[:10])}")
    j = 0 if feature is None else names.index(feature)
    with _in_options():
        found = mixture.marginal(j).cut_points(_matrix(costs), rule=rule)
    return Cuts(names[j], tuple(found.points.tolist()), tuple(found.labels.tolist()))


def _matrix(costs: str | None) -> list[list[float]] | None:
    """Rows between semicolons, as '0,1;10,0'."""
    if costs is None:
        return None
    try:
        return [[float(cell) for cell in row.split(",")] for row in costs.split(";")]
    except ValueError:
        raise UsageError(
            f"--costs is {costs!r}, but must be rows of numbers, such as '0,1;10,0'"
        ) from None


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """How different two models are."""

    names: Sequence[str]
    facts: dict[str, Any]

    def _page(self) -> Page:
        # Names of files are long, and would leave the numbers no room.
        lines = [
            *zip("AB", self.names, strict=True),
            (_of_from("B", "A"), _divergence(self.facts["kl_first_second"])),
            (_of_from("A", "B"), _divergence(self.facts["kl_second_first"])),
            ("Jensen-Shannon", _estimate(self.facts["jensen_shannon"])),
        ]
        if self.facts["wasserstein"] is not None:
            length = _("{length} in the features' units")
            found = length.format(length=f"{self.facts['wasserstein']:.6g}")
            lines.append((_("transport (MW2)"), found))
        title = _("{first} beside {second}").format(first="A", second="B")
        return Page(title, tuple(lines), None, _("(nats ± standard error of the draws)"))

    def _columns(self) -> Mapping[str, Any]:
        return {"measure": list(self.facts), "value": list(self.facts.values())}


def comparison(
    first: Any, second: Any, names: Sequence[str], n_samples: int, seed: int
) -> Comparison:
    """Divergences both ways, and what both directions share."""
    ours, theirs = first.mixture_, second.mixture_
    drawn: dict[str, Any] = {"n_samples": n_samples, "random_state": seed}
    with _in_options():
        facts: dict[str, Any] = {
            "n_samples": n_samples,
            "kl_first_second": ours.kl_divergence(theirs, **drawn)._asdict(),
            "kl_second_first": theirs.kl_divergence(ours, **drawn)._asdict(),
            "jensen_shannon": ours.jensen_shannon(theirs, **drawn)._asdict(),
        }
        has_tails = ours.df is not None or theirs.df is not None
        facts["wasserstein"] = None if has_tails else ours.wasserstein(theirs)
    return Comparison(names, facts)


def _of_from(of: str, origin: str) -> str:
    return _("KL of {one} from {another}").format(one=of, another=origin)


def _estimate(found: Mapping[str, float]) -> str:
    return f"{found['value']:.4f} ± {found['std_error']:.4f}"


def _divergence(found: Mapping[str, float]) -> str:
    if not np.isfinite(found["upper"]):
        return _estimate(found)
    low, high = f"{found['lower']:.4f}", f"{found['upper']:.4f}"
    between = _("{estimate}, between {low} and {high}")
    return between.format(estimate=_estimate(found), low=low, high=high)


__all__ = ["Intervals", "comparison", "cuts", "rows_of_fit", "standard_errors"]
