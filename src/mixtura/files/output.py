"""Write a file so that it is either whole or not there: beside the target, then renamed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from time import time
from zlib import crc32

# Temporary files are short, so that every name that a target can have leaves room for one, and say whose they
# are: on some file systems no host sees the locks of another, and what that writes is left alone for a day.
_PREFIX = f".mixtura-{crc32(gethostname().encode()):08x}-"
_TEMPORARY = re.compile(r"\.mixtura-[0-9a-f]{8}-[0-9a-f]{16}(\.\w{1,15})?")
_SUFFIX = re.compile(r"\.\w{1,15}")
_LONGEST_WRITE = 86_400.0  # seconds

_LONGEST_HEADER = 1 << 24  # bytes


def check_target(path: str | os.PathLike[str]) -> None:
    """See that a file can be written at `path`, before there is anything to write.

    Raises
    ------
    OSError
        If its folder is not there or not writable, or if it is a folder itself; the message names it.
    """
    target = _written_at(path)
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder; name a file in it")
    if _is_stream(path):
        if not os.access(path, os.W_OK):
            raise PermissionError(f"cannot write {path}: no permission to write into it")
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: the folder {target.parent} does not exist")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"cannot write {path}: the folder {target.parent} is not writable")


def check_state_target(path: str | os.PathLike[str]) -> None:
    """The same for a file that is read again: no device, no FIFO.

    Raises
    ------
    OSError
        As `check_target`, and if it is one.
    """
    check_target(path)
    if _is_stream(path):
        raise OSError(errno.EINVAL, f"cannot write {path}: it is no regular file; name one")


def check_no_other_file(path: str | os.PathLike[str]) -> None:
    """See that what the state of a fit or a sweep will replace is one, or nothing.

    Raises
    ------
    FileExistsError
        If it is another file, such as the data.
    """
    file = Path(path)
    if file.exists() and file.stat().st_size and not format_of(file).startswith("mixtura "):
        raise FileExistsError(
            errno.EEXIST,
            f"cannot write {path}: it holds something else than the state of a fit or a sweep; "
            "name another file",
        )


def format_of(path: Path) -> str:
    """What a file of ours says it is: "mixtura" of a model, "mixtura ..." of a state; '' of another's."""
    if not path.is_file():  # to open a FIFO would be to wait
        return ""
    try:
        with path.open("rb") as file:
            n_bytes = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(n_bytes)) if n_bytes < _LONGEST_HEADER else {}
        return str(header.get("__metadata__", {}).get("format", ""))
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block succeeds.

    A failure (a full disk, Ctrl-C, an exception of the writer) removes the temporary file and
    leaves an older file at `path` as it was. An older file's permissions and owner stay; of a symbolic
    link the target is replaced. A device, a FIFO and what is open already (/dev/stdout) is written into,
    once all is there.

    Raises
    ------
    OSError
        If the directory does not exist or is not writable; the message names it.
    """
    if _TEMPORARY.fullmatch(Path(path).name):  # an outer block's, which will replace its target
        yield Path(path)
        return
    with _naming(path):
        check_target(path)
        target = _written_at(path)
        streams = _is_stream(path)
        folder = Path(tempfile.gettempdir()) if streams else target.parent
        _sweep(folder)
        temporary, lock = _locked_temporary(folder, _suffix(path), None if streams else target)
    try:
        with _naming(path, temporary):
            yield temporary
            if streams:
                _pour(temporary, path)
            else:
                _flush_to_disk(temporary)
                _keep_permissions(temporary, target)
                temporary.replace(target)
    finally:
        with suppress(OSError):  # it is at its target, where all went well
            temporary.unlink()
        os.close(lock)


def check_new_folder(path: str | os.PathLike[str]) -> None:
    """See that a folder can be made at `path`, before there is anything to put into it.

    Raises
    ------
    OSError
        If there is something, but for an empty folder, or its folder does not exist or is not writable; the
        message names it.
    """
    if os.path.lexists(path) and not _is_empty_folder(Path(path)):
        raise FileExistsError(
            errno.EEXIST, f"cannot write {path}: it is there already; name another folder"
        )
    if not Path(path).exists():
        check_target(path)


@contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path` when the block succeeds.

    A failure leaves nothing. Nothing is replaced: a folder may hold other things than what would be written.

    Raises
    ------
    OSError
        As `check_new_folder`.
    """
    target = Path(path).absolute()
    with _naming(path):
        check_new_folder(path)
        temporary = target.parent / f"{_PREFIX}{token_hex(8)}"
        temporary.mkdir()
    try:
        with _naming(path, temporary):
            yield temporary
            for file in filter(Path.is_file, temporary.rglob("*")):
                _flush_to_disk(file)
            temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # it is at its target, where all went well


@contextmanager
def _naming(path: str | os.PathLike[str], temporary: Path | None = None) -> Iterator[None]:
    """Let errors of the system, of the same kind and number, name the file that could not be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if reason.startswith("cannot write"):  # it came through an inner block
            raise
        if temporary is not None:
            reason = reason.replace(str(temporary), str(path))
        sentence = f"cannot write {path}: {reason}"
        numbered = (sentence,) if error.errno is None else (error.errno, sentence)
        raise type(error)(*numbered) from error


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _written_at(path: str | os.PathLike[str]) -> Path:
    """Where the file itself lies: a symbolic link stays, and leads to it."""
    return Path(os.path.realpath(path)) if Path(path).is_symlink() else Path(path)


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether it is to be written into, since something else would stand there if it were replaced."""
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    is_file = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    return not is_file or _descriptor(path) is not None


def _descriptor(path: str | os.PathLike[str]) -> int | None:
    """The number of what this process has open, where that is what the path names.

    /dev/stdout leads to /proc/self/fd/1, and that to what the shell opened: a file perhaps, which others
    go on with.
    """
    link = Path(path)
    while link.is_symlink():
        if os.path.realpath(link.parent) == f"/proc/{os.getpid()}/fd":
            return int(link.name)
        link = link.parent / link.readlink()
    return None


def _suffix(path: str | os.PathLike[str]) -> str:
    """The extension, by which writers know what to write, unless it is too long to be one."""
    suffix = Path(path).suffix
    return suffix if _SUFFIX.fullmatch(suffix) else ""


def _locked_temporary(folder: Path, suffix: str, target: Path | None) -> tuple[Path, int]:
    """A new file, and the lock that says that its writer lives."""
    # Of what replaces an older file, which may be private, nobody else reads the beginning.
    mode = 0o666 if target is not None and not target.exists() else 0o600
    while True:
        path = folder / f"{_PREFIX}{token_hex(8)}{suffix}"
        # The kernel takes the umask off: to ask for it is to change it, for other threads too.
        lock = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
        if _lock(lock) and path.exists():
            return path, lock
        os.close(lock)  # a sweeper was quicker


def _lock(descriptor: int) -> bool:
    """Take the lock of an open file; False where another has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: a sweeper gets none either
        pass
    return True


@cache
def _sweep(folder: Path) -> None:
    """Remove what killed processes left half-written there, once in a process: what nobody locks."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and _may_be_left(entry):
                _remove_unlocked(entry.path)


def _may_be_left(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(_PREFIX) or time() - entry.stat().st_mtime > _LONGEST_WRITE


def _remove_unlocked(path: str) -> None:
    with suppress(OSError):
        lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(path).unlink()
        finally:
            os.close(lock)


def _pour(temporary: Path, path: str | os.PathLike[str]) -> None:
    number = _descriptor(path)
    # A copy of what is open writes on from where that is; opened anew it would begin at the front.
    opened = os.open(path, os.O_WRONLY) if number is None else os.dup(number)
    with temporary.open("rb") as file, os.fdopen(opened, "wb") as stream:
        shutil.copyfileobj(file, stream)


def _keep_permissions(temporary: Path, target: Path) -> None:
    try:
        older = target.stat()
    except FileNotFoundError:
        return
    for owner, group in ((-1, older.st_gid), (older.st_uid, -1)):
        with suppress(PermissionError):  # only the system's administrator gives files away
            os.chown(temporary, owner, group)
    temporary.chmod(stat.S_IMODE(older.st_mode))


def _flush_to_disk(path: Path) -> None:
    # Without fsync a crash may leave a renamed but empty file.
    with path.open("rb") as file:
        os.fsync(file.fileno())
