"""The commands and their options; what they do stands in the modules beside this one."""

from __future__ import annotations

import csv
import json
import math
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer
from numpy.typing import NDArray
from typer.core import TyperGroup

import mixtura
from mixtura import GaussianMixture, load
from mixtura.cli import _selecting as selecting
from mixtura.cli._demo import run as run_demo
from mixtura.cli._errors import CommandError, UsageError, reason, reporting
from mixtura.cli._fitting import check_options
from mixtura.cli._fitting import fit as fit_model
from mixtura.cli._outputs import check_folder, predictions, write_fit, write_table
from mixtura.cli._screen import show_files, show_summary
from mixtura.cli._tables import Rows, Table, check_extension, read_table
from mixtura.covariance import STRUCTURES

DEFAULTS: dict[str, Any] = GaussianMixture().get_params()
LARGEST_SEED = 2**32 - 1


class TableFormat(StrEnum):
    """How `fit` writes the responsibilities."""

    PARQUET = "parquet"
    CSV = "csv"


class _Group(TyperGroup):
    # Inside typer, which would turn Ctrl-C into exit code 1.
    def invoke(self, ctx: Any) -> Any:
        with reporting():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Group,
    help="Fit Gaussian mixtures to the columns of a file, and use what was fitted.",
    epilog="Start with: mixtura demo",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ModelFile = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model file, as fit writes it.", show_default=False)
]
DataFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="A .csv or .parquet file; - reads CSV from stdin.", show_default=False
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="The columns to use.", show_default="all"),
]
TableOut = Annotated[
    str | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="A .csv or .parquet file.", show_default="stdout"
    ),
]
Components = Annotated[int, typer.Option("-k", "--components", help="Number of components.")]
Starts = Annotated[int, typer.Option(min=1, help="Starts; the best fit is kept.")]
MostIterations = Annotated[int, typer.Option(min=1, help="Most EM iterations of a start.")]
Tolerance = Annotated[
    float, typer.Option(min=0, help="Stop when a row gains less log-likelihood than this.")
]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="The same seed, the same result.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mixtura {mixtura.__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Options that come before a command."""


@app.command(epilog="Example: mixtura fit geyser.csv -k 2 --columns eruptions,waiting -o result")
def fit(
    file: DataFile,
    n_components: Components = 3,
    covariance: Annotated[str, typer.Option(help=f"{', '.join(STRUCTURES)}.")] = "full",
    columns: Columns = None,
    weight: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of row weights.")
    ] = None,
    n_init: Starts = DEFAULTS["n_init"],
    seed: Seed = 0,
    max_iter: MostIterations = DEFAULTS["max_iter"],
    tol: Tolerance = DEFAULTS["tol"],
    jobs: Annotated[int | None, typer.Option(help="Threads.", show_default="all cores")] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")
    ] = "mixtura-output",
    table_format: Annotated[
        TableFormat, typer.Option("--format", help="Format of the responsibilities.")
    ] = TableFormat.PARQUET,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Fit a mixture to the columns of a file; write the model, responsibilities and a figure."""
    check_options(n_components, covariance, jobs)
    rows, weights = _rows_to_fit(read_table(file), columns, weight)
    check_folder(output)
    options = {
        "n_components": n_components,
        "covariance_type": covariance,
        "n_init": n_init,
        "random_state": seed,
        "max_iter": max_iter,
        "tol": tol,
        "n_jobs": jobs,
    }
    model = fit_model(rows, weights, options, quiet=quiet)
    files = write_fit(model, rows, output, table_format.value)
    if as_json:
        _print_json(model.summary().to_dict() | {"files": files})
    elif not quiet:
        show_summary(model)
        show_files(files)


@app.command(epilog="Example: mixtura select geyser.csv -k 1:9 --covariance all -o selection")
def select(
    file: DataFile,
    components: Annotated[
        str, typer.Option("-k", "--components", help="Numbers of components: 1:9, or 1,2,5.")
    ] = "1:9",
    covariance: Annotated[
        str, typer.Option(help=f"all, or names between commas: {', '.join(STRUCTURES)}.")
    ] = "all",
    criterion: Annotated[str, typer.Option(help="bic, aic or icl; lower is better.")] = "bic",
    columns: Columns = None,
    weight: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of row weights.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Models to print.")] = 10,
    seed: Seed = 0,
    max_time: Annotated[
        float | None, typer.Option(min=0, help="Seconds.", show_default="no limit")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Keep what is done here, and go on from it."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Threads.", show_default="all cores")] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")
    ] = "mixtura-selection",
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Choose the number of components and the covariance structure; write table, pictures, model."""
    numbers, names = selecting.numbers(components), selecting.structures(covariance)
    selecting.check_criterion(criterion)
    check_options(1, "full", jobs)
    rows, weights = _rows_to_fit(read_table(file), columns, weight)
    check_folder(output)
    options = {
        "n_components": numbers,
        "covariance_type": names,
        "criterion": criterion,
        "random_state": seed,
        "max_time": max_time,
        "resume": resume,
        "n_jobs": jobs,
    }
    search = selecting.select(rows, weights, options, quiet=quiet)
    files = selecting.write_selection(search, rows, output)
    if as_json:
        _print_json({"best": search.best_params_, "top": search.top(top), "files": files})
    elif not quiet:
        selecting.show_top(search, top)
        show_files(files)


@app.command(epilog="Example: mixtura predict result/model.safetensors new.csv -o labels.parquet")
def predict(
    model: ModelFile,
    file: DataFile,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="The columns that stand for the model's features, in its order.",
            show_default="those named as in the model",
        ),
    ] = None,
    output: TableOut = None,
    as_json: AsJson = False,
) -> None:
    """Label the rows of a file: likeliest component, certainty, log density, responsibilities."""
    if output is not None:
        check_extension(output)
    fitted = _load(model)
    rows = _rows_to_predict(fitted, read_table(file), columns)
    batches = predictions(fitted.mixture_, rows.data)
    if not as_json:
        write_table(batches, output)
        return
    table = pa.Table.from_batches(batches)
    if output is not None:
        write_table(table.to_batches(), output)
    _print_json(_prediction_facts(table, output))


@app.command(epilog="Example: mixtura sample result/model.safetensors -n 1000 --seed 7 > rows.csv")
def sample(
    model: ModelFile,
    n_rows: Annotated[int, typer.Option("-n", "--rows", min=1, help="How many rows.")] = 1000,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=LARGEST_SEED,
            help="The same seed, the same rows.",
            show_default="new rows each time",
        ),
    ] = None,
    output: TableOut = None,
) -> None:
    """Draw rows from a model."""
    if output is not None:
        check_extension(output)
    fitted = _load(model)
    # Without a seed the model would take the one that it was fitted with.
    randomness = np.random.default_rng() if seed is None else seed
    data, _ = fitted.mixture_.sample(n_rows, random_state=randomness)
    rows = Rows(model, fitted.summary().feature_names, np.asfortranarray(data))
    write_table(rows.frame().to_batches(), output)


@app.command(epilog="Example: mixtura show result/model.safetensors")
def show(model: ModelFile, as_json: AsJson = False) -> None:
    """Show what is in a model file."""
    fitted = _load(model)
    if as_json:
        _print_json(fitted.summary().to_dict())
    else:
        show_summary(fitted)


@app.command(epilog="Example: mixtura demo -o pictures")
def demo(
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="The folder for the figures.")
    ] = "demo-output",
) -> None:
    """Fit two small data sets that come with the package, print what is found and draw it."""
    run_demo(output)


def _load(path: str) -> GaussianMixture:
    try:
        fitted = load(path)
        fitted.summary()
    except (OSError, ValueError) as error:
        what = reason(error)
        sentence = what if what.startswith("cannot load") else f"cannot load {path}: {what}"
        raise CommandError(sentence) from error
    return fitted


def _rows_to_fit(
    table: Table, columns: str | None, weight: str | None
) -> tuple[Rows, NDArray[np.float64] | None]:
    names = _split(columns) if columns is not None else table.feature_names(weight)
    weights = None if weight is None else table.weights(weight)
    return table.rows(names), weights


def _rows_to_predict(model: GaussianMixture, table: Table, columns: str | None) -> Rows:
    """Find the model's features by name; by position only where it knows no names."""
    names = (
        _split(columns) if columns is not None else list(getattr(model, "feature_names_in_", ()))
    )
    rows = table.rows(names or table.feature_names(None))
    if len(rows.names) != model.n_features_in_:
        raise CommandError(
            f"the model has {model.n_features_in_} features and {rows.source} gives "
            f"{len(rows.names)}; choose as many columns with --columns"
        )
    return rows


def _split(columns: str) -> list[str]:
    """Names between commas; a name that holds a comma stands in quotes."""
    names = [name.strip() for name in next(csv.reader([columns], skipinitialspace=True), [])]
    if not all(names) or not names:
        raise UsageError("--columns has an empty name; give names between commas")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--columns names {name!r} twice")
    return names


def _prediction_facts(table: pa.Table, output: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"n_rows": table.num_rows}
    if output is None:
        return facts | {"rows": table.to_pylist()}
    return facts | {"files": {"predictions": output}}


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(_finite(content), indent=2))


def _finite(value: Any) -> Any:
    """Put null for infinity and NaN, which JSON cannot write: rows too far away have them."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
