"""`mixtura export`: a model as a file of another program, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mixtura.cli.errors import CommandError, UsageError, in_our_words, reason
from mixtura.cli.outputs import writing
from mixtura.cli.rows import Reading, rows_to_predict
from mixtura.cli.using import whole_table
from mixtura.export.targets import Target, target_of
from mixtura.files.output import check_new_folder, check_target


def check(model: str, path: str, name: str | None, rows: str | None) -> Target:
    """What is to be written, once it is seen that it can be."""
    try:
        target = target_of(path, name)
    except ValueError as error:
        raise UsageError(reason(error).replace("by target=", "with --to")) from None
    if rows is not None and target.name != "mclust":
        raise UsageError(f"--rows go with --to mclust, and {target.name} has no place for them")
    for read in (model, rows):
        if (
            read is not None
            and Path(path).exists()
            and Path(read).exists()
            and Path(path).samefile(read)
        ):
            raise CommandError(
                f"{path} is read, and would be replaced; choose another place with -o"
            )
    with writing(path):
        (check_new_folder if target.is_folder else check_target)(path)
    return target


def write(model: Any, target: Target, path: str, rows: str | None, how: Reading) -> None:
    """Write a model, with the rows that it was fitted to where they are given."""
    more: dict[str, Any] = {}
    if rows is not None:
        given = rows_to_predict(model, [rows], None, [], how)  # features by name
        more = {"X": whole_table(given).X}
    try:
        with writing(path):
            target.write(model, path, **more)
    except ImportError as error:
        raise CommandError(f"cannot write {path}: {reason(error)}") from error
    except (TypeError, ValueError) as error:
        raise CommandError(f"cannot write {path}: {in_our_words(reason(error))}") from error
