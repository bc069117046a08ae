"""Write a report: the file is whole, or not there."""

from __future__ import annotations

import os

from mixtura.browser.axes import axes_of
from mixtura.browser.page import page_of
from mixtura.browser.rows import rows_of
from mixtura.browser.subject import Subject
from mixtura.files.output import replacing


def write_report(path: str | os.PathLike[str], subject: Subject, version: str) -> None:
    """Write it; an older file survives any failure.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If `features` names one that does not exist, or rows cannot be read.
    """
    axes = axes_of(subject.mixture, subject.features, subject.summary.feature_names)
    page = page_of(subject, axes, rows_of(subject, axes), version)
    with replacing(path) as file:
        # A name may hold half of a pair of code units, which is no text.
        file.write_bytes(page.encode("utf-8", "replace"))
