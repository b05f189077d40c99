"""Models of engine ``edge``: bit-exact, float, and what its connections look like."""

from .float import EdgeFloat
from .model import EdgeModel
from .weights import initial_weights

__all__ = ["EdgeFloat", "EdgeModel", "initial_weights"]
