"""Fitted models carried elsewhere, and mixtures brought back: other libraries, languages, runtimes and files.

What a way out needs beside mixtura is imported where it is called: `pip install 'mixtura[onnx]'`.
"""

from __future__ import annotations

from mixtura.export.fisher import fisher_vector
from mixtura.export.jax import JaxMixture, to_jax
from mixtura.export.matlab import from_matlab, to_matlab
from mixtura.export.mclust import from_mclust, to_mclust
from mixtura.export.onnx import to_onnx
from mixtura.export.plain import from_json, to_json
from mixtura.export.scikit_learn import from_sklearn, to_sklearn
from mixtura.export.skl2onnx import register_skl2onnx
from mixtura.export.spark import from_spark, to_spark
from mixtura.export.torch import to_torch

__all__ = [
    "JaxMixture",
    "fisher_vector",
    "from_json",
    "from_matlab",
    "from_mclust",
    "from_sklearn",
    "from_spark",
    "register_skl2onnx",
    "to_jax",
    "to_json",
    "to_matlab",
    "to_mclust",
    "to_onnx",
    "to_sklearn",
    "to_spark",
    "to_torch",
]
