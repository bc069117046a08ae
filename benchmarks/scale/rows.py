"""A Parquet file of rows of a mixture, made a million rows at a time."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mixtura import Mixture

N_FEATURES = 16
_AT_ONCE = 1_000_000


def names() -> list[str]:
    return [f"x{j}" for j in range(N_FEATURES)]


def truth(n_components: int) -> Mixture:
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_components, N_FEATURES, N_FEATURES)) / 4 + np.eye(N_FEATURES)
    return Mixture.from_parameters(
        rng.dirichlet(np.full(n_components, 5.0)),
        3 * rng.normal(size=(n_components, N_FEATURES)),
        factors @ np.swapaxes(factors, 1, 2),
        covariance_type="full",
    )


def begin(n_components: int) -> dict[str, np.ndarray]:
    """Parameters near the truth, so that every run makes the same iterations."""
    mixture = truth(n_components)
    return {
        "weights_init": mixture.weights,
        "means_init": mixture.means + 0.1,
        "precisions_init": mixture.precisions,
    }


def write(path: Path, n_rows: int, n_components: int) -> None:
    mixture = truth(n_components)
    schema = pa.schema([(name, pa.float32()) for name in names()])
    with pa.parquet.ParquetWriter(path, schema) as writer:
        for number, first in enumerate(range(0, n_rows, _AT_ONCE)):
            X, _ = mixture.sample(min(_AT_ONCE, n_rows - first), number)
            columns = X.astype(np.float32).T
            writer.write_table(pa.table(dict(zip(names(), columns, strict=True))))


def array(path: Path) -> np.ndarray:
    table = pa.parquet.ParquetFile(path)
    X = np.empty((table.metadata.num_rows, N_FEATURES), dtype=np.float32)
    first = 0
    for batch in table.iter_batches():
        for j, column in enumerate(batch.columns):
            X[first : first + batch.num_rows, j] = column.to_numpy()
        first += batch.num_rows
    return X
