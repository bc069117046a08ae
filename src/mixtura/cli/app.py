"""The commands and their options; what they do stands in the modules beside this one.

Those modules are imported within the commands: help and version need none of what takes long to import.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

import mixtura
from mixtura.cli import help_texts
from mixtura.cli.errors import MISUSED, UsageError, reporting
from mixtura.cli.options import (
    LARGEST_SEED,
    auto_or_number,
    choice,
    named_or_number,
    number,
    one_or_several,
    whole,
)
from mixtura.support import language
from mixtura.support.language import translated as _
from mixtura.support.names import COVARIANCE_TYPES, ERROR_KINDS, STARTS, TARGETS

if TYPE_CHECKING:
    import pyarrow as pa

    from mixtura.cli.using import Report

# Typer has had its own copy of click, and has not: the class of all that is wrong with options.
_Misuse: Any = typer.BadParameter.__base__

_F = TypeVar("_F", bound=Callable[..., Any])


class _Command(TyperCommand):
    def format_help(self, ctx: Any, formatter: Any) -> None:
        help_texts.translate(self, ctx)
        super().format_help(ctx, formatter)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        help_texts.format_usage(self, ctx, formatter)


class _Group(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        help_texts.share_language(self)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        for command in (self, *self.commands.values()):
            help_texts.translate(command, ctx)
        super().format_help(ctx, formatter)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        help_texts.format_usage(self, ctx, formatter)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command, and say what is wrong with its options as all that is wrong is said."""
        try:
            status = super().main(*arguments, **(options | {"standalone_mode": False}))
        except _Misuse as error:
            raise UsageError(_in_one_sentence(error)) from None
        sys.exit(status or 0)

    # Inside typer, which would turn Ctrl-C into exit code 1.
    def invoke(self, ctx: Any) -> Any:
        with reporting():
            return super().invoke(ctx)


def _in_one_sentence(error: Any) -> str:
    """As "no such option: --foo; mixtura fit --help lists them"."""
    text = " ".join(error.format_message().split()).rstrip(".")
    text = text[:1].lower() + text[1:]
    if text.endswith("?"):  # it says what was meant
        return text
    if error.ctx is not None:
        return f"{text}; see {error.ctx.command_path} --help"
    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    command = [name for name in sys.argv[1:2] if name in names]
    return f"{text}; see {' '.join(['mixtura', *command, '--help'])}"


class _Commands(typer.Typer):
    def command(self, *arguments: Any, **options: Any) -> Callable[[_F], _F]:
        return super().command(*arguments, cls=_Command, **options)


app = _Commands(
    cls=_Group,
    help="Fit Gaussian mixtures to the columns of files of any size, and use what was fitted.",
    epilog="Start with: mixtura demo",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ModelFile = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model file, as fit writes it.", show_default=False)
]
DataFiles = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="Files (.csv, .tsv, .txt, these also with .gz, .parquet, .pq, .arrow, .feather, .ipc, .npy), "
        "folders, or patterns in quotes such as 'folder/*.parquet'; - reads text from stdin.",
        show_default=False,
    ),
]
Checkpoint = Annotated[
    str | None, typer.Option(metavar="FILE", help="Keep here where it stands, as it goes.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.", metavar="")]
NoFigure = Annotated[bool, typer.Option("--no-figure", help="Draw nothing.", metavar="")]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory for rows, such as 200MB; what does not fit is read again each time.",
        show_default="a quarter of what is free",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print errors only (and what --json prints).", metavar=""),
]
Columns = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="The columns to use.", show_default="all"),
]
_TEXT = "How tables of text are read"
Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="SIGN",
        help="What stands between cells: one character, '\\t', or ' ' for runs of spaces.",
        show_default="as the first lines show",
        rich_help_panel=_TEXT,
    ),
]
Decimal = Annotated[
    str,
    typer.Option(help="The sign before decimals.", metavar=".|,", rich_help_panel=_TEXT),
]
Skip = Annotated[
    int,
    typer.Option(
        help="Lines before the table to leave out.", rich_help_panel=_TEXT, **whole("--skip", 0)
    ),
]
Comment = Annotated[
    str | None,
    typer.Option(
        metavar="SIGN",
        help="Lines that begin so are left out.",
        show_default="'#', before the column names only",
        rich_help_panel=_TEXT,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Such as latin-1.",
        show_default="utf-8, or utf-16 where a mark says so",
        rich_help_panel=_TEXT,
    ),
]
Weight = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of row weights.")]
Label = Annotated[
    str | None,
    typer.Option(
        "--label",
        "--labels",
        metavar="COLUMN",
        help="The column of known components: their numbers, or -1 or empty where none is known; or "
        "A,B,..., one column a component, of confidences.",
    ),
]
ErrorStd = Annotated[
    str | None,
    typer.Option(
        "--error-std",
        metavar="A,B,...",
        help="Columns of the standard deviations of errors that the features were measured with, one for "
        "each, in their order; inf where a value is not known.",
        show_default=False,
    ),
]
DropMissing = Annotated[
    bool,
    typer.Option(
        "--drop-missing",
        help="Leave out rows with missing cells; tables get the numbers of the others, as the column row.",
        metavar="",
    ),
]
Missing = Annotated[
    str,
    typer.Option(
        help="What an empty cell is: an error, or, with mar, a feature that was not observed.",
        metavar="error|mar",
        **choice("--missing", "error", "mar"),
    ),
]
TableOut = Annotated[
    str | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="A .csv or .parquet file.", show_default="stdout"
    ),
]
Starts = Annotated[int, typer.Option(help="Starts; the best fit is kept.", **whole("--n-init", 1))]
MostIterations = Annotated[
    int, typer.Option(help="Most EM iterations of a start.", **whole("--max-iter", 1))
]
Tolerance = Annotated[
    float,
    typer.Option(help="Stop when a row gains less log-likelihood than this.", **number("--tol", 0)),
]
RegCovar = Annotated[
    str,
    typer.Option(
        help="Added to every variance; auto is 1e-10 of each column's own.",
        **auto_or_number("--reg-covar", 0),
    ),
]
DegreesOfFreedom = Annotated[
    str | None,
    typer.Option(
        "--df",
        help="Degrees of freedom of t components: a number, or shared for one that is estimated.",
        show_default="one a component, estimated",
        **named_or_number("--df", "shared"),
    ),
]
NoiseVolume = Annotated[
    float | None,
    typer.Option(
        help="One over the density of the noise.",
        show_default="that of a box around the rows",
        **number("--noise-volume", 0),
    ),
]
Prior = Annotated[
    str | None,
    typer.Option(
        "--prior",
        metavar="default",
        show_default="none",
        help="Of means and covariances: default keeps those of few rows from collapsing.",
        **choice("--prior", "default"),
    ),
]
EqualWeights = Annotated[
    bool,
    typer.Option("--equal-weights", help="All components weigh the same.", metavar=""),
]
MinWeight = Annotated[
    float | None,
    typer.Option(
        help="Least weight of a component.", show_default="none", **number("--min-weight", 0)
    ),
]
MaxEigenvalueRatio = Annotated[
    float | None,
    typer.Option(
        help="Largest ratio of any two eigenvalues of the covariances.",
        show_default="none",
        **number("--max-eigenvalue-ratio", 1),
    ),
]
MinComponentRows = Annotated[
    float,
    typer.Option(
        help="A component on fewer rows is degenerate.", **number("--min-component-rows", 0)
    ),
]
Seed = Annotated[
    int,
    typer.Option(help="The same seed, the same result.", **whole("--seed", 0, LARGEST_SEED)),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Threads; -1 is all cores, -2 all but one, and so on.",
        show_default="all cores",
        **whole("--jobs"),
    ),
]
Components = Annotated[
    int, typer.Option("-k", "--components", help="Number of components.", **whole("-k", 1))
]
OneStructure = Annotated[
    str,
    typer.Option(
        "--covariance",
        metavar="NAME",
        help=f"{', '.join(COVARIANCE_TYPES)}.",
        **choice("--covariance", *COVARIANCE_TYPES),
    ),
]
Structures = Annotated[
    str,
    typer.Option(
        "--covariance",
        metavar="A,B,...",
        help=f"{', '.join(COVARIANCE_TYPES)}, several of them, or all.",
    ),
]
Distribution = Annotated[
    str,
    typer.Option(
        help="Of the components: t has heavy tails.",
        metavar="gaussian|t",
        **choice("--distribution", "gaussian", "t"),
    ),
]
NewRows = Annotated[
    list[str] | None,
    typer.Option(
        "--new",
        metavar="FILE",
        help="Files of the rows that the table of -o is of; may be given several times.",
        show_default="those of the fit",
    ),
]
KeepColumns = Annotated[
    str | None,
    typer.Option(
        "--keep",
        metavar="A,B,...",
        help="Columns to copy into the table of -o.",
        show_default=False,
    ),
]
PredictionsOut = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write what is said of each row to a .csv or .parquet file.",
        show_default="none",
    ),
]
SaveModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="FILE",
        help="Write the model, for load in Python.",
        show_default="none",
    ),
]
ReportFile = Annotated[
    str | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write an .html file to look at in a browser and to hand on: the fit, its rows, its faults.",
        show_default="none",
    ),
]


def _in_english(as_json: bool) -> bool:
    if as_json:  # programs read it, and the same everywhere
        language.use(language.ENGLISH)
    return as_json


AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print JSON and nothing else.", metavar="", callback=_in_english),
]


def _use_language(name: str | None) -> None:
    if name is not None:
        language.use(name)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mixtura {mixtura.__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            is_eager=True,
            callback=_print_version,
            metavar="",
        ),
    ] = False,
    _language: Annotated[
        str | None,
        typer.Option(
            "--lang",
            help="Language of what is shown; errors, notes, JSON and files are in English.",
            is_eager=True,
            callback=_use_language,
            show_default="that of the locale",
            metavar="en|es",
            **choice("--lang", *language.LANGUAGES),
        ),
    ] = None,
) -> None:
    """Options that come before a command."""
    if context.invoked_subcommand is None:
        if text := context.get_help():  # Rich prints it itself
            print(text)
        raise typer.Exit(MISUSED)


@app.command(epilog="Example: mixtura fit geyser.csv -k 2 --columns eruptions,waiting -o result")
def fit(
    files: DataFiles,
    n_components: Annotated[
        str,
        typer.Option(
            "-k",
            "--components",
            help="Number of components; with --by also several, such as 1:4.",
            **one_or_several("-k", 1),
        ),
    ] = "3",
    covariance: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"{', '.join(COVARIANCE_TYPES)}; with --by also several, or all."
        ),
    ] = "full",
    columns: Columns = None,
    weight: Weight = None,
    label: Label = None,
    error_std: ErrorStd = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Fit the rows of each value of this column by themselves; draws no figure.",
        ),
    ] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    drop_missing: DropMissing = False,
    n_init: Starts = 1,
    seed: Seed = 0,
    max_iter: MostIterations = 1000,
    tol: Tolerance = 1e-7,
    init: Annotated[
        str,
        typer.Option(
            metavar="START",
            help=f"Where EM begins: {', '.join(STARTS)}.",
            **choice("--init", *STARTS),
        ),
    ] = "auto",
    reg_covar: RegCovar = "auto",
    min_component_rows: MinComponentRows = 0.0,
    distribution: Distribution = "gaussian",
    df: DegreesOfFreedom = None,
    noise: Annotated[
        bool,
        typer.Option("--noise", help="Let rows belong to no component, label -1.", metavar=""),
    ] = False,
    noise_volume: NoiseVolume = None,
    prior: Prior = None,
    equal_weights: EqualWeights = False,
    min_weight: MinWeight = None,
    max_eigenvalue_ratio: MaxEigenvalueRatio = None,
    bayesian: Annotated[
        bool,
        typer.Option(
            "--bayesian",
            help="Let the prior leave some of the -k components without rows.",
            metavar="",
        ),
    ] = False,
    missing: Missing = "error",
    max_memory: MaxMemory = None,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    jobs: Jobs = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")
    ] = "mixtura-output",
    table_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="parquet|csv",
            help="Format of the responsibilities.",
            **choice("--format", "parquet", "csv"),
        ),
    ] = "parquet",
    labels_only: Annotated[
        bool,
        typer.Option(
            "--labels-only", help="Write labels in place of the responsibilities.", metavar=""
        ),
    ] = False,
    no_responsibilities: Annotated[
        bool,
        typer.Option("--no-responsibilities", help="Write no table of the rows.", metavar=""),
    ] = False,
    no_figure: NoFigure = False,
    report: ReportFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fit a mixture to the columns of files; write the model, responsibilities and a figure."""
    from mixtura.cli import fitting, groups, outputs
    from mixtura.cli.models import check_no_models
    from mixtura.cli.rows import (
        Beside,
        check_not_within,
        reading_of,
        rows_to_fit,
        say_how_read,
    )
    from mixtura.cli.screen import show, show_files, show_summary

    options: dict[str, Any] = {
        "n_components": n_components,
        "covariance_type": covariance,
        "n_init": n_init,
        "random_state": seed,
        "max_iter": max_iter,
        "tol": tol,
        "init_params": init,
        "reg_covar": reg_covar,
        "min_component_rows": min_component_rows,
        "distribution": distribution,
        "df": df,
        "noise": noise,
        "noise_volume": noise_volume,
        "prior": prior,
        "equal_weights": equal_weights,
        "min_weight": min_weight,
        "max_eigenvalue_ratio": max_eigenvalue_ratio,
        "missing": missing,
        "checkpoint": checkpoint,
        "resume": resume,
        "n_jobs": jobs,
    }
    tables: dict[str, Any] = {
        "extension": table_format,
        "labels_only": labels_only,
        "no_responsibilities": no_responsibilities,
    }
    if by is None:
        fitting.check_options(n_components, covariance, jobs)
        if bayesian:
            options = fitting.bayesian_options(options)
        fitting.check_checkpoint(checkpoint, resume)
        name, beside = outputs.MODEL, outputs.fit_outputs(**tables, no_figure=no_figure)
    else:
        fitting.check_jobs(jobs)
        fitting.check_no_groups(bayesian, report)
        options = groups.options_of(
            by, columns, Beside.of(weight, label, error_std), max_memory, options
        )
        name, beside = outputs.MODELS, groups.group_outputs(**tables)
    outputs.check_folder(output, [name, *(file.name for file in beside)], files)
    check_not_within(output, files)
    outputs.check_report(report, files, output)
    check_no_models(files)
    how = reading_of(delimiter, decimal, skip, comment, encoding, drop_missing, missing)
    rows = rows_to_fit(files, columns, Beside.of(weight, label, error_std), max_memory, how, by)
    if by is not None:
        fits = groups.fit(rows, by, Beside.of(weight, label, error_std), options, quiet=quiet)
        say_how_read(rows, quiet=quiet)
        written = outputs.write_found(
            fits, fits, rows, beside, output, model_name=name, quiet=quiet
        )
        if as_json:
            _print_json({"fits": fits.to_dicts(), "files": written})
        elif not quiet:
            show(fits, everything=_("{file} has all").format(file=outputs.FITS))
            show_files(written)
        return
    with fitting.keeping(checkpoint, resume, "fit"):
        model = fitting.fit(rows, options, quiet=quiet, bayesian=bayesian)
        say_how_read(rows, quiet=quiet)
        written = outputs.write_found(model, model, rows, beside, output, quiet=quiet)
        written |= outputs.write_report(model, rows, report, quiet=quiet)
    if as_json:
        _print_json(model.summary().to_dict() | {"files": written})
    elif not quiet:
        show_summary(model)
        show_files(written)


@app.command(epilog="Example: mixtura select geyser.csv -k 1:9 --covariance all -o selection")
def select(
    files: DataFiles,
    components: Annotated[
        str,
        typer.Option(
            "-k", "--components", metavar="RANGE", help="Numbers of components: 1:9, or 1,2,5."
        ),
    ] = "1:9",
    covariance: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help=f"all, or names between commas: {', '.join(COVARIANCE_TYPES)}."
        ),
    ] = "all",
    criterion: Annotated[
        str, typer.Option(metavar="NAME", help="bic, aic or icl; lower is better.")
    ] = "bic",
    sign: Annotated[
        str,
        typer.Option(
            help="Of the criteria; with mclust's, higher is better.",
            metavar="sklearn|mclust",
            **choice("--sign", "sklearn", "mclust"),
        ),
    ] = "sklearn",
    columns: Columns = None,
    weight: Weight = None,
    label: Label = None,
    error_std: ErrorStd = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    drop_missing: DropMissing = False,
    top: Annotated[int, typer.Option(help="Models to print.", **whole("--top", 1))] = 10,
    n_init: Annotated[
        int,
        typer.Option(
            help="Searches for each model, beside what models share.", **whole("--n-init", 1)
        ),
    ] = 1,
    seed: Seed = 0,
    max_iter: MostIterations = 1000,
    tol: Tolerance = 1e-6,
    reg_covar: RegCovar = "auto",
    max_parameters: Annotated[
        int | None,
        typer.Option(
            help="Leave out models of more free parameters.",
            show_default="no limit",
            **whole("--max-parameters", 1),
        ),
    ] = None,
    min_component_rows: MinComponentRows = 0.0,
    distribution: Annotated[
        str,
        typer.Option(
            metavar="gaussian|t|both",
            help="Of the components: t has heavy tails.",
            **choice("--distribution", "gaussian", "t", "both"),
        ),
    ] = "gaussian",
    df: DegreesOfFreedom = None,
    noise: Annotated[
        str,
        typer.Option(
            metavar="no|yes|both",
            help="Whether rows may belong to no component.",
            **choice("--noise", "no", "yes", "both"),
        ),
    ] = "no",
    noise_volume: NoiseVolume = None,
    prior: Prior = None,
    equal_weights: EqualWeights = False,
    min_weight: MinWeight = None,
    max_eigenvalue_ratio: MaxEigenvalueRatio = None,
    missing: Missing = "error",
    max_time: Annotated[
        float | None,
        typer.Option(help="Seconds.", show_default="no limit", **number("--max-time", 0)),
    ] = None,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    max_memory: MaxMemory = None,
    jobs: Jobs = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")
    ] = "mixtura-selection",
    no_figure: NoFigure = False,
    report: ReportFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Choose the number of components and the covariance structure; write table, pictures, model."""
    from mixtura.cli import selecting
    from mixtura.cli.fitting import check_checkpoint, check_jobs, keeping
    from mixtura.cli.models import check_no_models
    from mixtura.cli.outputs import MODEL, check_folder, check_report, write_found, write_report
    from mixtura.cli.rows import (
        Beside,
        check_not_within,
        reading_of,
        rows_to_fit,
        say_how_read,
    )
    from mixtura.cli.screen import show_files

    numbers, names = selecting.numbers(components), selecting.structures(covariance)
    selecting.check_choice("criterion", criterion, selecting.CRITERIA)
    check_jobs(jobs)
    check_checkpoint(checkpoint, resume)
    beside = selecting.select_outputs(has_figures=not no_figure)
    check_folder(output, [MODEL, *(file.name for file in beside)], files)
    check_not_within(output, files)
    check_report(report, files, output)
    check_no_models(files)
    how = reading_of(delimiter, decimal, skip, comment, encoding, drop_missing, missing)
    rows = rows_to_fit(files, columns, Beside.of(weight, label, error_std), max_memory, how)
    options = {
        "n_components": numbers,
        "covariance_type": names,
        "criterion": criterion,
        "sign": sign,
        "n_init": n_init,
        "random_state": seed,
        "max_iter": max_iter,
        "tol": tol,
        "reg_covar": reg_covar,
        "max_parameters": max_parameters,
        "min_component_rows": min_component_rows,
        "distribution": ["gaussian", "t"] if distribution == "both" else distribution,
        "df": df,
        "noise": {"no": False, "yes": True, "both": [False, True]}[noise],
        "noise_volume": noise_volume,
        "prior": prior,
        "equal_weights": equal_weights,
        "min_weight": min_weight,
        "max_eigenvalue_ratio": max_eigenvalue_ratio,
        "missing": missing,
        "max_time": max_time,
        "checkpoint": checkpoint,
        "resume": resume,
        "n_jobs": jobs,
    }
    with keeping(checkpoint, resume, "sweep"):
        search, ended_by = selecting.select(rows, options, quiet=quiet)
        say_how_read(rows, quiet=quiet)
        beside = selecting.outputs_of(search, beside)
        best = search.best_estimator_
        written = write_found(best, search, rows, beside, output, quiet=quiet)
        written |= write_report(search, rows, report, quiet=quiet)
        if ended_by is not None:
            raise selecting.ended(ended_by, output, checkpoint)
    if as_json:
        _print_json({"best": search.best_params_, "top": search.top(top), "files": written})
    elif not quiet:
        selecting.show_top(search, top)
        show_files(written)


@app.command(epilog="Example: mixtura predict result/model.safetensors new.csv -o labels.parquet")
def predict(
    model: ModelFile,
    files: DataFiles,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="The columns that stand for the model's features, in its order.",
            show_default="those named as in the model",
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...", help="Columns to copy beside the labels.", show_default=False
        ),
    ] = None,
    error_std: ErrorStd = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    drop_missing: DropMissing = False,
    output: TableOut = None,
    labels_only: Annotated[
        bool,
        typer.Option("--labels-only", help="Write labels and nothing beside them.", metavar=""),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Label the rows of files: likeliest component, certainty, log density, responsibilities."""
    from mixtura.cli import outputs
    from mixtura.cli.models import check_no_models, check_order, load
    from mixtura.cli.progress import progress_of_rows
    from mixtura.cli.rows import Beside, reading, reading_of, rows_to_predict, say_how_read, split

    check_order(model, files)
    check_no_models(files)
    outputs.check_table(output, files)
    kept = [] if keep is None else split(keep, "--keep")
    outputs.check_keep(kept)
    fitted = load(model)
    # Rows that are to be left out have no gaps then.
    missing = "error" if drop_missing else fitted.missing
    how = reading_of(delimiter, decimal, skip, comment, encoding, drop_missing, missing)
    rows = rows_to_predict(fitted, files, columns, kept, how, Beside.of(error_std=error_std))
    # Nobody could read a line of progress between the rows.
    silent = quiet or (output is None and sys.stdout.isatty())
    with reading(), progress_of_rows(rows, "labelling", quiet=silent):
        what = outputs.columns(labels_only=labels_only)
        single = output is not None and outputs.is_parquet(output)
        batches = outputs.predictions(fitted, rows, what, kept, single=single)
        if as_json:
            _print_json(_prediction_facts(batches, output))
        else:
            outputs.write_table(batches, output)
    say_how_read(rows, quiet=quiet)


@app.command(epilog="Example: mixtura impute model.safetensors geyser.csv -o whole.parquet")
def impute(
    model: ModelFile,
    files: DataFiles,
    columns: Columns = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...", help="Columns to copy beside the features.", show_default=False
        ),
    ] = None,
    std: Annotated[
        bool,
        typer.Option(
            "--std",
            help="Add columns of standard deviations, 0 where a value was observed.",
            metavar="",
        ),
    ] = False,
    draws: Annotated[
        int | None,
        typer.Option(
            help="Draw missing values, so many tables of them, one below the other.",
            show_default="means",
            **whole("--draws", 1),
        ),
    ] = None,
    parameters: Annotated[
        str,
        typer.Option(
            help="Of the draws: those of the fit, or, with bootstrap, of fits to bootstrap samples of FILES, "
            "which are those that were fitted; tables to be pooled by Rubin's rules need that.",
            metavar="fitted|bootstrap",
            **choice("--parameters", "fitted", "bootstrap"),
        ),
    ] = "fitted",
    weight: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The weights that the model was fitted with, for --parameters bootstrap.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    output: TableOut = None,
    quiet: Quiet = False,
) -> None:
    """Fill in the missing cells of files by what a model expects there."""
    from mixtura.cli import outputs
    from mixtura.cli.models import check_no_models, check_order, load
    from mixtura.cli.progress import progress_of_rows
    from mixtura.cli.rows import Beside, reading, reading_of, rows_to_predict, say_how_read, split

    check_order(model, files)
    check_no_models(files)
    outputs.check_table(output, files)
    if std and draws is not None:
        raise UsageError(
            "--std and --draws are two ways to tell how uncertain a value is; give one"
        )
    anew = parameters == "bootstrap"
    if anew and draws is None:
        raise UsageError("--parameters bootstrap is of draws; say how many with --draws")
    if weight is not None and not anew:
        raise UsageError("--weight is for --parameters bootstrap, which fits the model anew")
    kept = [] if keep is None else split(keep, "--keep")
    fitted = load(model)
    how = reading_of(delimiter, decimal, skip, comment, encoding, False, "mar")
    rows = rows_to_predict(fitted, files, columns, kept, how, Beside.of(weight))
    outputs.check_beside(kept, rows.names)
    silent = quiet or (output is None and sys.stdout.isatty())
    with reading(), progress_of_rows(rows, "filling in", quiet=silent):
        if anew:
            tables = outputs.imputed_anew(fitted, rows, kept, draws=draws or 1, seed=seed)
        else:
            tables = outputs.imputed(fitted._density, rows, kept, std=std, draws=draws, seed=seed)
        outputs.write_table(tables, output)
    say_how_read(rows, quiet=quiet)


@app.command(
    epilog="Example: mixtura classify iris.csv --class species --covariance all -o classes.csv"
)
def classify(
    files: DataFiles,
    target: Annotated[
        str,
        typer.Option(
            "--class", metavar="COLUMN", help="The column of classes.", show_default=False
        ),
    ],
    n_components: Annotated[
        str,
        typer.Option(
            "-k",
            "--components",
            help="Components of each class: with 1 the structure ties the classes (LDA, QDA and others); of "
            "several, such as 1:4, BIC chooses for each class.",
            **one_or_several("-k", 1),
        ),
    ] = "1",
    covariance: Structures = "full",
    criterion: Annotated[
        str,
        typer.Option(
            help="What chooses among several: bic, or cv for the Brier score of cross-validation.",
            metavar="bic|cv",
            **choice("--criterion", "bic", "cv"),
        ),
    ] = "bic",
    unlabeled: Annotated[
        bool,
        typer.Option("--unlabeled", help="Use rows without a class too, by EM.", metavar=""),
    ] = False,
    columns: Columns = None,
    weight: Weight = None,
    new: NewRows = None,
    keep: KeepColumns = None,
    distribution: Distribution = "gaussian",
    missing: Missing = "error",
    seed: Seed = 0,
    jobs: Jobs = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    drop_missing: DropMissing = False,
    output: PredictionsOut = None,
    save: SaveModel = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn the classes of rows, and tell those of others."""
    from mixtura import GaussianMixtureClassifier
    from mixtura.cli import selecting, using
    from mixtura.cli.rows import Beside, reading_of, rows_to_fit

    kept = _check_use(files, new, keep, output, save)
    using.check_weight(weight, "--class", [target])
    how = reading_of(delimiter, decimal, skip, comment, encoding, drop_missing, missing)
    rows = rows_to_fit(files, columns, Beside(weight), None, how, by=target)
    whole = using.whole_table(rows, target)
    names = selecting.structures(covariance)
    model = GaussianMixtureClassifier(
        using.numbers_of(n_components),
        covariance_type=names[0] if len(names) == 1 else names,
        criterion=criterion,
        unlabeled=using.NO_CLASS if unlabeled else None,
        distribution=distribution,
        missing=missing,
        random_state=seed,
        n_jobs=jobs,
    )
    y = using.classes(whole.values, target, unlabeled=unlabeled)
    using.fit(model, rows.source, whole.X, y, whole.weight, quiet=quiet)
    report = using.report_of_classifier(model)
    written = using.write(model, report, new or files, kept, how, output, save, quiet=quiet)
    _show_use(report, written, as_json=as_json, quiet=quiet)


@app.command(epilog="Example: mixtura regress geyser.csv --target waiting -k 2 -o predicted.csv")
def regress(
    files: DataFiles,
    target: Annotated[
        str,
        typer.Option(
            "--target", metavar="A,B,...", help="The columns to predict.", show_default=False
        ),
    ],
    n_components: Components = 1,
    covariance: OneStructure = "full",
    quantiles: Annotated[
        str | None,
        typer.Option(
            metavar="LEVELS", help="Add quantiles, such as 0.05,0.95.", show_default="none"
        ),
    ] = None,
    columns: Columns = None,
    weight: Weight = None,
    new: NewRows = None,
    keep: KeepColumns = None,
    distribution: Distribution = "gaussian",
    missing: Missing = "error",
    seed: Seed = 0,
    jobs: Jobs = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    drop_missing: DropMissing = False,
    output: PredictionsOut = None,
    save: SaveModel = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn to predict columns from the others, with how far off that may be."""
    from mixtura import GaussianMixtureRegressor
    from mixtura.cli import using
    from mixtura.cli.rows import Beside, reading_of, rows_to_fit, split

    kept = _check_use(files, new, keep, output, save)
    targets, levels = split(target, "--target"), using.levels_of(quantiles)
    using.check_weight(weight, "--target", targets)
    how = reading_of(delimiter, decimal, skip, comment, encoding, drop_missing, missing)
    wanted = None if columns is None else f"{columns},{target}"
    rows = rows_to_fit(files, wanted, Beside(weight), None, how)
    whole = using.whole_table(rows)
    X, y = using.split_targets(whole.X, targets, rows.source)
    model = GaussianMixtureRegressor(
        n_components,
        covariance_type=covariance,
        distribution=distribution,
        missing=missing,
        random_state=seed,
        n_jobs=jobs,
    )
    using.fit(model, rows.source, X, y, whole.weight, quiet=quiet)
    report = using.report_of_regressor(model, X, y, whole.weight, targets, levels)
    written = using.write(model, report, new or files, kept, how, output, save, quiet=quiet)
    _show_use(report, written, as_json=as_json, quiet=quiet)


@app.command(
    epilog="Example: mixtura outliers geyser.csv -k 2 --contamination 0.05 -o outliers.csv"
)
def outliers(
    files: DataFiles,
    n_components: Components = 1,
    covariance: OneStructure = "full",
    contamination: Annotated[
        float,
        typer.Option(
            help="Share of the rows that are outliers, at most 0.5.", **number("--contamination", 0)
        ),
    ] = 0.1,
    noise: Annotated[
        bool,
        typer.Option(
            "--noise", help="Let outliers be noise while the mixture is fitted.", metavar=""
        ),
    ] = False,
    columns: Columns = None,
    weight: Weight = None,
    new: NewRows = None,
    keep: KeepColumns = None,
    distribution: Distribution = "gaussian",
    missing: Missing = "error",
    seed: Seed = 0,
    jobs: Jobs = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    drop_missing: DropMissing = False,
    output: PredictionsOut = None,
    save: SaveModel = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the rows that do not belong: where a mixture of all has the least density."""
    from mixtura import GaussianMixtureOutlierDetector
    from mixtura.cli import using
    from mixtura.cli.rows import Beside, reading_of, rows_to_fit

    kept = _check_use(files, new, keep, output, save)
    how = reading_of(delimiter, decimal, skip, comment, encoding, drop_missing, missing)
    rows = rows_to_fit(files, columns, Beside(weight), None, how)
    whole = using.whole_table(rows)
    model = GaussianMixtureOutlierDetector(
        n_components,
        covariance_type=covariance,
        contamination=contamination,
        distribution=distribution,
        noise=noise,
        missing=missing,
        random_state=seed,
        n_jobs=jobs,
    )
    using.fit(model, rows.source, whole.X, None, whole.weight, quiet=quiet)
    report = using.report_of_detector(model, whole.X)
    written = using.write(model, report, new or files, kept, how, output, save, quiet=quiet)
    _show_use(report, written, as_json=as_json, quiet=quiet)


def _check_use(
    files: list[str], new: list[str] | None, keep: str | None, *written: str | None
) -> list[str]:
    """What can be refused before anything is read; return the columns to copy."""
    from mixtura.cli import outputs
    from mixtura.cli.models import check_no_models
    from mixtura.cli.rows import split

    output, model = written
    if output is None and keep is not None:
        raise UsageError("--keep copies columns into the table of -o; name one")
    if output is None and new is not None:
        raise UsageError("--new gives rows for the table of -o; name one")
    if model is not None and model == output:
        raise UsageError("-o and --model name one file; name two")
    check_no_models([*files, *(new or [])])
    outputs.check_table(output, [*files, *(new or [])])
    return [] if keep is None else split(keep, "--keep")


def _show_use(report: Report, written: dict[str, str], *, as_json: bool, quiet: bool) -> None:
    from mixtura.cli.screen import show, show_files

    if as_json:
        _print_json(report.facts | {"files": written})
    elif not quiet:
        show(report.page)
        show_files(report.points | written)


@app.command(epilog="Example: mixtura doctor geyser.csv")
def doctor(
    files: DataFiles,
    columns: Columns = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what the columns of files hold, and what to mind before a fit."""
    from mixtura import describe
    from mixtura.cli.errors import in_our_words
    from mixtura.cli.models import check_no_models
    from mixtura.cli.rows import reading, reading_of, rows_to_describe, said_of_row_names
    from mixtura.cli.screen import show

    check_no_models(files)
    how = reading_of(delimiter, decimal, skip, comment, encoding, False)
    X, has_row_names = rows_to_describe(files, columns, how)
    with reading():
        description = describe(X)
    if has_row_names and not quiet:
        print(f"mixtura: note: {said_of_row_names(', '.join(files))}", file=sys.stderr)
    if as_json:
        _print_json(description.to_dict())
    elif not quiet:
        show(description, in_our_words)


@app.command(epilog="Example: mixtura sample result/model.safetensors -n 1000 --seed 7 > rows.csv")
def sample(
    model: ModelFile,
    n_rows: Annotated[
        int, typer.Option("-n", "--rows", help="How many rows.", **whole("-n", 1))
    ] = 1000,
    seed: Annotated[
        int | None,
        typer.Option(
            help="The same seed, the same rows.",
            show_default="new rows each time",
            **whole("--seed", 0, LARGEST_SEED),
        ),
    ] = None,
    noise: Annotated[
        bool,
        typer.Option("--noise", help="Draw rows of noise too.", metavar=""),
    ] = False,
    output: TableOut = None,
    _quiet: Quiet = False,
) -> None:
    """Draw rows from a model."""
    import numpy as np

    from mixtura.cli.models import load
    from mixtura.cli.outputs import check_table, write_table
    from mixtura.cli.rows import reading
    from mixtura.cli.tables import Rows

    check_table(output)
    fitted = load(model)
    # Without a seed the model would take the one that it was fitted with.
    randomness = np.random.default_rng() if seed is None else seed
    if noise:
        with reading():
            data, _ = fitted.sample(n_rows, randomness, noise=True)
    else:
        data, _ = fitted.mixture_.sample(n_rows, randomness)
    rows = Rows(model, fitted.summary().feature_names, np.asfortranarray(data))
    write_table(rows.X.to_batches(), output)


@app.command(epilog="Example: mixtura show result/model.safetensors --intervals geyser.csv")
def show(
    model: ModelFile,
    intervals: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The rows that were fitted: standard errors by them.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="NAME",
            help=f"How standard errors are found: {', '.join(ERROR_KINDS)}.",
            **choice("--kind", *ERROR_KINDS),
        ),
    ] = "information",
    level: Annotated[
        float, typer.Option(help="Confidence of the intervals.", **number("--level", 0))
    ] = 0.95,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="The columns of FILE that were fitted.",
            show_default="those named as in the model",
        ),
    ] = None,
    weight: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of row weights in FILE.")
    ] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    drop_missing: DropMissing = False,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what is in a model file, and how sure it is; with --quiet only see that it can be read."""
    from mixtura.cli.models import check_no_models, load
    from mixtura.cli.screen import show, show_summary

    fitted = load(model)
    content = fitted.summary().to_dict()
    found = None
    if intervals is not None:
        from mixtura.cli import inferring
        from mixtura.cli.rows import reading, reading_of, say_how_read

        check_no_models([intervals])
        missing = "error" if drop_missing else fitted.missing
        how = reading_of(delimiter, decimal, skip, comment, encoding, drop_missing, missing)
        rows = inferring.rows_of_fit(fitted, intervals, columns, weight, how)
        with reading():
            found = inferring.Intervals(inferring.standard_errors(fitted, rows, kind, seed), level)
        content |= {"intervals": found.facts}
        say_how_read(rows, quiet=quiet)
    if as_json:
        _print_json(content)
    elif not quiet:
        show_summary(fitted)
        if found is not None:
            show(found)


@app.command(epilog="Example: mixtura export result/model.safetensors -o model.R")
def export(
    model: ModelFile,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Its ending says what is written: .onnx, .json, .R (an object for mclust), .mat; / at the "
            "end, a directory for Spark.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="NAME",
            help=f"What to write, where the ending does not say it: {', '.join(TARGETS)}.",
            show_default="by the ending",
            **choice("--to", *TARGETS),
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The rows that were fitted, to go with the object for mclust: its plot draws them.",
            show_default=False,
        ),
    ] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = ".",
    skip: Skip = 0,
    comment: Comment = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a model for other programs: R, MATLAB, Spark, what runs ONNX, or reads JSON."""
    from mixtura.cli import exporting
    from mixtura.cli.models import check_no_models, load
    from mixtura.cli.rows import reading_of
    from mixtura.cli.screen import show_files

    chosen = exporting.check(model, output, target, rows)
    if rows is not None:
        check_no_models([rows])
    fitted = load(model)
    how = reading_of(delimiter, decimal, skip, comment, encoding, False)
    exporting.write(fitted, chosen, output, rows, how)
    if as_json:
        _print_json({"target": chosen.name, "files": {"model": output}})
    elif not quiet:
        show_files({chosen.name: output})


@app.command(epilog="Example: mixtura cut result/model.safetensors --feature waiting")
def cut(
    model: ModelFile,
    feature: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The feature to cut.", show_default="the model's only one"
        ),
    ] = None,
    costs: Annotated[
        str | None,
        typer.Option(
            metavar="A,B;C,D",
            help="What it costs to decide for a component (column) where another is true (row).",
            show_default="all errors alike",
        ),
    ] = None,
    monotone: Annotated[
        bool,
        typer.Option(
            "--monotone", help="One piece for each component, in the order of means.", metavar=""
        ),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say where along a feature the likeliest component changes."""
    from mixtura.cli.inferring import cuts
    from mixtura.cli.models import load
    from mixtura.cli.screen import show

    found = cuts(load(model), feature, costs, "monotone" if monotone else "likeliest")
    if as_json:
        _print_json(found.facts)
    elif not quiet:
        show(found)


@app.command(epilog="Example: mixtura compare one/model.safetensors two/model.safetensors")
def compare(
    first: ModelFile,
    second: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Another one, of as many features.", show_default=False
        ),
    ],
    n_samples: Annotated[
        int, typer.Option("--samples", help="Draws from each.", **whole("--samples", 1))
    ] = 100_000,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say how different two models are: divergences with their errors and bounds, and transport."""
    from mixtura.cli.inferring import comparison
    from mixtura.cli.models import load
    from mixtura.cli.screen import show

    found = comparison(load(first), load(second), (first, second), n_samples, seed)
    if as_json:
        _print_json(found.facts)
    elif not quiet:
        show(found)


@app.command(epilog="Example: mixtura demo -o pictures")
def demo(
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="The folder for the figures.")
    ] = "demo-output",
    quiet: Quiet = False,
) -> None:
    """Fit two small data sets that come with the package, print what is found and draw it."""
    from mixtura.cli.demo import run as run_demo

    run_demo(output, quiet=quiet)


def _prediction_facts(batches: Iterator[pa.RecordBatch], output: str | None) -> dict[str, Any]:
    from mixtura.cli.outputs import write_table

    if output is None:
        rows = [row for batch in batches for row in batch.to_pylist()]
        return {"n_rows": len(rows), "rows": rows}
    return {"n_rows": write_table(batches, output), "files": {"predictions": output}}


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(_finite(content), indent=2))


def _finite(value: Any) -> Any:
    """Put null for infinity and NaN, which JSON cannot write: rows too far away have them."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
