"""When EM stops, and who is told on the way."""

from __future__ import annotations

from time import monotonic

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.mixture import Mixture


class Monitor(_core.Monitor):
    """Is told the mean log-likelihood of every mixture and decides whether EM goes on.

    Convergence is scikit-learn's: the change of the mean log-likelihood from one iteration to the next
    is at most `tol` in size; then the M-step that is already paid for is still made. With tol=0 EM ends when
    the log-likelihood has not risen for ten iterations: near the optimum it is flat to rounding long
    before the parameters, whose error enters it squared.

    Parameters
    ----------
    tol : float
        In nats a row.
    max_iter : int
        Largest number of M-steps.
    accelerated : bool, default=False
        Whether steps are quasi-Newton steps. The first ones of those are as short as EM's, so that one small
        change says nothing: then three in a row are asked for, and no further step is made.
    deadline : float, default=inf
        In `time.monotonic`'s seconds.
    stop : Stop, optional
        Ends the loop when another thread sets it.

    Attributes
    ----------
    history : list of float
        Mean log-likelihood of the start and after each M-step.
    n_iter : int
        Number of M-steps made.
    change : float
        Size of the last change of the mean log-likelihood; infinite before there is one.
    converged : bool
    n_passes : int
        Number of E-steps made.
    n_refused : int
        E-steps at proposals of the acceleration that were not taken.
    stopped : str
        Who ended the loop from outside, or ''.
    predicted_gain : float
        Mean log-likelihood still to gain where the loop ended, by the acceleration's quadratic model; NaN
        without one.
    remaining_gain : float
        The same by Aitken's estimate from the last two rises; infinite where they do not shrink, NaN before
        there are two.
    failure : Exception or None
        Why no next mixture could be made.
    """

    #: The iterations at which `callback` is called: the first of them, and every how many; None: never.
    called: tuple[int, int] | None = None

    def __init__(
        self,
        tol: float,
        max_iter: int,
        accelerated: bool = False,
        deadline: float = np.inf,
        stop: _core.Stop | None = None,
    ) -> None:
        super().__init__(tol, max_iter, accelerated)
        self.failure: Exception | None = None
        self._deadline, self._stop = deadline, stop

    def begin(self, acceleration: _core.Acceleration | None) -> None:
        """Get ready for the loop, whose acceleration this is."""

    def callback(self, mixture: Mixture) -> str:
        """Look at the current mixture; what is returned ends the loop, unless it is ''."""
        raise NotImplementedError

    def options(self, structure: CovarianceStructure) -> _core.LoopOptions:
        """What else may end the loop: the deadline, a stop, the callback."""
        seconds = self._deadline if self._deadline == np.inf else self._deadline - monotonic()
        if self.called is None:
            return _core.LoopOptions(seconds, self._stop)
        return _core.LoopOptions(
            seconds,
            self._stop,
            lambda parameters: self.callback(Mixture(structure, *parameters)),
            *self.called,
        )

    @property
    def ended(self) -> str:
        """Why the loop ended, in words."""
        return super().ended if self.failure is None else str(self.failure)
