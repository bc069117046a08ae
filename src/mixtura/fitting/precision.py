"""The precision of a fit: that of the rows, or float64 where it does not hold the covariances."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mixtura.em.regularisation import regularisation
from mixtura.errors import SingularCovarianceError
from mixtura.fitting.best_of_starts import Fit, Options, best_fit
from mixtura.fitting.request import StartRequest
from mixtura.mixture import arithmetic
from mixtura.rows import Blocks
from mixtura.starts import StartRecord


@dataclass(frozen=True, eq=False)
class Found:
    """The best fit, what became of all starts, and with which rows and options it was found."""

    fit: Fit
    records: list[StartRecord]
    blocks: Blocks
    options: Options


def best_fit_in_precision(
    request: StartRequest, blocks: Blocks, options: Options, reg_covar: float | str
) -> Found:
    """The best of all starts; in float64 where float32 does not hold the covariances that it comes to.

    reg_covar: as the user gave it.

    Raises
    ------
    SingularCovarianceError
        If every start failed.
    ValueError
        If a start that is given is not possible.
    """
    checkpoint = options.checkpoint
    if checkpoint is None or not checkpoint.in_double:
        found = _found_as_they_are(request, blocks, options)
        if found is not None:
            return found
        if checkpoint is not None:
            checkpoint.begin_again()
    blocks = blocks.in_double()
    grounds = replace(options.grounds, reg_covar=regularisation(reg_covar, blocks))
    options = replace(options, grounds=grounds)
    return Found(*best_fit(request.beginnings(blocks, options), blocks, options), blocks, options)


def _found_as_they_are(request: StartRequest, blocks: Blocks, options: Options) -> Found | None:
    """In the precision of the rows; None where float64 is to be tried."""
    has_matrices = request.structure.has_matrices
    beginnings = request.beginnings(blocks, options)
    try:
        fit, records = best_fit(beginnings, blocks, options)
    except SingularCovarianceError:
        if blocks.dtype == np.float64 or not has_matrices:
            raise
        return None
    is_single = blocks.dtype == np.float32
    is_held = arithmetic(fit.mixture, blocks.dtype) == blocks.dtype
    ended_badly = bool(fit.failure or fit.leads_to)
    if not is_held or (ended_badly and has_matrices and is_single):
        return None
    return Found(fit, records, blocks, options)
