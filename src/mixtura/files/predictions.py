"""What a mixture says of rows, as columns of a table, and into a Parquet file as they come."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from mixtura.files.output import replacing
from mixtura.mixture import Mixture, labels, log_density, responsibilities
from mixtura.support.arrays import Array
from mixtura.support.names import nearest

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
    mixture: Mixture, rows: Array, what: Sequence[str], threads: int
) -> dict[str, pa.Array]:
    """Columns of what is asked for; the responsibilities are one a component."""
    shares = None
    if {"certainty", "responsibilities"} & set(what):
        shares = responsibilities(mixture, rows, threads)
    columns: dict[str, Array] = {}
    for name in what:
        if name == "label":
            columns[name] = labels(mixture, rows, threads)
        elif name == "log_density":
            columns[name] = log_density(mixture, rows, threads)
        elif name == "certainty":
            assert shares is not None
            columns[name] = shares.max(axis=1)
        else:
            assert shares is not None
            columns |= {f"responsibility_{k}": share for k, share in enumerate(shares.T)}
    return {name: pa.array(column) for name, column in columns.items()}


def write_parquet(path: str | os.PathLike[str], tables: Iterable[dict[str, Any]]) -> None:
    """Write tables one below the other; the file is whole, or as it was before.

    Raises
    ------
    OSError
        If it cannot be written, as on a full disk.
    """
    with replacing(path) as temporary, ExitStack() as stack:
        writer = None
        for columns in tables:
            batch = pa.RecordBatch.from_pydict(columns)
            if writer is None:
                writer = pyarrow.parquet.ParquetWriter(temporary, batch.schema)
                stack.enter_context(writer)
            writer.write_batch(batch)
