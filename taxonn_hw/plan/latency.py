"""Latencies of the engine ``taxonn`` in cycles: the RTL is built to them, clocks follow from them.

A slot is *issued* by the sequencer, then in the hazard stage until it may leave, then in the array,
from stage c0 on one stage further each cycle.
"""

from ..config import Activation
from ..fixed import Pow2Format, Rounding
from .alignment import Alignment
from .program import Finish, Program

__all__ = [
    "ADDRESS_LATENCY",
    "ARRAY_LATENCY",
    "LANES_PER_COPY",
    "LIST_LATENCY",
    "POOL_LATENCY",
    "PRODUCT_STAGE",
    "RANDOM_LATENCY",
    "RANDOM_STAGE",
    "SUM_STAGE",
    "WRITE_LATENCY",
    "WRITE_STAGE",
    "UnitLatencies",
    "conv_write_latency",
    "group_latency",
    "image_release",
    "is_wide",
    "issue_latency",
    "lane_activation_stage",
    "lane_delta_stage",
    "quantizer_latency",
    "row_release",
    "softmax_latency",
    "sums_over_slots",
    "tree_latency",
]

#: Lanes that one register of the array's control drives; more lanes have copies of it.
LANES_PER_COPY = 16
#: Dense nets: from the hazard stage to c0, in which the row is addressed.
ARRAY_LATENCY = 1
#: Stage at which a row is written back.
WRITE_STAGE = 7
#: Dense nets: from the hazard stage to the cycle in which a row is written back.
WRITE_LATENCY = ARRAY_LATENCY + WRITE_STAGE
#: Conv nets: from the hazard stage to c0, in which scalars are addressed and read.
ADDRESS_LATENCY = 3
#: Conv nets: from an activation of the neuron unit to the pooled code in the image memory.
POOL_LATENCY = 3
#: From c0 to the products that enter the adder tree.
PRODUCT_STAGE = 6
#: From c0 to a complete accumulator in the lanes.
SUM_STAGE = 7
#: From an append (or a rewind) to an entry that the list shows; the entry stage shows it a cycle
#: later.
LIST_LATENCY = 3
#: From a row address to its random word.
RANDOM_LATENCY = 4
#: Stage at which the array has the random word of a slot.
RANDOM_STAGE = RANDOM_LATENCY


def is_wide(network) -> bool:
    """Return whether the array has more lanes than one register drives: then it is far across, and
    what comes to it passes registers more."""
    return network.lanes > LANES_PER_COPY


def issue_latency(network) -> int:
    """Return the cycles of a dense net from the issue of a slot to the cycle in which it may leave
    the hazard stage: where the array is wide through two registers more, one before that stage and
    one in which rows are compared."""
    return 3 if is_wide(network) else 1


def row_release(network) -> int:
    """Return the cycles of a dense net from the issue of a sample's last slot until its input rows
    may be refilled: that slot and those that wait before it may each wait as long as a write
    takes."""
    waiting = issue_latency(network) + 1
    return (waiting + 1) * WRITE_LATENCY + waiting + 4


def conv_write_latency(network) -> int:
    """Return the cycles of a conv net from the hazard stage to the one in which a row is written
    back: at c8, or where weights decay at c9."""
    return ADDRESS_LATENCY + WRITE_STAGE + 1 + network.decays


def image_release(network) -> int:
    """Return the cycles of a conv net from the issue of a sample's last slot until its inputs may
    be refilled."""
    return 2 * conv_write_latency(network) + 4


def softmax_latency(network) -> int:
    """Return the cycles from the last sum of a softmax layer to its first code in the neuron
    unit, 0 without softmax."""
    if network.output.activation is not Activation.SOFTMAX:
        return 0
    stochastic = network.config.rounding.activation is Rounding.STOCHASTIC
    return network.output.n_out + 15 + (RANDOM_LATENCY if stochastic else 0)


def group_latency(program) -> int:
    """Return the cycles from a drained lane to the sum over lane groups (conv nets)."""
    return max((program.groups - 1).bit_length(), 1)


def tree_latency(program: Program) -> int:
    """Return the cycles from products to a finished sum: a level of adders each, and one more
    where sums take several slots."""
    levels = (program.network.lanes - 1).bit_length()
    return max(levels + sums_over_slots(program), 1)


def sums_over_slots(program: Program) -> bool:
    """Whether a sum of the adder tree takes several slots."""
    return any(p.finish is Finish.TREE and p.layer.n_blocks > 1 for p in program.passes)


def quantizer_latency(formats) -> int:
    """Return the cycles of a delta quantiser that serves all ``formats``."""
    return 3 if any(isinstance(fmt, Pow2Format) for fmt in formats) else 2


def lane_activation_stage(alignment: Alignment) -> int:
    """Return the stage at which lanes write their activations all at once."""
    return SUM_STAGE + (1 if alignment.rounds_activations else 2)


def lane_delta_stage(alignment: Alignment) -> int:
    """Return the stage at which lanes write their deltas all at once."""
    if alignment.rounds_deltas:
        return SUM_STAGE + 1
    return SUM_STAGE + quantizer_latency(layer.formats.delta for layer in alignment.lane_layers)


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
        hidden = [network.below(p.layer) for p in program.backward
                  if p.finish in (Finish.TREE, Finish.DRAIN)]
        self.has_table = any(layer.activation.is_table for layer in served)
        # A loadable build aligns sums and errors in a stage of their own.
        loadable = getattr(program, "loadable", False)
        self.round_stage = (RANDOM_LATENCY if config.rounding.activation is Rounding.STOCHASTIC
                            else int(loadable))
        self.activation = self.round_stage + (4 if self.has_table else 2)
        self.multiplies = bool(hidden) or loadable or output.has_derivative_at_output
        quantizer = quantizer_latency(layer.formats.delta for layer in (*hidden, output)) + loadable
        random_delay = quantizer - 2  # a power of two rounds one stage later
        self.quantize_stage = max(self.activation + 1 + (2 if self.multiplies else 0),
                                  RANDOM_LATENCY - random_delay)
        self.delta = self.quantize_stage + quantizer if config.training else self.activation
