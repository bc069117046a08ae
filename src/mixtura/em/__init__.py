"""Expectation-maximisation: the statistics, the loop, the monitor."""

from mixtura.em.loop import expect, expectation_maximisation
from mixtura.em.monitor import Monitor
from mixtura.em.online import default_step, online_step
from mixtura.em.statistics import SufficientStatistics

__all__ = [
    "Monitor",
    "SufficientStatistics",
    "default_step",
    "expect",
    "expectation_maximisation",
    "online_step",
]
