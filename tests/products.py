"""Products of cases of which `make test` runs a part and `make nightly` all."""

from __future__ import annotations

import itertools

import pytest


def product(*axes):
    """All combinations, by day as many as each value needs to occur; the others have the mark nightly.

    By day the values go side by side, the shorter axes from the beginning again: of 14 structures and 3
    tables 14 cases in place of 42.
    """
    axes = [list(axis) for axis in axes]
    by_day = {tuple(i % len(axis) for axis in axes) for i in range(max(len(axis) for axis in axes))}
    return [
        pytest.param(
            *(axis[i] for axis, i in zip(axes, place, strict=True)),
            marks=() if place in by_day else pytest.mark.nightly,
        )
        for place in itertools.product(*(range(len(axis)) for axis in axes))
    ]
