"""Bit-exact numpy models of the engines, and their float reference; no Amaranth here."""

from .float import FloatModel
from .model import GoldenModel, SampleTrace
from .train import EpochRecord, TrainResult, accuracy, predict, sample_order, train_golden
from .weights import Parameters, initial_weights

__all__ = [
    "EpochRecord",
    "FloatModel",
    "GoldenModel",
    "Parameters",
    "SampleTrace",
    "TrainResult",
    "accuracy",
    "initial_weights",
    "predict",
    "sample_order",
    "train_golden",
]
