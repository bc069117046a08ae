"""Who computes the E-step: the native core, or another that answers one question."""

from mixtura.engines.blocks import EngineBlocks
from mixtura.engines.native import NATIVE
from mixtura.engines.protocol import Engine

__all__ = ["NATIVE", "Engine", "EngineBlocks"]
