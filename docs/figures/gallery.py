"""Draw the pictures of docs/gallery: each page's own code draws its picture.

python docs/figures/gallery.py             # all of them, into docs/images/gallery
python docs/figures/gallery.py stars many  # some
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from PIL import Image

DOCS = Path(__file__).resolve().parents[1]
WIDTH = 900  # pixels


def main(names: list[str]) -> None:
    pages = sorted((DOCS / "gallery").glob("*.md"))
    for page in pages:
        if page.stem in names or (not names and "." not in page.stem and page.stem != "index"):
            draw(page)


def draw(page: Path) -> None:
    code = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        exec(compile("\n".join(code), page.name, "exec"), {"__name__": "__main__"})
        image = Image.open(f"{page.stem}.png").convert("RGB")
    image.thumbnail((WIDTH, WIDTH))
    target = DOCS / "images" / "gallery" / f"{page.stem}.png"
    image.quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
