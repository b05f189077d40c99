"""From a configuration to a network, its pass program and its clocks."""

from .conv import ConvLayer
from .network import Layer, Network

__all__ = ["ConvLayer", "Layer", "Network"]
