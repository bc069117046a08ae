"""The demonstration: what the package does, on data that everyone has."""

from __future__ import annotations

from contextlib import nullcontext, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

from mixtura import GaussianMixture
from mixtura.cli.outputs import check_folder, make_folder, writing
from mixtura.cli.screen import Screen, show_files, show_summary
from mixtura.cli.tables import Rows
from mixtura.datasets import Dataset, load_faithful, make_three_blobs
from mixtura.files.output import replacing
from mixtura.support.language import translated as _


def run(folder: str, *, quiet: bool) -> None:
    """Fit both data sets, print what was found and write a figure of each into `folder`."""
    check_folder(folder)
    make_folder(folder)
    with redirect_stdout(StringIO()) if quiet else nullcontext():
        _run_both(folder)


def _run_both(folder: str) -> None:
    _blobs(Path(folder, "blobs.png"))
    _faithful(Path(folder, "faithful.png"))


def _blobs(path: Path) -> None:
    from mixtura.cli.figures import draw_labels  # slow to import

    blobs = make_three_blobs()
    model = GaussianMixture(3, n_init=8, random_state=7).fit(blobs.data)
    _title(_("Three blobs: 600 points, 3 components"))
    _print_findings(model, blobs)
    with writing(path), replacing(path) as file:
        draw_labels(model, blobs.data, file)
    show_files({"figure": str(path)})
    print()


def _faithful(path: Path) -> None:
    from mixtura.cli.figures import draw_mixture  # slow to import

    faithful = load_faithful()
    rows = Rows("Old Faithful", faithful.feature_names, faithful.data)
    model = GaussianMixture(2, n_init=8, random_state=7).fit(rows.X)
    _title(_("Old Faithful: 272 eruptions, 2 components"))
    _print_findings(model, faithful)
    print()
    show_summary(model)
    with writing(path), replacing(path) as file:
        draw_mixture(model, rows, file)
    show_files({"figure": str(path)})


def _print_findings(model: GaussianMixture, dataset: Dataset) -> None:
    mixture = model.mixture_
    findings = {
        _("log-likelihood per row"): f"{mixture.log_density(dataset.data).mean():.3f}",
        _("mixture weights"): np.round(mixture.weights, 4).tolist(),
        _("shape of the responsibilities"): mixture.responsibilities(dataset.data).shape,
    }
    for what, value in findings.items():
        print(f"{what}: {value}")


def _title(text: str) -> None:
    Screen(highlight=False).print(f"[bold]{text}[/bold]")
