"""From a configuration to a network, its pass program and its clocks."""

from .network import Layer, Network

__all__ = ["Layer", "Network"]
