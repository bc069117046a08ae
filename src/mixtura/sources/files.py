"""Rows of files: `scan` finds them and says what reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mixtura.errors import SourceError
from mixtura.sources.source import Source
from mixtura.support.arrays import Array

StrPath = str | os.PathLike[str]


def scan(
    path: StrPath | Sequence[StrPath],
    columns: Sequence[str] | None = None,
    weight: str | None = None,
    label: str | Sequence[str] | None = None,
    *,
    error_std: Sequence[str] | None = None,
    format: str | None = None,  # noqa: A002 - pyarrow's name for it
    filesystem: Any = None,
    max_memory: int | str | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    skip: int = 0,
    comment: str | None = None,
    encoding: str | None = None,
    drop_missing: bool = False,
) -> Source | Array:
    """Rows of Parquet, Arrow or text files (CSV), to be fitted without ever being in memory together.

    Nothing but the names of the files and the head of the first is read here. A fit reads all of them once,
    checks every value, keeps what fits in `max_memory`, and reads the rest again at every iteration.

    Parameters
    ----------
    path : str, path or sequence of them
        A file; a folder, with all below it; or a pattern of either, such as 'year=*/*.parquet'. Files are
        read in the order of their names, those that begin with '.' or '_' left out. What is not local is
        named as a URI that pyarrow knows ('s3://bucket/folder').
    columns : sequence of str, default=None
        Features, in this order. Keys of hive partitions (folders named 'key=value') may be named, too. A
        column of lists of numbers, all of one length, such as embeddings, gives as many features: 'name_0',
        'name_1' and so on; it may be named by all of them as well. None: where a model is asked about the
        rows, the features that it was fitted to; else all columns of numbers that the first file holds, of
        lists if there are no others, `weight`, `label` and `error_std` left out.
    weight : str, default=None
        Column of weights: non-negative, a whole weight counts as that many equal rows.
    label : str or sequence of str, default=None
        Column of known labels, as `labels` of `GaussianMixture.fit`: the number of a row's component; -1, or
        an empty cell, where it is not known. Several columns, one a component and with noise one more, are a
        mask (booleans) or confidences: 1 in all of them where nothing is known.
    error_std : sequence of str, default=None
        Columns of the standard deviations of the errors that the features were measured with, one for each
        and in their order, as `error_std` of `GaussianMixture.fit`: 0 or more, infinite where a value is not
        known.
    format : {'parquet', 'arrow', 'csv'}, default=None
        None: by the extension, '.parquet' or '.pq', '.arrow', '.feather' or '.ipc', '.csv', '.tsv' or
        '.txt', text also with '.gz' after it; in a folder other files are passed over, and '.txt' beside
        files of another format. 'csv' is text of any delimiter.
    filesystem : pyarrow.fs.FileSystem, default=None
        Where `path` is. None: as a URI says, else local.
    max_memory : int or str, default=None
        Bytes of rows that are held at a time, as a number or as '200MB'. They include those that are being
        read and worked on, seven parts of 8 MB (16 in float64). None: a quarter of the memory that is free.
    delimiter : str, default=None
        Of text: what stands between cells, one character; ' ' is runs of spaces or tabs. None: as the first
        lines show. A line of column names comes first. A first column without a name, or one that the line
        of names has no name for, holds the rows' names (as R and pandas write them), and is no feature.
    decimal : {'.', ','}, default='.'
        Of text: the sign before decimals.
    skip : int, default=0
        Of text: lines before the table, to be left out.
    comment : str, default=None
        Of text: what lines begin with that are left out, wherever they are. None: '#', before the column
        names only.
    encoding : str, default=None
        Of text: Python's name of it, such as 'latin-1'. None: UTF-8, or UTF-16 where a mark says so.
    drop_missing : bool, default=False
        Whether rows are left out in which a cell that is read, of a feature or the weight, is missing (null
        or NaN). What is predicted then has rows for the others only; `predict_to` writes their numbers among
        all rows, from 0, as the column 'row'. False: they are refused.

    Returns
    -------
    Source
        To be given to `fit`, `score`, `predict` and the like in place of an array. float32 where all columns
        are, else float64. A path that ends in '.npy' gives a memory map, which is an array already.

    Raises
    ------
    SourceError
        If there is no such file, column or column of numbers. A file that turns out to be damaged or to
        hold text, nothing or NaN is reported when it is read, with its name, the column and the row.
    TypeError, ValueError
        If an argument is not possible, such as a column named twice.
    ImportError
        Without pyarrow: pip install 'mixtura[files]'.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa, pyarrow.parquet, tempfile, mixtura
    >>> rng = np.random.default_rng(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for day in range(3):
    ...         height, mass = rng.normal(size=(2, 1000)) + 8 * rng.integers(0, 2, 1000)
    ...         table = pa.table({"height": height, "mass": mass})
    ...         pa.parquet.write_table(table, f"{folder}/{day}.parquet")
    ...     rows = mixtura.scan(folder, columns=["height", "mass"])
    ...     gm = mixtura.GaussianMixture(2, random_state=0).fit(rows)
    >>> gm.feature_names_in_.tolist()
    ['height', 'mass']
    """
    paths = _paths(path)
    _check_columns(columns, weight, label)
    errors = _names_of_errors(error_std, columns, weight, label)
    if not isinstance(drop_missing, bool):
        raise TypeError(f"drop_missing must be True or False, got {drop_missing!r}.")
    if isinstance(path, str | os.PathLike) and paths[0].lower().endswith(".npy"):
        if drop_missing:
            raise SourceError(
                f"{paths[0]} holds an array, which is read where it lies: leave out drop_missing, and give "
                "fit X[~np.isnan(X).any(axis=1)]."
            )
        return _memory_map(paths[0], columns, weight or label or errors or None)
    try:
        from mixtura.sources.arrow import Beside, arrow_source
        from mixtura.sources.text import Dialect
    except ImportError as error:
        raise ImportError(
            "mixtura.scan needs pyarrow; install it with: pip install 'mixtura[files]'"
        ) from error
    dialect = Dialect(delimiter, decimal, skip, comment, encoding)
    return arrow_source(
        paths,
        columns,
        Beside(weight, label, (), errors)
        if label is None or isinstance(label, str)
        else Beside(weight, None, tuple(label), errors),
        format,
        filesystem,
        max_memory,
        dialect,
        drop_missing,
    )


def _paths(path: StrPath | Sequence[StrPath]) -> list[str]:
    if isinstance(path, str | os.PathLike):
        return [os.fspath(path)]
    if not isinstance(path, Iterable):
        raise TypeError(
            f"path must be a file, a folder, a pattern or a list of them, got {type(path).__name__}."
        )
    paths = list(path)
    for one in paths:
        if not isinstance(one, str | os.PathLike):
            raise TypeError(f"path must be a list of files, but holds {one!r}.")
    if not paths:
        raise SourceError("path is an empty list: name at least one file, folder or pattern.")
    return [os.fspath(one) for one in paths]


def _check_columns(
    columns: Sequence[str] | None, weight: str | None, label: str | Sequence[str] | None
) -> None:
    labels = _names_of_labels(label)
    if weight in labels:
        raise ValueError(f"weight and label are both {weight!r}: each is a column of its own.")
    if weight is not None and not isinstance(weight, str):
        raise TypeError(
            f"weight must be the name of a column, got {type(weight).__name__}: the weights of rows in files "
            "are a column of them."
        )
    if columns is None:
        return
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise TypeError(f"columns must be a list of names, got {columns!r}.")
    names = list(columns)
    if not names:
        raise ValueError(
            "columns must be a list of names, got none: leave it out for all of numbers."
        )
    for name in names:
        if not isinstance(name, str):
            raise TypeError(
                f"columns must be a list of names, but holds {name!r}: files know no others."
            )
        if names.count(name) > 1:
            raise ValueError(f"columns names {name!r} twice: a feature counts once.")
    if weight in names:
        raise ValueError(
            f"weight={weight!r} is among the columns, too: a weight is no feature; leave it out there."
        )
    for name in labels:
        if name in names:
            raise ValueError(
                f"label={name!r} is among the columns, too: a label is no feature; leave it out there."
            )


def _names_of_labels(label: str | Sequence[str] | None) -> list[str]:
    if label is None or isinstance(label, str):
        return [] if label is None else [label]
    names = list(label) if isinstance(label, Iterable) else [label]
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"label must be the name of a column, or a list of one a component, got {label!r}: the labels of "
            "rows in files are columns of them."
        )
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"label names {name!r} twice: each component has a column of its own.")
    return names


def _names_of_errors(
    error_std: Sequence[str] | None,
    columns: Sequence[str] | None,
    weight: str | None,
    label: str | Sequence[str] | None,
) -> tuple[str, ...]:
    if error_std is None:
        return ()
    names = list(error_std) if isinstance(error_std, Iterable) else [error_std]
    if isinstance(error_std, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"error_std must be a list of columns, one for each feature, got {error_std!r}."
        )
    if not names:
        raise ValueError("error_std is empty: name a column for each feature, or leave it out.")
    taken = [*(columns or ()), weight, *_names_of_labels(label)]
    for name in names:
        if name in taken:
            raise ValueError(
                f"error_std={name!r} is a feature, the weight or a label, too: each is a column of its own."
            )
    return tuple(names)


def _memory_map(path: str, columns: Sequence[str] | None, beside: Any) -> Array:
    if columns is not None or beside is not None:
        raise SourceError(
            f"{path} holds an array, whose columns have no names: leave out columns and weight, and give "
            "sample_weight to fit."
        )
    try:
        rows: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {path}: {error}") from error
    if rows.ndim != 2:
        raise SourceError(
            f"{path} holds an array of shape {rows.shape}; rows of features are (n_rows, n_features)"
            + (": save X.reshape(-1, 1) for one feature." if rows.ndim == 1 else ".")
        )
    if rows.dtype.kind not in "biuf":
        raise SourceError(f"{path} holds {rows.dtype}, not real numbers.")
    return rows
