"""What a fit warns of: one sentence each."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mixtura._rows import Array, FloatArray
from mixtura.blocks import Blocks
from mixtura.diagnosis import HELD_UP, floor_share, rows_needed, same_components, spike
from mixtura.errors import DataWarning, DegenerateComponentWarning, SourceError
from mixtura.estimators._findings import column_warning, findings, row_findings
from mixtura.estimators._fitting import STOPPED_BY_CALLBACK, Fit
from mixtura.mixture import Mixture

# Share of reg_covar in a component's variance from which a number given by the user is worth a word.
_WIDENED = 0.01


Doubt = tuple[type[Warning], str]


def warn_of(what: str, doubts: Iterator[Doubt], stacklevel: int) -> None:
    """Warn of what a check finds. One that fails says so, and ends no fit.

    stacklevel: as of `warnings.warn`, seen from the caller.
    """
    for category, message in _without_failing(what, doubts):
        warnings.warn(message, category, stacklevel=stacklevel + 1)


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
    """What is hopeless in the data, to be said before minutes of EM."""
    if columns := column_warning(blocks, names, has_matrices):
        yield DataWarning, columns
    elif few := row_findings(blocks, n_components):
        yield DataWarning, f"{few} Use fewer components."


def doubts_about_end(fit: Fit, tol: float, max_iter: int) -> Iterator[Doubt]:
    """Whether EM ended before it converged, and nobody asked for that."""
    monitor = fit.monitor
    if not monitor.converged and max_iter > 0 and monitor.stopped != STOPPED_BY_CALLBACK:
        yield ConvergenceWarning, convergence_message(fit, tol)


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
    return (
        f"{advice}"
        f"After {monitor.n_iter} iteration{plural}{why} the mean log-likelihood is "
        f"{monitor.history[-1]:.6g}; {change}{gain} left to gain."
    )


def doubts_about_components(
    mixture: Mixture,
    effective_rows: FloatArray,
    blocks: Blocks,
    reg_covar: FloatArray,
    asked: float | str,
    names: Array | None,
) -> Iterator[Doubt]:
    """Yield category and sentence of each warning: one of degenerate components, one of a wide reg_covar."""
    shares = _shares(mixture, reg_covar)
    held = np.flatnonzero((shares > HELD_UP) & (mixture.weights > 0))
    few = np.flatnonzero(effective_rows < rows_needed(mixture))
    thin = spike(mixture, effective_rows)
    same = same_components(mixture)
    floor = "reg_covar" if asked == "auto" else f"reg_covar={asked:g}"
    found = findings(blocks, names, mixture.structure.has_matrices) if len(held) else []
    if len(few) and not found:
        yield DegenerateComponentWarning, _few_rows(few, effective_rows, rows_needed(mixture))
    elif len(held):
        yield DegenerateComponentWarning, _held_up(held, floor, found)
    elif thin is not None:
        yield DegenerateComponentWarning, _thin(thin, effective_rows[thin])
    elif same is not None:
        yield (
            DegenerateComponentWarning,
            f"Components {same[0]} and {same[1]} are the same, so that fewer say as much: use a smaller "
            "n_components, or another start.",
        )
    elif asked != "auto" and shares.max() > _WIDENED:
        k = int(shares.argmax())
        yield (
            DataWarning,
            f"{floor} is {shares[k]:.1%} of the smallest variance of component {k}, which is that "
            "much too wide: give reg_covar='auto', or X in larger units.",
        )


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


def _few_rows(few: Array, effective_rows: FloatArray, needed: int) -> str:
    verb, its = (
        ("stands", "its covariance needs") if len(few) == 1 else ("stand", "a covariance needs")
    )
    return (
        f"{_listed(few)} {verb} on fewer rows than {its} ({effective_rows[few[0]]:.3g} of {needed}), so that "
        "the likelihood means nothing: use fewer components, or a covariance_type with fewer parameters."
    )


def _held_up(held: Array, floor: str, found: list[str]) -> str:
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


def _thin(component: int, n_rows: float) -> str:
    return (
        f"Component {component} is a spike: its {n_rows:.3g} rows hardly spread in some direction, so that "
        "the likelihood means little: use fewer components, another start, or a covariance_type with fewer "
        "parameters."
    )


def _listed(components: Array) -> str:
    plural = "s" if len(components) > 1 else ""
    rest = ", ..." if len(components) > 10 else ""
    return f"Component{plural} {', '.join(map(str, components[:10]))}{rest}"
