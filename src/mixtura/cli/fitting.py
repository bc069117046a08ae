"""Fit as the options say, with the library's objections in words; a fit that is stopped is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mixtura import BayesianGaussianMixture, GaussianMixture
from mixtura.cli.errors import CommandError, UsageError, in_our_words, notes, reason, suggestion
from mixtura.cli.outputs import writing
from mixtura.cli.progress import progress_of_fit
from mixtura.cli.rows import Given
from mixtura.cli.tables import Rows
from mixtura.covariance import ONE_FEATURE, STRUCTURES
from mixtura.errors import SourceError
from mixtura.files.output import check_no_other_file, check_state_target


def check_jobs(jobs: int | None) -> None:
    """Refuse no threads at all."""
    if jobs == 0:
        raise UsageError("--jobs is 0, but a fit needs at least one thread; -1 means all cores")


def check_options(n_components: int | str, covariance: str, jobs: int | None) -> None:
    """Refuse what no data could make right of a single fit, before any file is read."""
    check_jobs(jobs)
    if isinstance(n_components, str):
        raise UsageError(
            f"-k is {n_components!r}, but a fit has one; mixtura select compares several, and --by chooses "
            "for each group"
        )
    if "," in covariance or covariance == "all":
        raise UsageError(
            f"--covariance is {covariance!r}, but a fit has one; mixtura select compares several"
        )
    if covariance not in STRUCTURES and covariance not in ONE_FEATURE:
        raise UsageError(f"unknown covariance {covariance!r}.{suggestion(covariance, STRUCTURES)}")


def check_checkpoint(checkpoint: str | None, resume: bool) -> None:
    """See that the state of a fit or a sweep can be written, before there is one."""
    if checkpoint is None:
        if resume:
            raise UsageError("--resume goes on from a file; name it with --checkpoint")
        return
    with writing(checkpoint):
        check_state_target(checkpoint)
        if not resume:
            check_no_other_file(checkpoint)


def bayesian_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those of `BayesianGaussianMixture`; refuse the others where they were given."""
    ours = BayesianGaussianMixture().get_params()
    usual = GaussianMixture().get_params()
    others = [name for name in options if name not in ours]
    given = [name for name in others if options[name] != usual[name]]
    if given:
        flag = f"--{given[0].replace('_', '-')}"
        raise UsageError(f"{flag} does not go with --bayesian, whose prior is of all parameters")
    if options["covariance_type"] not in _WITH_A_PRIOR:
        raise UsageError(
            f"--covariance {options['covariance_type']} does not go with --bayesian; it takes "
            f"{', '.join(_WITH_A_PRIOR)}"
        )
    return {name: value for name, value in options.items() if name in ours}


# Covariances that have a conjugate prior.
_WITH_A_PRIOR = ("full", "tied", "diag", "spherical", "EEI", "EII", "VII", "VVI", "EEE", "VVV")


def check_no_groups(bayesian: bool, report: str | None) -> None:
    """Refuse for each of many groups what is of one fit."""
    if bayesian:
        raise UsageError("--bayesian fits all rows as one table; leave out --by")
    if report is not None:
        raise UsageError("--report is of one fit, and --by makes many; leave one of them out")


def fit(
    rows: Given, options: dict[str, Any], *, quiet: bool, bayesian: bool = False
) -> GaussianMixture:
    """Fit `GaussianMixture(**options)` to the rows, or with a prior that leaves components out."""
    _check_enough_rows(rows, options["n_components"])
    model = (BayesianGaussianMixture if bayesian else GaussianMixture)(**options)
    with library_in_words(rows.source, quiet=quiet), progress_of_fit(model, rows, quiet=quiet):
        model.fit(rows.X, sample_weight=rows.weight, labels=rows.label, error_std=rows.error_std)
    return model


def _check_enough_rows(rows: Given, n_components: int) -> None:
    if not isinstance(rows, Rows):
        return
    n_rows = len(rows.data)
    if n_rows == 1:
        raise CommandError(f"{rows.source} has 1 row, but a fit needs at least 2; give more rows")
    if n_rows < n_components:
        raise CommandError(
            f"{rows.source} has {n_rows} rows, fewer than the {n_components} components; "
            "give more rows or a smaller -k"
        )


@contextmanager
def keeping(checkpoint: str | None, resume: bool, what: str) -> Iterator[None]:
    """Say at Ctrl-C how `what` is kept goes on; name the file where it cannot be written."""
    if checkpoint is None:
        yield
        return
    before = _written_at(checkpoint)
    try:
        with writing(checkpoint):
            yield
    except KeyboardInterrupt as stop:
        now = _written_at(checkpoint)
        if now is None or (now == before and not resume):  # of another fit, or nothing yet
            raise
        kept = f"the {what} so far is kept in {checkpoint}"
        how = "the same command with --resume goes on from it"
        raise KeyboardInterrupt(*stop.args, f"{kept}, and {how}") from None


def _written_at(path: str) -> int | None:
    file = Path(path)
    return file.stat().st_mtime_ns if file.exists() else None


@contextmanager
def library_in_words(source: str, *, quiet: bool) -> Iterator[None]:
    """Turn errors of the fit into a sentence and its warnings into notes on stderr."""
    try:
        with notes(quiet=quiet):
            yield
    except SourceError as error:  # it names the file
        raise CommandError(in_our_words(reason(error))) from error
    except (ValueError, ArithmeticError) as error:
        raise CommandError(f"cannot fit {source}: {in_our_words(reason(error))}") from error
