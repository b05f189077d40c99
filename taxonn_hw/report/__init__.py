"""Pictures of results."""

from .learning_curve import learning_curve

__all__ = ["learning_curve"]
