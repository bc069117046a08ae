"""What mclust finds on the tables of sweeps.py, kept in sweeps_reference.json: needs R with mclust.

    apt-get install r-base-core r-cran-mclust
    python benchmarks/optimum/sweeps_reference.py [--tables geyser cpus]

Of every table: the BIC of each cell (as in scikit-learn, lower is better; null where mclust has none), and
what the judge says of the model that mclust chooses. Shape and means of the rows tell whether they are
still those that mclust was given. mclust runs as a program with its defaults.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mixtura import Mixture
from mixtura.covariance import structure
from proper import Rows, improper
from sweeps import LARGEST, REFERENCE, TABLES, known, parser_of_tables

SCRIPT = Path(__file__).parent / "sweeps_mclust.R"


def bic_of_cells(file: Path) -> dict[str, list[float | None]]:
    """By model, for 1, 2, ... components."""
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    models = [name for name in rows[0] if name]
    return {
        name: [None if row[name] == "NA" else round(-float(row[name]), 4) for row in rows]
        for name in models
    }


def chosen(file: Path, n_features: int) -> Mixture:
    model, G, *numbers = file.read_text().splitlines()
    weights, means, covariances = (np.array(line.split(), dtype=float) for line in numbers)
    K = int(G)
    kind = structure(model.replace("X", "E"))  # X: one component
    matrices = covariances.reshape(n_features, n_features, K, order="F").transpose(2, 0, 1)
    means = means.reshape(n_features, K, order="F").T
    return Mixture.from_parameters(
        weights / weights.sum(), means, in_shape(kind, matrices), covariance_type=kind.name
    )


def in_shape(kind, matrices: np.ndarray) -> np.ndarray:
    K, d, _ = matrices.shape
    if kind.has_matrices:
        return matrices[0] if kind.shared else matrices
    return matrices.diagonal(axis1=1, axis2=2)[:, : d if len(kind.shape(K, d)) > 1 else 1].reshape(
        kind.shape(K, d)
    )


def record(folder: Path, name: str, X: np.ndarray) -> dict:
    found = {"shape": list(X.shape), "means": X.mean(axis=0).tolist(), "best": None, "bic": {}}
    if (folder / f"{name}.bic").exists():
        found["bic"] = bic_of_cells(folder / f"{name}.bic")
    if (folder / f"{name}.best").exists():
        best = chosen(folder / f"{name}.best", X.shape[1])
        found["best"] = {
            "n_components": best.n_components,
            "covariance_type": best.covariance_type,
            "fault": improper(best, Rows(X)),
        }
    return found


def run_mclust(tables: list[str]) -> dict[str, dict]:
    rows = {name: TABLES[name].rows() for name in tables}
    with TemporaryDirectory() as folder:
        for name, X in rows.items():
            np.savetxt(Path(folder) / f"{name}.csv", X, delimiter=",", fmt="%.17g")
        done = subprocess.run(
            ["Rscript", SCRIPT, folder, str(LARGEST)], check=True, stdout=subprocess.PIPE, text=True
        )
        print(f"mclust {done.stdout}")
        return {name: record(Path(folder), name, X) for name, X in rows.items()}


def as_json(records: dict[str, dict]) -> str:
    """One line a table for what was given and chosen, and one for each model's values."""
    tables = []
    for name in sorted(records):
        lines = [
            f"  {json.dumps(key)}: {json.dumps(records[name][key])}"
            for key in records[name]
            if key != "bic"
        ]
        models = ",\n".join(
            f"   {json.dumps(model)}: {json.dumps(values)}"
            for model, values in records[name]["bic"].items()
        )
        tables.append(
            f" {json.dumps(name)}: {{\n"
            + ",\n".join(lines)
            + f',\n  "bic": {{\n{models}\n  }}\n }}'
        )
    return "{\n" + ",\n".join(tables) + "\n}\n"


def main() -> None:
    tables = argparse.ArgumentParser(description=__doc__, parents=[parser_of_tables()])
    records = known() | run_mclust(tables.parse_args().tables)
    REFERENCE.write_text(as_json({name: records[name] for name in TABLES if name in records}))


if __name__ == "__main__":
    main()
