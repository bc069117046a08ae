"""Errors that a user can mend: one sentence on stderr and an exit code, never a traceback."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from mixtura.support.names import nearest

FAILED = 1
MISUSED = 2
INTERRUPTED = 130
PIPE_CLOSED = 141  # what the shell reports for a command that a closed pipe ended

# In this order: what is longer first.
_OPTIONS = {
    "increase max_iter, tol": "increase --max-iter, --tol",
    "Try different init parameters": "Try another --init",
    "reg_covar='auto'": "--reg-covar auto",
    "X in larger units": "the columns in larger units",
    "reg_covar=": "--reg-covar ",
    "reg_covar": "--reg-covar",
    "min_component_rows": "--min-component-rows",
    "max_parameters=": "--max-parameters ",
    "max_parameters": "--max-parameters",
    "max_time=": "--max-time ",
    "a covariance_type with": "a --covariance with",
    "covariance_type='": "--covariance '",
    "a smaller n_components": "a smaller -k",
    "tol is": "--tol is",
    " (sklearn.impute.SimpleImputer)": "",
    " (X[np.isinf(X)] = np.nan)": "",
    "noise=True": "--noise",
    "fit with distribution='gaussian', or take to_json": "fit without --distribution t, or take --to json",
    "give model.mixture_, the components alone, or take to_json or to_mclust": "take --to json or mclust",
    "columns=": "--columns",
    "delimiter='": "--delimiter '",
    "delimiter=": "--delimiter",
    "decimal='": "--decimal '",
    "comment='": "--comment '",
    "encoding='": "--encoding '",
    "encoding=": "--encoding",
    "drop_missing=True": "--drop-missing",
    "missing='mar'": "--missing mar",
    "error_std names": "--error-std names",
    "parameters='bootstrap'": "--parameters bootstrap",
    "parameters='fitted'": "--parameters fitted",
    "their sample_weight": "--weight",
    "to_dict() has all": "--json shows all",
    "; for other names give format=": "",
    ", or give format=": "",
    "checkpoint='": "--checkpoint '",
    "The attribute failures has all reasons": "fits.csv has all reasons",
    "or resume=False": "or leave out --resume",
    "checkpoint=path, resume=True": "--checkpoint FILE, --resume",
}


class CommandError(Exception):
    """What is wrong with the data, a file or an option: the sentence that the user reads."""

    status = FAILED


class UsageError(CommandError):
    """An option that no data could make right."""

    status = MISUSED


@contextmanager
def reporting() -> Iterator[None]:
    """Turn what goes wrong inside into a message and an exit code."""
    try:
        yield
        sys.stdout.flush()
    except CommandError as error:
        _leave(f"error: {error}", error.status)
    except KeyboardInterrupt as stop:  # with a sentence, where there is more to say
        _leave("; ".join(["interrupted", *map(str, stop.args)]), INTERRUPTED)
    except BrokenPipeError:
        _drop_stdout()
        raise SystemExit(PIPE_CLOSED) from None
    except MemoryError:
        _leave("error: not enough memory for this file; give fewer rows or columns", FAILED)
    except OSError as error:  # of files, the commands speak themselves
        _drop_stdout()
        _leave(f"error: cannot write the output: {reason(error)}", FAILED)


def reason(error: Exception) -> str:
    """Return what an exception says, on one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def in_our_words(sentence: str) -> str:
    """What the library says, with options for arguments, columns by name, and rows counted from 1."""
    for argument, option in _OPTIONS.items():
        sentence = sentence.replace(argument, option)
    sentence = re.sub(r"\b\d+ \(('[^']*')\)", r"\1", sentence)
    sentence = re.sub(r"\b([Cc]olumn) (\d+)\b", r"\1 'x\2'", sentence)
    place = re.compile(r"(column '.*?') in row (\d+)")
    sentence = place.sub(lambda at: f"{at[1]}, data row {int(at[2]) + 1},", sentence)
    return re.sub(r"(?<!data )\brow (\d+)\b(?! \(sample)", _counted_from_one, sentence)


def note(sentence: str, *, quiet: bool) -> None:
    """Say on stderr what a user should know, and need not mend."""
    if not quiet:
        print(f"mixtura: note: {sentence}", file=sys.stderr)


@contextmanager
def notes(*, quiet: bool) -> Iterator[None]:
    """Turn the library's warnings into notes, once all has gone well."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        note(in_our_words(" ".join(str(warning.message).split())), quiet=quiet)


def _counted_from_one(found: re.Match[str]) -> str:
    return f"data row {int(found[1]) + 1}"


def suggestion(word: str, options: Iterable[str]) -> str:
    """Return the end of a message: the option that was probably meant, or all of them."""
    options = [option for option in options if option]
    return nearest(word, options) or f" Choose from {', '.join(options)}."


def _leave(message: str, status: int) -> NoReturn:
    print(f"mixtura: {message}", file=sys.stderr)
    raise SystemExit(status) from None


def _drop_stdout() -> None:
    # What is still buffered cannot be written, and Python would try again when it exits.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
