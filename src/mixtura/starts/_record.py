"""What became of each start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StartRecord:
    """What became of one start.

    Attributes
    ----------
    kind : str
        Name of the start. Those of the default's search come before the 'auto' that runs on from the
        best of them.
    seed : int or None
        `random_state=seed, n_init=1` repeats this start alone; None where nothing was random.
    n_rows : int
        Rows that it used, distinct ones in the default's search; 0 where it never began.
    n_iter : int
        EM iterations made.
    log_likelihood : float
        Mean log-likelihood of its last mixture; NaN if there is none.
    converged : bool
    ended : str
        Why it ended: 'converged', 'max_iter reached', 'behind the best', 'near a known optimum' or 'near a
        known degenerate end' (where another start had ended: `log_likelihood` is then that end's), or what
        went wrong; 'not begun: ...' where the callback or max_time ended the fit before it.
    n_passes : int
        E-steps made, those at refused proposals of the acceleration included.
    """

    kind: str
    seed: int | None
    n_rows: int
    n_iter: int
    log_likelihood: float
    converged: bool
    ended: str
    n_passes: int = 0
