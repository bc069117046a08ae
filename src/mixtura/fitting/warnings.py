"""What a fit warns of: one sentence each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mixtura.errors import DataWarning, DegenerateComponentWarning, SourceError
from mixtura.fitting.best_of_starts import STOPPED_BY_CALLBACK, Fit
from mixtura.fitting.diagnosis import Doubt as ComponentDoubt
from mixtura.fitting.diagnosis import floor_share, rows_needed
from mixtura.fitting.findings import column_warning, findings, row_findings
from mixtura.mixture import Mixture
from mixtura.rows import Blocks
from mixtura.support.arrays import Array, FloatArray

# Share of reg_covar in a component's variance from which a number given by the user is worth a word.
_WIDENED = 0.01


Doubt = tuple[type[Warning], str]


def warn_of(what: str, doubts: Iterator[Doubt], stacklevel: int) -> list[tuple[str, str]]:
    """Warn of what a check finds. One that fails says so, and ends no fit.

    stacklevel: as of `warnings.warn`, seen from the caller. Return each sentence behind what it is about.
    """
    found = _without_failing(what, doubts)
    for category, message in found:
        warnings.warn(message, category, stacklevel=stacklevel + 1)
    return [(what, message) for _, message in found]


def _without_failing(what: str, doubts: Iterator[Doubt]) -> list[Doubt]:
    found: list[Doubt] = []
    try:
        with np.errstate(all="ignore"):
            found.extend(doubts)
    except (
        Warning,
        SourceError,
        OSError,
    ):  # of who reads the rows; a warning made an error by the user
        raise
    except Exception as error:
        failure = f"{type(error).__name__}: {error}".rstrip(".: ")
        found.append(
            (
                DataWarning,
                f"A check of the {what} failed ({failure}), and the fit goes on without it: please report "
                "this as a fault of mixtura.",
            )
        )
    return found


def doubts_about_rows(
    blocks: Blocks, names: Array | None, has_matrices: bool, n_components: int
) -> Iterator[Doubt]:
    """What in the data spoils any fit, to be said before minutes of EM."""
    if columns := column_warning(blocks, names, has_matrices):
        yield DataWarning, columns
    elif few := row_findings(blocks, n_components):
        yield DataWarning, f"{few} Use fewer components."


def too_many_parameters(what: str, n_parameters: int, n_rows: float, n_held: int = 0) -> str:
    """A sentence where there are as many numbers to find as rows to tell them, or ''.

    n_held: how many of these a prior tells.
    """
    if n_parameters - n_held < n_rows:
        return ""
    beside = " beside those that its prior holds" if n_held else ""
    return (
        f"{what} has {n_parameters - n_held} free parameters{beside} for {n_rows:.6g} rows, so that it says "
        "hardly more than the rows do: fewer components, a covariance_type with fewer parameters, or fewer "
        "columns have fewer."
    )


def doubts_about_end(fit: Fit, tol: float, max_iter: int) -> Iterator[Doubt]:
    """Whether EM ended before it converged, and nobody asked for that."""
    monitor = fit.monitor
    if fit.leads_to:
        yield ConvergenceWarning, _stopped_on_the_way(fit)
    elif not monitor.converged and max_iter > 0 and monitor.stopped != STOPPED_BY_CALLBACK:
        yield ConvergenceWarning, convergence_message(fit, tol)


def _stopped_on_the_way(fit: Fit) -> str:
    return (
        "The likelihood has no maximum here that means anything: from every start EM leads to a degenerate "
        f"mixture (from this one: {fit.leads_to}), so that this is one from before its way there. Use fewer "
        "components, or a covariance_type with fewer parameters."
    )


def convergence_message(fit: Fit, tol: float) -> str:
    """Say what was still changing, what is left to gain and what to do."""
    monitor = fit.monitor
    advice = (
        "Best performing initialization did not converge. "
        "Try different init parameters, or increase max_iter, tol, or check for degenerate data. "
    )
    if fit.failure:
        return f"{advice}It stopped before iteration {monitor.n_iter + 1}: {fit.failure}"
    gain = "an unknown rest is"
    if np.isfinite(fit.remaining_gain):
        gain = f"about {fit.remaining_gain:.2g} is"
    change = ""
    if np.isfinite(monitor.change):
        change = f"it still changed by {monitor.change:.3g} in an iteration; tol is {tol:g}; "
    why = f" ({monitor.stopped})" if monitor.stopped else ""
    plural = "" if monitor.n_iter == 1 else "s"
    objective = "log-likelihood" if fit.mixture.posterior is None else "variational bound"
    return (
        f"{advice}"
        f"After {monitor.n_iter} iteration{plural}{why} the mean {objective} is "
        f"{monitor.history[-1]:.6g}; {change}{gain} left to gain."
    )


def doubts_about_components(
    fit: Fit,
    blocks: Callable[[], Blocks],
    reg_covar: FloatArray,
    asked: float | str,
    names: Array | None,
) -> Iterator[Doubt]:
    """Yield category and sentence of each warning: one of degenerate components, one of a wide reg_covar.

    blocks: the rows, asked for where there is something to say.
    """
    floor = "reg_covar" if asked == "auto" else f"reg_covar={asked:g}"
    if fit.doubts:
        yield DegenerateComponentWarning, _degenerate(fit, blocks(), floor, names)
    elif _counts_parameters(fit.mixture) and (
        many := too_many_parameters(
            "The model",
            fit.mixture.n_parameters if fit.n_parameters is None else fit.n_parameters,
            float(fit.effective_rows.sum()),
            fit.n_held,
        )
    ):
        yield DataWarning, many
    elif asked != "auto":
        shares = _shares(fit.mixture, reg_covar)
        k, has_matrices = int(shares.argmax()), fit.mixture.structure.has_matrices
        # Columns without a variance of their own were named before the fit.
        if shares[k] > _WIDENED and not findings(blocks(), names, has_matrices):
            yield (
                DataWarning,
                f"{floor} is {shares[k]:.1%} of the smallest variance of component {k}, which is that "
                "much too wide: give reg_covar='auto', or X in larger units.",
            )


def _counts_parameters(mixture: Mixture) -> bool:
    """Whether parameters may be too many for the rows: a posterior leaves components out."""
    return mixture.n_components > 1 and mixture.posterior is None


def _degenerate(fit: Fit, blocks: Blocks, floor: str, names: Array | None) -> str:
    """Of the components whose doubt is of the gravest kind; the others' are in `diagnosis_`."""
    gravest = fit.doubts[0]
    alike = sorted(doubt.component for doubt in fit.doubts if doubt.kind == gravest.kind)
    has_matrices = fit.mixture.structure.has_matrices
    is_held = any(doubt.kind == "held up" for doubt in fit.doubts)
    found = findings(blocks, names, has_matrices) if is_held or gravest.kind == "few rows" else []
    held = [doubt.component for doubt in fit.doubts if doubt.kind == "held up"]
    if gravest.kind == "few rows" and not (held and found):
        if "min_component_rows" in gravest.words:
            return f"{_sentence(gravest)}: {_FEWER}."
        needed = rows_needed(fit.mixture.structure, fit.mixture.n_features)
        return _few_rows(alike, fit.effective_rows[alike[0]], needed)
    if held:
        return _held_up(sorted(held), floor, found)
    return f"{_sentence(gravest)}: {_REMEDIES[gravest.kind]}."


_FEWER = "use fewer components, another start, or a covariance_type with fewer parameters"
_REMEDIES = {
    "point mass": (
        f"its likelihood has no bound, so that it means nothing; {_FEWER}, and model rows of a value that "
        "stands for something else, as 0 for none, apart"
    ),
    "thinner than recorded": f"it fits the rounding of the values, not what they measure; {_FEWER}",
    "spike": (
        f"they hardly spread in some direction, so that the likelihood means little; {_FEWER}"
    ),
    "coincident": "fewer components say as much; use a smaller n_components, or another start",
}


def _sentence(doubt: ComponentDoubt) -> str:
    return doubt.words[0].upper() + doubt.words[1:]


def _shares(mixture: Mixture, reg_covar: FloatArray) -> FloatArray:
    """Largest share of reg_covar in each component's variance; the trace as a bound where that is small."""
    k, d = mixture.means.shape
    structure, factors = mixture.structure, mixture.precisions_cholesky
    if (
        structure.has_matrices
    ):  # the diagonals of P P^T alone: the products cost as much as an M-step
        diagonals = np.einsum("...ij,...ij->...i", factors, factors)
    else:
        diagonals = structure.diagonals(structure.precisions(factors), k, d)
    bounds = (np.broadcast_to(diagonals, (k, d)) * reg_covar).sum(axis=1)
    return bounds if bounds.max() <= _WIDENED else floor_share(mixture, reg_covar)


def _few_rows(few: list[int], n_rows: float, needed: int) -> str:
    verb, its = (
        ("stands", "its covariance needs") if len(few) == 1 else ("stand", "a covariance needs")
    )
    return (
        f"{_listed(few)} {verb} on fewer rows than {its} ({n_rows:.4g} of {needed}), so that "
        "the likelihood means nothing: use fewer components, or a covariance_type with fewer parameters."
    )


def _held_up(held: list[int], floor: str, found: list[str]) -> str:
    why = "; ".join(found)
    if not found and floor == "reg_covar":
        why = (
            "their rows spread in fewer dimensions than there are features: use fewer components, or a "
            "covariance_type with fewer parameters"
        )
    why = why or "their data spread less than that: give X in larger units, or lower reg_covar"
    verb = "is" if len(held) == 1 else "are"
    return (
        f"{_listed(held)} {verb} held up by {floor} alone, so the likelihood depends on it: {why}."
    )


def _listed(components: list[int]) -> str:
    plural = "s" if len(components) > 1 else ""
    rest = ", ..." if len(components) > 10 else ""
    return f"Component{plural} {', '.join(map(str, components[:10]))}{rest}"
