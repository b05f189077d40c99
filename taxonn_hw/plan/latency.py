"""Latencies of the engine ``taxonn`` in cycles: the RTL is built to them, clocks follow from them.

A slot is *issued* by the sequencer, then held one cycle or more by the hazard stage, then in the
array at stage c0.
"""

from ..fixed import Pow2Format, Rounding
from .network import Network
from .program import Finish, Program

__all__ = [
    "LIST_LATENCY",
    "PRODUCT_STAGE",
    "RANDOM_LATENCY",
    "SUM_STAGE",
    "WRITE_LATENCY",
    "UnitLatencies",
    "lane_delta_stage",
    "quantizer_latency",
    "tree_latency",
]

#: From c0 to the cycle in which a row is written back.
WRITE_LATENCY = 6
#: From c0 to the products that enter the adder tree.
PRODUCT_STAGE = 4
#: From c0 to a complete accumulator in the lanes.
SUM_STAGE = 5
#: From an append (or a rewind) to an entry that the sequencer can issue.
LIST_LATENCY = 3
#: From a row address to its random word.
RANDOM_LATENCY = 4


def tree_latency(lanes: int) -> int:
    """Return the cycles from products to a finished sum: a level of adders each, and one."""
    return (lanes - 1).bit_length() + 1


def quantizer_latency(formats) -> int:
    """Return the cycles of a delta quantiser that serves all ``formats``."""
    return 3 if any(isinstance(fmt, Pow2Format) for fmt in formats) else 2


def lane_delta_stage(network: Network) -> int:
    """Return the stage, from c0, at which lanes write their deltas all at once."""
    return SUM_STAGE + quantizer_latency(
        layer.formats.delta for layer in network.layers
        if not layer.is_output and network.stores_in_lanes(layer))


class UnitLatencies:
    """Latencies of the neuron unit, from a sum at its input.

    Members
    -------
    activation, delta : int
        To the activation code, to the stored delta.
    round_stage, quantize_stage : int
        Where activations are rounded and deltas enter the quantiser.
    has_table, multiplies : bool
        Whether it reads tables, multiplies by derivatives.
    """

    def __init__(self, program: Program) -> None:
        network = program.network
        config, output = network.config, network.output
        served = [p.layer for p in program.forward if p.finish in (Finish.TREE, Finish.DRAIN)]
        hidden = [network.layers[p.layer.index - 2] for p in program.backward
                  if p.finish in (Finish.TREE, Finish.DRAIN)]
        self.has_table = any(layer.activation.is_table for layer in served)
        self.round_stage = (RANDOM_LATENCY if config.rounding.activation is Rounding.STOCHASTIC
                            else 0)
        self.activation = self.round_stage + (4 if self.has_table else 2)
        self.multiplies = bool(hidden) or output.has_derivative_at_output
        quantizer = quantizer_latency(layer.formats.delta for layer in (*hidden, output))
        random_delay = quantizer - 2  # a power of two rounds one stage later
        self.quantize_stage = max(self.activation + 1 + (2 if self.multiplies else 0),
                                  RANDOM_LATENCY - random_delay)
        self.delta = self.quantize_stage + quantizer if config.training else self.activation
