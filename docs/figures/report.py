"""Draw the pictures of docs/report.md: a report as Chromium shows it, into docs/images.

python docs/figures/report.py
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from sklearn.datasets import load_iris

from mixtura import GaussianMixture

OUT = Path(__file__).resolve().parents[1] / "images"
DESK = {"viewport": {"width": 900, "height": 1160}, "color_scheme": "light"}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "color_scheme": "dark",
    "device_scale_factor": 1.5,
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "iris.html")
        report(path)
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, options in (("report", DESK), ("report-phone", PHONE)):
            page = browser.new_context(**options).new_page()
            page.goto(path.as_uri())
            if name == "report":
                point_at_the_least_certain(page)
            else:
                page.locator("#axes").scroll_into_view_if_needed()
                page.evaluate(
                    "scrollBy(0, document.getElementById('axes').getBoundingClientRect().top - 60)"
                )
            page.screenshot(path=OUT / f"{name}.png")
        browser.close()


def report(path: Path) -> None:
    iris = load_iris(as_frame=True)
    names = [f"{iris.target_names[k]} {i}" for i, k in enumerate(iris.target)]
    model = GaussianMixture(3, random_state=0).fit(iris.data)
    model.report(path, iris.data, row_names=names, title="Iris")


def point_at_the_least_certain(page) -> None:
    """Of the rows."""
    opacity = "dots => dots.map(dot => Number(dot.getAttribute('opacity') ?? 1))"
    dots = page.locator("#scatter g[aria-label=dot]").first.locator("circle")
    shades = dots.evaluate_all(opacity)
    box = dots.nth(shades.index(min(shades))).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)


if __name__ == "__main__":
    main()
