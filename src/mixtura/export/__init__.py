"""Fitted models carried elsewhere: to another runtime, another framework.

What a way out needs beside mixtura is imported where it is called: `pip install 'mixtura[onnx]'`.
"""

from __future__ import annotations

from mixtura.export.fisher import fisher_vector
from mixtura.export.jax import JaxMixture, to_jax
from mixtura.export.onnx import to_onnx
from mixtura.export.skl2onnx import register_skl2onnx
from mixtura.export.torch import to_torch

__all__ = [
    "JaxMixture",
    "fisher_vector",
    "register_skl2onnx",
    "to_jax",
    "to_onnx",
    "to_torch",
]
