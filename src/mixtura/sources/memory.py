"""How many bytes of rows may be kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}

# Where the system says nothing.
_UNKNOWN = 1 << 30

# Limit and use of the control group, in both versions of the interface.
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def n_bytes(max_memory: int | str | None) -> int:
    """Bytes that `max_memory` means: a number, a text as '200MB', None a quarter of what is free.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if max_memory is None:
        return free_memory() // 4
    if isinstance(max_memory, int) and not isinstance(max_memory, bool) and max_memory >= 0:
        return max_memory
    text = re.fullmatch(r"\s*(\d+\.?\d*)\s*([kmgt]?i?)b?\s*", str(max_memory).lower())
    units = _UNITS | _BINARY
    if not isinstance(max_memory, str) or text is None or text[2] not in units:
        raise ValueError(
            f"max_memory must be a number of bytes or a text such as '200MB' or '1.5GiB', got {max_memory!r}."
        )
    return int(float(text[1]) * units[text[2]])


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, and of its container."""
    return min((*_of_containers(), _of_machine()))


def _of_machine() -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return _UNKNOWN


def _of_containers() -> Iterator[int]:
    for limit, used in _CGROUPS:
        with suppress(OSError, ValueError):
            yield max(0, int(Path(limit).read_text()) - int(Path(used).read_text()))
