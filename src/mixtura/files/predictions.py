"""What a mixture says of rows, as columns of a table, and into a Parquet file as they come."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mixtura.files.output import replacing
from mixtura.mixture import Mixture, Predictive, labels, log_predictive, responsibilities
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.names import nearest
from mixtura.support.prefetch import Prefetched

OUTPUTS = ("label", "certainty", "log_density", "responsibilities")


def check_outputs(what: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of the outputs asked for, in the order asked.

    Raises
    ------
    ValueError
        If one is unknown, or there is none.
    """
    asked = (what,) if isinstance(what, str) else tuple(what)
    for name in asked:
        if name not in OUTPUTS:
            raise ValueError(
                f"what must be of {', '.join(map(repr, OUTPUTS))}, got {name!r}.{nearest(name, OUTPUTS)}"
            )
    if not asked:
        raise ValueError(f"what is empty: name some of {', '.join(map(repr, OUTPUTS))}.")
    return asked


def predictions(
    mixture: Mixture,
    X: Array,
    what: Sequence[str],
    threads: int,
    predictive: Predictive | None = None,
    *,
    single: bool,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> dict[str, pa.Array]:
    """Columns of what is asked for; the responsibilities are one a component, and one of noise.

    missing: whether NaN stands for features that were not observed. errors: with which they were measured.
    predictive: of whose density 'log_density' is the log; None: the mixture. single: whether certainty and
    responsibilities, between 0 and 1, are float32, for a file of half the size.
    """
    about: dict[str, Any] = {"missing": missing, "errors": errors}
    shares = None
    if {"certainty", "responsibilities"} & set(what):
        shares = responsibilities(mixture, X, threads, **about)
        shares = np.asarray(shares, dtype=np.float32 if single else np.float64, order="F")
    columns: dict[str, Array] = {}
    for name in what:
        if name == "label":
            columns[name] = labels(mixture, X, threads, **about)
        elif name == "log_density":
            density = mixture if predictive is None else predictive
            columns[name] = log_predictive(density, X, threads, **about)
        elif name == "certainty":
            assert shares is not None
            columns[name] = shares.max(axis=1)
        else:
            assert shares is not None
            own = [*range(mixture.n_components), *["noise"] * (mixture.noise is not None)]
            columns |= {
                f"responsibility_{k}": share for k, share in zip(own, shares.T, strict=True)
            }
    return {name: pa.array(column) for name, column in columns.items()}


def write_parquet(path: str | os.PathLike[str], tables: Iterable[dict[str, Any]]) -> None:
    """Write tables one below the other; the file is whole, or as it was before.

    Raises
    ------
    OSError
        If it cannot be written, as on a full disk.
    """
    with replacing(path) as temporary:
        write_batches(map(pa.RecordBatch.from_pydict, tables), temporary)


def write_batches(batches: Iterator[pa.RecordBatch], path: Path) -> int:
    """Write a Parquet file, while another thread makes the next batch; count the rows."""
    n_rows = 0
    with ExitStack() as stack:
        writer = None
        for batch in stack.enter_context(Prefetched(batches)):
            if writer is None:
                writer = stack.enter_context(_writer(path, batch.schema))
            writer.write_batch(batch)
            n_rows += batch.num_rows
    return n_rows


def _writer(path: Path, schema: pa.Schema) -> pyarrow.parquet.ParquetWriter:
    # Among floating-point numbers hardly any is there twice: to look for them takes four fifths of the time.
    repeated = [field.name for field in schema if not pa.types.is_floating(field.type)]
    return pyarrow.parquet.ParquetWriter(path, schema, use_dictionary=repeated)
