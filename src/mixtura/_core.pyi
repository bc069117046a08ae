"""The kernels of mixtura. Internal: use the classes of the package."""

from collections.abc import Callable, Sequence
import enum
from typing import Annotated, overload

import numpy
from numpy.typing import NDArray


class Structure(enum.Enum):
    full = 0

    tied = 1

    diag = 2

    spherical = 3

class Model(enum.Enum):
    """The 14 models of Celeux & Govaert 1995."""

    EII = 0

    VII = 1

    EEI = 2

    VEI = 3

    EVI = 4

    VVI = 5

    EEE = 6

    VEE = 7

    EVE = 8

    VVE = 9

    EEV = 10

    VEV = 11

    EVV = 12

    VVV = 13

class Mixture:
    """A mixture's arrays; covariances None: only its E-steps are asked for."""

    def __init__(self, structure: Structure, weights: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], means: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], covariances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, precisions_cholesky: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], df: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, noise: tuple[float, float, Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None] | None = None, posterior: tuple[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]] | None = None) -> None: ...

class SumLayout:
    """Which sums there are in a block of statistics, and where."""

    def __init__(self, structure: Structure, n_components: int, n_features: int, has_scales: bool = False) -> None: ...

    @property
    def size(self) -> int:
        """Numbers in the block."""

    @property
    def sums(self) -> list:
        """
        (name, first number, shape, whether it is one a component) of each sum.
        """

def about(structure: Structure, centres: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], block: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], new_centres: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]) -> tuple:
    """The same sums about other centres: (centres, block)."""

def eigen(matrix: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], values: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], vectors: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> None:
    """
    Eigenvalues of a symmetric matrix, descending, and eigenvectors as rows; destroys the matrix.
    """

class Rows:
    """Rows in an array, with all that they bring."""

    @overload
    def __init__(self, rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, responsibilities: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)] | None = None, labels: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, log_terms: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, missing: bool = False, errors: Annotated[NDArray[numpy.float64], dict(device='cpu', writable=False)] | None = None) -> None: ...

    @overload
    def __init__(self, rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, responsibilities: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)] | None = None, labels: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, log_terms: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, missing: bool = False, errors: Annotated[NDArray[numpy.float64], dict(device='cpu', writable=False)] | None = None) -> None: ...

class Expectation:
    """
    What an E-step is asked for. hard: a row belongs wholly to its likeliest component; moments: more than the
    scalars; total: (weight, mean, scatter) of all rows.
    """

    def __init__(self, hard: bool = False, moments: bool = True, total: tuple[float, Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]] | None = None) -> None: ...

@overload
def evaluate(rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)], mixture: Mixture, n_threads: int, missing: bool = False, errors: Annotated[NDArray[numpy.float64], dict(device='cpu', writable=False)] | None = None, *, log_density: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None = None, responsibilities: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None = None, labels: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu')] | None = None, log_joint: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None = None, expected: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None = None, variances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None = None, covariances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None = None, gradient: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None = None, hessian: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None = None) -> None: ...

@overload
def evaluate(rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), device='cpu', writable=False)], mixture: Mixture, n_threads: int, missing: bool = False, errors: Annotated[NDArray[numpy.float64], dict(device='cpu', writable=False)] | None = None, *, log_density: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None = None, responsibilities: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None = None, labels: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu')] | None = None, log_joint: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None = None, expected: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None = None, variances: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None = None, covariances: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None = None, gradient: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None = None, hessian: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None = None) -> None:
    """Per-row results, into those arrays that are given."""

@overload
def find_nonfinite(rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)], n_threads: int) -> tuple[int, int, int]: ...

@overload
def find_nonfinite(rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), device='cpu', writable=False)], n_threads: int) -> tuple[int, int, int]:
    """
    (count, row, feature) of the NaN and infinities; the first one's place, or -1.
    """

@overload
def find_extent(rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)], n_threads: int) -> tuple: ...

@overload
def find_extent(rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), device='cpu', writable=False)], n_threads: int) -> tuple:
    """The least and the most of each feature."""

@overload
def find_distinct(rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, first: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')], weights: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> int: ...

@overload
def find_distinct(rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, first: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')], weights: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> int:
    """
    Fills the places and the weights of the distinct rows; returns their number, or one more than there is room for.
    """

class MStep:
    """What makes a mixture from sums."""

    @property
    def model(self) -> Model: ...

    @property
    def n_features(self) -> int: ...

    @property
    def n_components(self) -> int: ...

    def bound(self, mixture: Mixture) -> float:
        """What the objective has beside the log-likelihood, in nats."""

class Knowledge:
    """
    What is known of the parameters of so many components; 0: of each of any number.
    prior: weight_counts, means, mean_counts, covariance_counts, scatters. fixed: weights, means,
    covariances, NaN where they are free. bounds: whether weights are equal, the least, the greatest
    ratio of eigenvalues, by what columns are divided before.
    """

    def __init__(self, model: Model, n_components: int, n_features: int, prior: tuple[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]] | None, fixed: tuple[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None], bounds: tuple[bool, float, float, Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None]) -> None: ...

class MaximumLikelihood(MStep):
    """
    added: to the variance of each feature. tails: of Student's t components, whether they share their degrees
    of freedom, and these, if they are given. noise_log_density: of a constant background. known: of parameters.
    noise_log_sides: of the box in which the background is uniform.
    """

    def __init__(self, model: Model, added: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], tails: tuple[bool, Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None] | None = None, noise_log_density: float | None = None, known: Knowledge | None = None, noise_log_sides: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None) -> None: ...

class Variational(MStep):
    """
    The posterior of variational Bayes. added: to the variance of each feature. sticks: whether the weights' prior
    is of sticks, and not a Dirichlet distribution. by_size: whether the sticks are in the order of the
    components' rows. counts: concentration, stick counts, mean, mean precision, degrees of freedom and scatter
    (in the shape of one covariance), each one for all components or one of each. noise_counts: of the Beta
    distribution of the noise's weight.
    """

    def __init__(self, model: Model, added: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], sticks: bool, by_size: bool, counts: tuple[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]], noise_log_density: float | None = None, noise_log_sides: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, noise_counts: tuple[float, float] = (1.0, 1.0)) -> None: ...

def maximise(m_step: MStep, centres: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], block: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], before: Mixture | None, n_threads: int) -> object:
    """
    (weights, means, covariances, precisions_cholesky, df, noise, posterior), or the number of the first component whose covariance is
    not positive definite.
    """

def factorise(structure: Structure, covariances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], n_components: int, n_features: int, n_threads: int) -> object:
    """
    precisions_cholesky from covariances; the number of the first that is not positive definite.
    """

class Recycling:
    """A context within which large matrices lie where others lay before."""

    def __init__(self) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *args: object) -> None: ...

class Acceleration:
    """Quasi-Newton acceleration of EM; see acceleration.hpp."""

    def __init__(self, structure: Structure, n_components: int, n_features: int, has_scales: bool = False) -> None: ...

    def state(self) -> NDArray[numpy.float64]:
        """All that it remembers, as numbers."""

    def restore(self, state: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]) -> bool:
        """Go on from there; False where the numbers are not those of such a one."""

class RowSource:
    """Who answers the E-step."""

class MemoryRows(RowSource):
    """Rows in memory, in one part or several, the largest first."""

    def __init__(self, parts: list) -> None: ...

class StreamRows(RowSource):
    """
    Rows that come part after part: parts() gives an iterator over Rows, anew for each pass.
    """

    def __init__(self, parts: Callable, single: bool) -> None: ...

class CalledRows(RowSource):
    """
    Rows whose sums another computes: accumulate((hard, moments, total), parameters, centres) returns their block.
    """

    def __init__(self, accumulate: Callable, single: bool) -> None: ...

class Stop:
    """Ends loops and searches in other threads."""

    def __init__(self) -> None: ...

    def set(self) -> None:
        """End them."""

    def is_set(self) -> bool:
        """Whether they are to end."""

class Monitor:
    """Is told the objective of every mixture; see monitor.hpp."""

    def __init__(self, tol: float, max_iter: int, accelerated: bool) -> None: ...

    @property
    def tol(self) -> float: ...

    @property
    def max_iter(self) -> int: ...

    @property
    def accelerated(self) -> bool: ...

    @property
    def history(self) -> list[float]: ...

    @property
    def converged(self) -> bool: ...

    @property
    def n_refused(self) -> int: ...

    @n_refused.setter
    def n_refused(self, arg: int, /) -> None: ...

    @property
    def failed(self) -> int: ...

    @property
    def failed_count(self) -> float: ...

    @property
    def stopped(self) -> str: ...

    @stopped.setter
    def stopped(self, arg: str, /) -> None: ...

    @property
    def predicted_gain(self) -> float: ...

    @property
    def n_iter(self) -> int: ...

    @property
    def n_passes(self) -> int: ...

    @property
    def ended(self) -> str: ...

    @property
    def change(self) -> float: ...

    @property
    def remaining_gain(self) -> float:
        """Mean log-likelihood that EM would still gain, by Aitken's estimate."""

    def goes_on(self, mean_log_likelihood: float) -> bool: ...

class LoopOptions:
    """
    What ends a loop from outside. callback(parameters): at iteration `first` and every `every`-th one
    after it; what it returns ends the loop unless empty.
    """

    def __init__(self, seconds: float, stop: Stop | None = None, callback: Callable | None = None, first: int = 0, every: int = 1) -> None: ...

class Task:
    """What EM works with."""

    def __init__(self, rows: RowSource, m_step: MStep, expectation: Expectation) -> None: ...

def accumulate(rows: RowSource, expectation: Expectation, mixture: Mixture, centres: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, n_threads: int) -> NDArray[numpy.float64]:
    """E-step: the block of the sums about centres (None: the means)."""

def accumulate_given(rows: RowSource, structure: Structure, centres: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], n_threads: int) -> NDArray[numpy.float64]:
    """The same of rows that bring their responsibilities."""

def spread_about(rows: RowSource, structure: Structure, centre: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], n_threads: int) -> tuple:
    """
    (weight, mean, scatter, what the mean was rounded by, variances) of all rows, each of which brings
    responsibility 1, from their sums about a point: full, or diag, whose scatter is the diagonal.
    """

def expect_given(rows: RowSource, structure: Structure, n_components: int, n_features: int, n_threads: int) -> object:
    """
    (centres, block) of rows that bring their responsibilities, about the means that they imply; None: no
    component has a row.
    """

def expectation_maximisation(task: Task, mixture: Mixture, monitor: Monitor, acceleration: Acceleration | None, options: LoopOptions, n_threads: int) -> tuple:
    """
    EM from a mixture on. Returns the last one's (weights, means, covariances, precisions_cholesky), and its
    (centres, block).
    """

def online_step(task: Task, step: float, mixture: Mixture, centres: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], block: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], n_threads: int) -> tuple:
    """
    One M-step from the sums so far and those of a batch: as expectation_maximisation, or (the first singular
    component, its rows).
    """

class Recording:
    """
    How the values of each column were written down: to which step, which are shared.
    """

    @property
    def rounding(self) -> list[float]:
        """Variance of the rounding of each column; 0: its values lie on no grid."""

class SearchRows:
    """
    The rows of searches; doubles: the same, total: (weight, mean, scatter) of all of them; inexact: the same with
    gaps or errors, error_variances: (d) by which components are wider as they are measured;
    recording: how the values of rows were recorded, where that is known.
    """

    @overload
    def __init__(self, rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)], doubles: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, total: tuple[float, Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]], rows_per_weight: float, min_rows: float, labels: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, log_terms: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, inexact: Rows | None = None, error_variances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, recording: Recording | None = None) -> None: ...

    @overload
    def __init__(self, rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), device='cpu', writable=False)], doubles: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, total: tuple[float, Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]], rows_per_weight: float, min_rows: float, labels: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, log_terms: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, inexact: Rows | None = None, error_variances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None = None, recording: Recording | None = None) -> None: ...

class SearchProblem:
    """
    What is searched, and where. metric_reg_covar: above 0; seconds: after which no descent begins but the first, and each ends.
    """

    def __init__(self, rows: SearchRows, m_step: MStep, n_components: int, metric_reg_covar: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], seed: int, seconds: float) -> None: ...

def search(problem: SearchProblem, stop: Stop | None, n_threads: int) -> tuple:
    """
    The search behind the default start. Returns the best parameters, or None, and records (kind, n_iter,
    log_likelihood, converged, ended, n_passes, failed, failed_count); nothing and none where it was stopped.
    """

def better_end(problem: SearchProblem, starts: Sequence[tuple[str, Mixture]], stop: Stop | None, n_threads: int) -> tuple:
    """
    The better end of EM from mixtures, each with its name; what became of each. None: no end is proper, or stop was set.
    """

def search_from(problem: SearchProblem, given: Sequence[tuple[str, Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]]], incumbent: Mixture | None, budget: tuple[int, int], stop: Stop | None, n_threads: int) -> tuple:
    """
    The search from responsibilities that are given; returns the same. budget: E-steps for moves, and for its own.
    """

def split(rows: SearchRows, m_step: MStep, mixture: Mixture, responsibilities: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float64] | None:
    """
    Responsibilities of one component more: that is cut whose best cut gains most; None: none can be.
    """

def merged(mixture: Mixture, responsibilities: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float64]:
    """
    Responsibilities of one component fewer: the two whose merge costs least are one.
    """

def merge_losses(mixture: Mixture) -> NDArray[numpy.float64]:
    """Bound on what each merge of two components costs, in nats a row."""

def partition(problem: SearchProblem, metric: Model, max_iter: int) -> list[int]:
    """Labels by hard EM from seeds far apart, in the metric of EEI or EEE."""

def moves(rows: SearchRows, m_step: MStep, mixture: Mixture, responsibilities: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> list:
    """
    Merge-and-split moves, the most promising first: (gain, united, merged, share of each row for the second part).
    """

def leave_one_out(rows: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, mixture: Mixture, responsibilities: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> None:
    """Replaces responsibilities by those that leave each row itself out."""

def cut(structure: Structure, rows: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], weights: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], reg_covar: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], least_rows: float, sides: Annotated[NDArray[numpy.int8], dict(order='C', device='cpu')]) -> float:
    """
    Cuts the rows of positive weight in two; fills sides with 0 and 1 (-1: weight 0) and returns the gain.
    """

class Merge(enum.Enum):
    """What a merge of clusters raises least."""

    gaussian = 0

    ward = 1

def merges_of(merge: Merge, rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], counts: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], beside: float) -> list[list[int]]:
    """
    Rows merged pair by pair: the second cluster of each pair, named by its first row, joins the first.
    """

def rows_needed(model: Model, n_features: int) -> float:
    """Effective rows below which a component's covariance is degenerate."""

HELD_UP: float = 0.5

WIDE: int = 64

def recording_of(rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, rows_per_weight: float, single: bool) -> Recording:
    """Looks at the values of rows; single: they have passed through float32."""

def are_held_up(structure: Structure, total_covariance: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], reg_covar: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]) -> bool:
    """
    Whether all rows together have no variance beside reg_covar in some direction that the structure's covariances have.
    """

def doubts_about(m_step: MStep, mixture: Mixture, effective_rows: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], recording: Recording | None, min_rows: float, total_covariance: Callable, names: Sequence[str]) -> list[tuple[str, int, str, str]]:
    """
    What makes the likelihood of a mixture doubtful: (kind, component, label, words) of the gravest doubt, and of each other
    component; empty where nothing does. total_covariance(): of all rows; names: what to call the columns.
    """

class Asked:
    """
    What is fitted to small tables. reg_covar: None is a share of each feature's variance, of n_bits
    digits; range: sizes whose squares can be computed with; few_rows: so many distinct rows are a
    word worth; start: None is what a search finds; seconds: after which no iteration begins.
    """

    def __init__(self, model: Model, n_components: int, tol: float, max_iter: int, accelerate: bool, reg_covar: float | None, n_bits: int, min_rows: float, range: tuple[float, float], few_rows: int, start: Mixture | None, seconds: float) -> None: ...

class WholeFit:
    """The fit of a small table."""

    @property
    def mixture(self) -> tuple:
        """(weights, means, covariances, precisions_cholesky, df, noise)."""

    @property
    def statistics(self) -> tuple:
        """(centres, block)."""

    @property
    def monitor(self) -> Monitor:
        """What EM came to."""

    @property
    def reg_covar(self) -> NDArray[numpy.float64]:
        """What was added to the variance of each feature."""

    @property
    def records(self) -> list:
        """What became of each descent."""

    @property
    def n_searched(self) -> int:
        """Distinct rows, which the search saw; 0: there was none."""

MOST_OF_A_FACTOR: float = 1e+150

def whole_fits(tables: list, seeds: Sequence[int], asked: Asked, n_threads: int) -> list:
    """
    Fits side by side, one a table of float64. Where something is to be told of components what the search
    found, (parameters, records, distinct rows); where it is of rows, None.
    """

def refits(rows: Rows, weights: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], start: Mixture, m_steps: list, missing: bool, n_bits: int, has_box: bool, default_prior: bool, tol: float, max_iter: int, n_threads: int) -> tuple:
    """
    Fits to the rows with each row of weights, from one mixture on: (weights, means, covariances,
    precisions_cholesky, df or None, noise or None, [(component that collapsed or -1, its rows)]), one after
    the other; noise: weights, log densities, log sides and corners of its box, or None. m_steps: one for
    all, or one of each. missing: whether NaN may be among the features. n_bits: of what is added to variances,
    a share of those of the rows; 0: what the M-step adds. has_box: noise is uniform around the rows.
    default_prior: the prior has its mean and scatter from the rows.
    """

def observed(rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None) -> tuple:
    """(weight, mean, squares about it) of what is not NaN, of each feature."""

def box_directions(mean: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], variances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], covariance: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, solver: Callable) -> tuple:
    """
    (features that vary, their spreads, principal axes or None): in which a box may lie. solver: gives
    eigenvalues of a matrix, the largest first, and eigenvectors as rows.
    """

def box_sides(rows: Annotated[NDArray[numpy.float64], dict(shape=(None, None), device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, mean: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], directions: tuple[Sequence[int], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None]) -> NDArray[numpy.float64]:
    """
    The least and the most of the rows along the features, then along the axes.
    """

def box(mean: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], directions: tuple[Sequence[int], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None], sides: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]) -> tuple:
    """(log volume, log sides, corners) of a box with such sides."""

def default_scatter(structure: Structure, n_components: int, covariance: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], n_rows: float) -> NDArray[numpy.float64]:
    """
    Of the default prior, in the shape of one covariance; without matrices covariance is its diagonal.
    """

def drawn_counts(weights: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, n_rows: int, n_drawn: int, seeds: Sequence[int]) -> NDArray[numpy.float64]:
    """
    How often each row comes up in draws with replacement, for each seed; None: all are as likely. As many as
    MOST_DRAWS_A_ROW a row at most.
    """

MOST_DRAWS_A_ROW: int = 16

def significant(values: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], n_bits: int) -> NDArray[numpy.float64]:
    """Numbers rounded to so many binary digits."""

def added_by_default(mean: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], variances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], n_bits: int) -> NDArray[numpy.float64]:
    """
    What is added to the variance of each feature where nobody says how much.
    """

def are_surely_sound(mean: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], variances: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], covariance: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]) -> bool:
    """
    Whether no column is constant, or a combination of others, beyond doubt.
    """

def simd_level() -> str:
    """The instruction set in use."""

def simd_levels() -> list[str]:
    """Those that this machine has, the best first."""
