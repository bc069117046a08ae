"""Make the pictures of the README: those that `mixtura demo` writes, where the README looks for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"


def main() -> None:
    subprocess.run([sys.executable, "-m", "mixtura", "demo", "-o", str(IMAGES)], check=True)


if __name__ == "__main__":
    main()
