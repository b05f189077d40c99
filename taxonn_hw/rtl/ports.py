"""The ports that the accelerator of every engine has."""

from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..plan.base import Plan
from ..plan.streams import element_width, result_shape
from .control import csr_signature

__all__ = ["accelerator_ports"]


def accelerator_ports(plan: Plan) -> dict:
    """Return the members of an accelerator's signature.

    i_samples : In(stream of unsigned[samples_per_clock])
        Samples: beats of input codes, in training followed by beats of target codes.
    o_results : Out(stream of output code)
        With ``control.results``: the outputs of each sample, neuron 0 first (in training those
        before the update).
    i_weights, o_weights : In, Out(stream of word[weight_group])
        Rows and biases that ``weight_command`` asked for.
    csr : In(register bus)
        See :mod:`taxonn_hw.bus.registers`.
    """
    samples = data.ArrayLayout(element_width(plan), plan.samples_per_clock)
    words = data.ArrayLayout(plan.word, plan.weight_group)
    return {
        "i_samples": In(stream.Signature(samples)),
        "o_results": Out(stream.Signature(result_shape(plan)[0])),
        "i_weights": In(stream.Signature(words)),
        "o_weights": Out(stream.Signature(words)),
        "csr": In(csr_signature()),
    }
