"""Spark: the directory of a saved GaussianMixtureModel of pyspark.ml, and back; no Spark is needed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from mixtura.covariance import structure
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.export.exchanged import Exchanged, brought, check_gaussians, exchanged, mixture_of
from mixtura.files.output import new_folder
from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray

_CLASS = "org.apache.spark.ml.clustering.GaussianMixtureModel"

# The release whose form is written: that of Spark 2 to 4, which read it by the names and types below.
_VERSION = "3.5.0"

# What a parameter is that nobody has set.
_DEFAULTS = {
    "aggregationDepth": 2,
    "featuresCol": "features",
    "k": 2,
    "maxIter": 100,
    "predictionCol": "prediction",
    "probabilityCol": "probability",
    "tol": 0.01,
}

# In a vector and in a matrix of Spark, what has its numbers one after another and no indices.
_DENSE = 1


def to_spark(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a mixture as the directory that Spark's `GaussianMixtureModel.load` reads.

    Needs pyarrow (the extra `files`), and neither Spark nor Java.

    Parameters
    ----------
    model : Mixture, GaussianMixture or BayesianGaussianMixture
        Of the latter the mixture of the expected parameters. Spark has full covariances alone: those of any
        other structure are written so, and the density is the same. It has no names of features either: the
        column `features` of its vectors has them in the order of the model's.
    path : str or path
        A directory that is not there yet: Spark too replaces none unless it is told to.

    Raises
    ------
    TypeError
        If it is no such model (NotFittedError: not fitted).
    ValueError
        For noise and components of Student's t, which Spark has not.
    OSError
        If the directory is there or cannot be written; nothing is then left of it.

    See Also
    --------
    from_spark : the way back.

    Examples
    --------
    >>> import tempfile
    >>> from mixtura import Mixture
    >>> from mixtura.export import from_spark, to_spark
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_spark(Mixture.from_parameters([1.0], [[0.0]], [[[4.0]]]), folder + "/model")
    ...     back = from_spark(folder + "/model")
    >>> back.mixture_
    Mixture(1 component, 1 feature, full covariances)
    """
    held = exchanged(model, "to_spark")
    check_gaussians(held.mixture, "Spark's GaussianMixtureModel")
    with new_folder(path) as folder:
        for name in ("metadata", "data"):
            (folder / name).mkdir()
        text = json.dumps(_metadata(held, model), separators=(",", ":"))
        (folder / "metadata" / "part-00000").write_text(text + "\n", encoding="utf-8")
        _write_table(held.mixture, folder / "data" / "part-00000.snappy.parquet")
        for name in ("metadata", "data"):
            (folder / name / "_SUCCESS").touch()


def from_spark(path: str | os.PathLike[str]) -> GaussianMixture:
    """Read the directory of a GaussianMixtureModel that Spark has saved.

    Needs pyarrow (the extra `files`), and neither Spark nor Java.

    Parameters
    ----------
    path : str or path
        On a file system of this machine.

    Returns
    -------
    GaussianMixture
        As if it had been fitted, without rows, of full covariances, with Spark's maxIter as max_iter; its
        tol, of another quantity there, stays ours.

    Raises
    ------
    OSError
        If there is no such directory.
    ValueError
        If it is no saved GaussianMixtureModel, or is damaged, or its numbers are no mixture.

    See Also
    --------
    to_spark : the way there.
    """
    folder = Path(path)
    metadata = _read_metadata(folder)
    row = _read_row(folder)
    try:
        means = np.array([_vector(one) for one in row["mus"]])
        matrices = np.array([_matrix(one) for one in row["sigmas"]])
        weights = np.array(row["weights"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder} is damaged: its data hold no weights, mus and sigmas ({error})."
        ) from None
    if means.ndim != 2 or matrices.shape != (*means.shape, means.shape[1]):
        raise ValueError(
            f"{folder} is damaged: its mus and sigmas are not of as many components and features."
        )
    parameters = metadata.get("paramMap") or {}
    arguments = {"max_iter": int(parameters["maxIter"])} if "maxIter" in parameters else {}
    return brought(mixture_of(structure("full"), weights, means, matrices), None, arguments)


def _metadata(held: Exchanged, model: Any) -> dict[str, Any]:
    own: dict[str, Any] = {"k": held.mixture.n_components}
    if not isinstance(model, Mixture):
        own["maxIter"] = int(model.max_iter)
    return {
        "class": _CLASS,
        "timestamp": int(time.time() * 1000),
        "sparkVersion": _VERSION,
        "uid": f"GaussianMixture_{token_hex(6)}",
        "paramMap": own,
        "defaultParamMap": _DEFAULTS,
    }


def _write_table(mixture: Mixture, path: Path) -> None:
    """One row: weights, means as vectors, covariances as matrices, column by column."""
    import pyarrow as pa
    import pyarrow.parquet

    d = mixture.n_features
    nothing = {"size": None, "indices": None}
    mus = [{"type": _DENSE, **nothing, "values": mean.tolist()} for mean in mixture.means]
    sides = {"numRows": d, "numCols": d, "colPtrs": None, "rowIndices": None}
    sigmas = [
        {"type": _DENSE, **sides, "values": matrix.ravel(order="F").tolist(), "isTransposed": False}
        for matrix in mixture.covariance_matrices()
    ]
    row = {"weights": mixture.weights.tolist(), "mus": mus, "sigmas": sigmas}
    pa.parquet.write_table(
        pa.Table.from_pylist([row], schema=_schema()), path, compression="snappy"
    )


def _schema() -> Any:
    """Of the table, with Spark's own description: by that it makes vectors and matrices of structs."""
    import pyarrow as pa

    fields = [
        pa.field("weights", pa.list_(pa.field("element", pa.float64(), nullable=False))),
        pa.field("mus", pa.list_(pa.field("element", pa.struct([*map(_arrow, _VECTOR)])))),
        pa.field("sigmas", pa.list_(pa.field("element", pa.struct([*map(_arrow, _MATRIX)])))),
    ]
    described = json.dumps(_described(), separators=(",", ":"))
    return pa.schema(fields, metadata={"org.apache.spark.sql.parquet.row.metadata": described})


# The fields of Spark's VectorUDT and MatrixUDT: name, type, whether null is possible.
_VECTOR = (
    ("type", "byte", False),
    ("size", "integer", True),
    ("indices", "integers", True),
    ("values", "doubles", True),
)
_MATRIX = (
    ("type", "byte", False),
    ("numRows", "integer", False),
    ("numCols", "integer", False),
    ("colPtrs", "integers", True),
    ("rowIndices", "integers", True),
    ("values", "doubles", True),
    ("isTransposed", "boolean", False),
)


def _arrow(field: tuple[str, str, bool]) -> Any:
    import pyarrow as pa

    name, kind, nullable = field
    of_kind = {"byte": pa.int8(), "integer": pa.int32(), "boolean": pa.bool_()}
    if kind in of_kind:
        return pa.field(name, of_kind[kind], nullable=nullable)
    element = pa.int32() if kind == "integers" else pa.float64()
    return pa.field(name, pa.list_(pa.field("element", element, nullable=False)), nullable=nullable)


def _described() -> dict[str, Any]:
    """The schema in Spark's words."""
    weights = _array_of("double", may_be_null=False)
    fields = [
        ("weights", weights),
        ("mus", _udt("Vector", _VECTOR)),
        ("sigmas", _udt("Matrix", _MATRIX)),
    ]
    return {
        "type": "struct",
        "fields": [
            {"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in fields
        ],
    }


def _array_of(element: Any, *, may_be_null: bool) -> dict[str, Any]:
    return {"type": "array", "elementType": element, "containsNull": may_be_null}


def _udt(name: str, fields: tuple[tuple[str, str, bool], ...]) -> dict[str, Any]:
    of_lists = {"integers": "integer", "doubles": "double"}
    content = [
        {
            "name": own,
            "type": _array_of(of_lists[kind], may_be_null=False) if kind in of_lists else kind,
            "nullable": nullable,
            "metadata": {},
        }
        for own, kind, nullable in fields
    ]
    udt = {
        "type": "udt",
        "class": f"org.apache.spark.mllib.linalg.{name}UDT",
        "pyClass": f"pyspark.mllib.linalg.{name}UDT",
        "sqlType": {"type": "struct", "fields": content},
    }
    return _array_of(udt, may_be_null=True)


def _parts(folder: Path) -> Iterator[Path]:
    """Files with something in them, as Spark names them."""
    return (
        file for file in sorted(folder.glob("part-*")) if file.is_file() and file.stat().st_size
    )


def _read_metadata(folder: Path) -> Mapping[str, Any]:
    if not folder.is_dir():
        what = "it is a file" if folder.exists() else "it does not exist"
        raise FileNotFoundError(
            f"cannot read {folder}: {what}; give a directory that Spark has saved."
        )
    text = "".join(file.read_text(encoding="utf-8") for file in _parts(folder / "metadata"))
    try:
        found = json.loads(text)
        name = str(found["class"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder} is no model that Spark has saved: it has no metadata."
        ) from None
    if name != _CLASS:
        raise ValueError(f"{folder} holds a {name}, not a {_CLASS}.")
    own: Mapping[str, Any] = found
    return own


def _read_row(folder: Path) -> Mapping[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet

    names = ["weights", "mus", "sigmas"]
    rows: list[Mapping[str, Any]] = []
    try:
        for file in _parts(folder / "data"):
            rows += pa.parquet.ParquetFile(file).read(names).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{folder} is damaged: {error}.") from None
    if len(rows) != 1:
        raise ValueError(
            f"{folder} is damaged: its data have {len(rows)} rows, where one is the model."
        )
    return rows[0]


def _vector(stored: Mapping[str, Any]) -> FloatArray:
    values = np.array(stored["values"], dtype=np.float64)
    if stored["type"] == _DENSE:
        return values
    found = np.zeros(stored["size"])
    found[stored["indices"]] = values
    return found


def _matrix(stored: Mapping[str, Any]) -> FloatArray:
    if stored["type"] != _DENSE:
        raise ValueError("a covariance is a sparse matrix")
    # Covariances are symmetric, so that it does not matter whether rows or columns come first.
    return np.array(stored["values"], dtype=np.float64).reshape(
        stored["numRows"], stored["numCols"]
    )


__all__ = ["from_spark", "to_spark"]
