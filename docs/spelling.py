"""Words of the Spanish pages that no dictionary knows: `python docs/spelling.py`, or of some files.

codespell, which looks at the English, has no Spanish, and no package of a bearable size brings its words. So
they are looked up in Hunspell's dictionary where the machine has it (apt install hunspell-es), and in
docs/words.es.txt, where this project keeps its own: a word that is right goes there.
"""

from __future__ import annotations

import gc
import re
import sys
import warnings
from functools import cache
from pathlib import Path

from spylls.hunspell import Dictionary

DICTIONARY = Path("/usr/share/hunspell/es_ES")
ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "docs" / "words.es.txt"

# What is no prose: code, equations, addresses of links, tags, comments.
NO_PROSE = re.compile(
    r"^```.*?^```$|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$|\]\([^)]*\)|<!--.*?-->|<[^>]*>|https?://\S+",
    re.MULTILINE | re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]{3,}")


@cache
def dictionary() -> Dictionary:
    with warnings.catch_warnings():  # spylls leaves its files open
        warnings.simplefilter("ignore", ResourceWarning)
        found = Dictionary.from_files(str(DICTIONARY))
        gc.collect()
    return found


def unknown_words(text: str) -> list[str]:
    """Return those that neither dictionary has; what begins with a capital may be a name, and is left out."""
    own = set(OWN.read_text(encoding="utf-8").split())
    words = {word for word in WORD.findall(NO_PROSE.sub(" ", text)) if word == word.lower()}
    return sorted(word for word in words - own if not dictionary().lookup(word))


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.es.md"), *ROOT.glob("docs/**/*.es.md")])


def main(arguments: list[str]) -> int:
    """Name them, and how to say that they are right."""
    if not DICTIONARY.with_suffix(".dic").is_file():
        print("Spanish is not looked at: there is no dictionary (apt install hunspell-es).")
        return 0
    given = [Path(name).resolve() for name in arguments if name.endswith(".es.md")]
    failed = False
    for page in given or pages():
        for word in unknown_words(page.read_text(encoding="utf-8")):
            print(f"{page.relative_to(ROOT)}: {word}")
            failed = True
    if failed:
        print("Mend these words, or add those that are right to docs/words.es.txt.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
