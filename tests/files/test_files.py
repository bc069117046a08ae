"""Whatever is written is whole or not there, and nothing else of what stood there is lost."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from mixtura.files import output as _files
from mixtura.files.output import check_state_target, check_target, replacing
from mixtura.files.predictions import write_parquet
from mixtura.fitting.checkpoint import Checkpoint
from mixtura.sweep.checkpoint import check_path

if os.name != "posix":
    pytest.skip("files of POSIX", allow_module_level=True)


def write(path, content=b"new"):
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


# What is no regular file


def test_a_fifo_is_written_into(tmp_path):
    fifo = tmp_path / "fifo.csv"
    os.mkfifo(fifo)
    read = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    write(fifo, b"x" * 200_000)
    reader.join()
    assert read == [b"x" * 200_000]
    assert fifo.is_fifo()
    assert names_in(tmp_path) == ["fifo.csv"]


def test_a_device_is_written_into(tmp_path):
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    before = Path("/dev/null").stat()
    write(link)
    write("/dev/null")
    assert Path("/dev/null").stat().st_ino == before.st_ino
    assert Path("/dev/null").is_char_device()
    assert link.is_symlink()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_device_that_is_full_is_named():
    with pytest.raises(OSError, match="cannot write /dev/full: No space left") as caught:
        write("/dev/full")
    assert caught.value.errno == errno.ENOSPC


STDOUT = """
import sys
from mixtura.files.output import replacing
print("before", flush=True)
with replacing("/dev/stdout") as file:
    file.write_text("new\\n")
print("after", flush=True)
"""


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="a link of Linux")
@pytest.mark.parametrize("where", ["a file", "a pipe"])
def test_standard_output_goes_on(where, tmp_path):
    command = [sys.executable, "-c", STDOUT]
    if where == "a pipe":
        assert subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split() == [
            b"before",
            b"new",
            b"after",
        ]
        return
    path = tmp_path / "out"
    with path.open("ab") as out:
        inode = path.stat().st_ino
        subprocess.run(command, check=True, stdout=out)
    assert path.stat().st_ino == inode
    assert path.read_text().split() == ["before", "new", "after"]


def test_what_is_read_again_is_a_regular_file(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for check in (check_state_target, check_path, lambda path: Checkpoint(path, 1.0, [0])):
        with pytest.raises(OSError, match="fifo: it is no regular file; name one"):
            check(fifo)
    check_target(fifo)


# Links


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "target", tmp_path / "here" / "link"
    target.write_bytes(b"old")
    link.symlink_to(Path("..", "there", "target"))
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == link.read_bytes() == b"new"
    assert names_in(tmp_path / "here") == ["link"]
    assert names_in(tmp_path / "there") == ["target"]


def test_a_link_to_nothing_makes_its_target(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to("target")
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    link.unlink()
    link.symlink_to(tmp_path / "none" / "target")
    with pytest.raises(FileNotFoundError, match="none does not exist"):
        write(link)


def test_a_link_to_itself_is_an_error_and_stays(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("link")
    with pytest.raises(OSError, match=r"cannot write .*link: Too many levels"):
        write(link)
    assert link.is_symlink()


# Permissions


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664, 0o755])
def test_permissions_of_an_older_file_are_kept(mode, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(mode)
    with replacing(path) as temporary:
        assert (
            mode_of(temporary) == 0o600
        )  # until it is whole, nobody else reads what may be private
        temporary.write_bytes(b"new")
    assert mode_of(path) == mode
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_an_older_file_is_kept(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    write(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o002])
def test_a_new_file_has_the_mode_that_the_umask_leaves(mask, tmp_path):
    before = os.umask(mask)
    try:
        write(tmp_path / "model")
        assert mode_of(tmp_path / "model") == 0o666 & ~mask
    finally:
        os.umask(before)


def test_the_umask_is_never_touched(tmp_path, monkeypatch):
    """It is the process's: another thread's file would be open to all in between."""

    def refuse(_):
        raise AssertionError

    monkeypatch.setattr(os, "umask", refuse)
    write(tmp_path / "model")


# Names


@pytest.mark.parametrize("name", ["n" * 255, "n" * 247 + ".parquet", "ü" * 127, "n." + "x" * 240])
def test_names_as_long_as_can_be(name, tmp_path):
    write(tmp_path / name)
    write(tmp_path / name, b"newer")
    assert names_in(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"newer"


@pytest.mark.parametrize("name", ["model.csv", "a.b.parquet", "figure.png"])
def test_a_writer_sees_the_extension(name, tmp_path):
    with replacing(tmp_path / name) as temporary:
        assert temporary.suffix == Path(name).suffix
        assert temporary.parent == tmp_path


# What kills leave


KILLED = """
import os, signal, sys
from mixtura.files.output import replacing
with replacing(sys.argv[1]) as file:
    file.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_swept_by_the_next_process(tmp_path):
    path = tmp_path / "model.safetensors"
    write(path)
    for _ in range(2):  # the second sweeps what the first left, and leaves its own
        subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
        assert len(names_in(tmp_path)) == 2
    _files._sweep.cache_clear()
    write(path, b"newer")
    assert names_in(tmp_path) == [path.name]
    assert path.read_bytes() == b"newer"


def test_what_another_writer_is_at_is_left_alone(tmp_path):
    path = tmp_path / "model"
    with replacing(path) as ours:
        ours.write_bytes(b"first")
        _files._sweep.cache_clear()
        write(path, b"second")
        assert ours.exists()
    assert path.read_bytes() == b"first"


def test_a_write_within_a_write_is_one(tmp_path):
    """As a command does that replaces several files at once: none takes its place before the others."""
    path = tmp_path / "model"
    with replacing(path) as outer, replacing(outer) as inner:
        assert inner == outer
        inner.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["model"]


def test_files_of_others_are_left_alone(tmp_path):
    others = [".mixtura-notes", ".model.safetensors.abc", ".mixtura-0123456789abcdef"]
    elsewhere = (
        f".mixtura-{'0' * 8}-{'1' * 16}.csv"  # of a host whose locks are perhaps not seen here
    )
    for name in [*others, elsewhere]:
        (tmp_path / name).write_bytes(b"")
    write(tmp_path / "model")
    assert names_in(tmp_path) == sorted([*others, elsewhere, "model"])
    long_ago = 0.0
    os.utime(tmp_path / elsewhere, (long_ago, long_ago))
    _files._sweep.cache_clear()
    write(tmp_path / "model")
    assert names_in(tmp_path) == sorted([*others, "model"])


def test_a_sweeper_that_is_quicker_than_the_lock(tmp_path, monkeypatch):
    """Between a file's making and its lock it looks like one that was left: another is made then."""
    locked = _files._lock

    def swept(descriptor):
        monkeypatch.setattr(_files, "_lock", locked)
        for file in tmp_path.iterdir():
            file.unlink()
        return locked(descriptor)

    monkeypatch.setattr(_files, "_lock", swept)
    write(tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == b"new"
    assert names_in(tmp_path) == ["model"]


# Failures


@pytest.mark.parametrize("failure", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_an_error_of_the_system_names_the_target_and_keeps_its_number(failure, tmp_path):
    path = tmp_path / "model"
    with pytest.raises(OSError, match=f"cannot write {path}: ") as caught, replacing(path) as file:
        raise OSError(failure, os.strerror(failure), str(file))
    assert caught.value.errno == failure
    assert ".mixtura-" not in str(caught.value)
    assert names_in(tmp_path) == []


LIMITED = """
import resource, signal, sys
import numpy as np
from mixtura.files.predictions import write_parquet
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    write_parquet(sys.argv[1], [{"x": np.random.default_rng(0).normal(size=5000)}])
except OSError as error:
    print(error.errno, error.strerror)
"""


def test_a_table_that_the_system_cuts_short_names_the_target(tmp_path):
    """pyarrow says it in its own words, with its own file."""
    path = tmp_path / "table.parquet"
    command = [sys.executable, "-c", LIMITED, str(path)]
    number, sentence = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split(" ", 1)
    assert int(number) == errno.EFBIG
    assert sentence.startswith(f"cannot write {path}: ")
    assert ".mixtura-" not in sentence
    assert names_in(tmp_path) == []


def test_a_table_goes_into_a_fifo_too(tmp_path):
    fifo = tmp_path / "table.parquet"
    os.mkfifo(fifo)
    read = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    write_parquet(fifo, [{"x": pa.array([1, 2, 3])}])
    reader.join()
    assert pyarrow.parquet.read_table(pa.BufferReader(read[0]))["x"].to_pylist() == [1, 2, 3]
