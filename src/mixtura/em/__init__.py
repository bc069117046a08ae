"""Expectation-maximisation: the statistics, the M-step, the loop, the monitor."""

from mixtura.em.blocks import EMBlocks, Responsibilities
from mixtura.em.conjugate import ConjugatePrior
from mixtura.em.expectation import Expectation, TotalScatter
from mixtura.em.kind import GAUSSIAN, Kind, Tails
from mixtura.em.knowledge import NOTHING, Bounds, Fixed, Knowledge, put
from mixtura.em.loop import expect, expectation_maximisation
from mixtura.em.m_step import MaximumLikelihood, MStep, Variational
from mixtura.em.monitor import Monitor
from mixtura.em.online import default_step, online_step
from mixtura.em.prior import Prior
from mixtura.em.statistics import SufficientStatistics

__all__ = [
    "GAUSSIAN",
    "NOTHING",
    "Bounds",
    "ConjugatePrior",
    "EMBlocks",
    "Expectation",
    "Fixed",
    "Kind",
    "Knowledge",
    "MStep",
    "MaximumLikelihood",
    "Monitor",
    "Prior",
    "Responsibilities",
    "SufficientStatistics",
    "Tails",
    "TotalScatter",
    "Variational",
    "default_step",
    "expect",
    "expectation_maximisation",
    "online_step",
    "put",
]
