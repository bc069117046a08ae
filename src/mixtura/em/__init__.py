"""Expectation-maximisation: the statistics, the loop, the monitor."""

from mixtura.em.loop import expect, expectation_maximisation
from mixtura.em.monitor import Monitor
from mixtura.em.statistics import SufficientStatistics

__all__ = ["Monitor", "SufficientStatistics", "expect", "expectation_maximisation"]
