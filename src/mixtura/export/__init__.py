"""A mixture carried elsewhere, and brought back: other libraries, languages, engines and files.

What a way out needs beside mixtura is imported where it is called.
"""

from __future__ import annotations

from mixtura.export.matlab import from_matlab, to_matlab
from mixtura.export.mclust import from_mclust, to_mclust
from mixtura.export.plain import from_json, to_json
from mixtura.export.scikit_learn import from_sklearn, to_sklearn
from mixtura.export.spark import from_spark, to_spark

__all__ = [
    "from_json",
    "from_matlab",
    "from_mclust",
    "from_sklearn",
    "from_spark",
    "to_json",
    "to_matlab",
    "to_mclust",
    "to_sklearn",
    "to_spark",
]
