"""Bit-exact numpy models of the engines, and their float reference; no Amaranth here."""

from .model import GoldenModel, SampleTrace
from .weights import Parameters, initial_weights

__all__ = ["GoldenModel", "Parameters", "SampleTrace", "initial_weights"]
