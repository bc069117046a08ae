"""Write a file so that it is either whole or not there: beside the target, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def check_target(path: str | os.PathLike[str]) -> None:
    """See that a file can be written at `path`, before there is anything to write.

    Raises
    ------
    OSError
        If its folder is not there or not writable, or if it is a folder itself; the message names it.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {target}: the folder {target.parent} does not exist")
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {target}: it is a folder; name a file in it")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"cannot write {target}: the folder {target.parent} is not writable")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block succeeds.

    A failure (a full disk, Ctrl-C, an exception of the writer) removes the temporary file and
    leaves an older file at `path` as it was.

    Raises
    ------
    OSError
        If the directory does not exist or is not writable; the message names it.
    """
    target = Path(path)
    check_target(target)
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent
        )
    except OSError as error:
        raise type(error)(
            error.errno, f"cannot write {target}: {error.strerror}", str(target.parent)
        ) from error
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _naming(error, target) from error
        raise


def _naming(error: OSError, target: Path) -> OSError:
    """The same error, of the same kind and number, with the file that could not be written."""
    reason = error.strerror or str(error)
    if reason.startswith("cannot write"):  # it came through an inner block
        return error
    return type(error)(error.errno, f"cannot write {target}: {reason}")


def _flush_to_disk(path: Path) -> None:
    # Without fsync a crash may leave a renamed but empty file.
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
