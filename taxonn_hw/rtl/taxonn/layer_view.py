"""What depends on the layer, as hardware: constants of one network."""

from ...plan.layer_numbers import SIZES, network_numbers
from ..select import by_index

__all__ = ["FixedView"]


class FixedView:
    """The numbers of the layers of one network; those of a loadable build are a
    :class:`.loaded_view.LoadedView`, which answers the same questions.

    Parameters
    ----------
    numerics : Numerics
        Of hardware that runs kernels.
    """

    loadable = False

    def __init__(self, numerics) -> None:
        self.numerics = numerics

    def numbers(self, name: str) -> dict[int, int]:
        """Return the number ``name`` of :data:`SIZES` of every layer that has it."""
        n = self.numerics
        found = {layer.index: SIZES[name](n.program, layer) for layer in n.layers}
        return {i: value for i, value in found.items() if value is not None}

    def value(self, index, name: str, shape=None):
        """Return the number ``name`` of layer ``index``."""
        return by_index(index, self.numbers(name), shape)

    def times(self, index, name: str, value):
        """Return that number times ``value``."""
        return by_index(index, {i: value * k for i, k in self.numbers(name).items()})

    def by_groups(self, index, of, shape=None):
        """Return ``of(groups)`` for the number of lane groups of layer ``index``."""
        n = self.numerics
        return by_index(index, {layer.index: of(n.program.walk(layer).groups)
                                for layer in n.layers}, shape)

    def is_output(self, index):
        """Whether layer ``index`` is the last."""
        return index == self.numerics.network.output.index

    def is_hidden(self, index):
        """Whether it is not."""
        return index != self.numerics.network.output.index

    def total(self, name: str):
        """Return a number of the whole network."""
        return network_numbers(self.numerics.network)[name]

    @property
    def stored(self) -> int:
        """A layer whose weights are as wide as the memory: as which the host stores rows."""
        return max(self.numerics.layers, key=lambda layer: layer.formats.weight.width).index
