"""Scalar biases of the layers whose lanes are inputs: a memory and an adder, same law."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Pow2Format, Rounding
from ...fixed.gates import pow2_decode, round_shift, saturate
from ...plan.program import Finish
from ..select import by_index
from .numerics import Numerics
from .slot import slot_layout

__all__ = ["ScalarBias"]


class ScalarBias(wiring.Component):
    """Reads the bias of an output with its slot; writes it back with the weights.

    The stages are those of the lanes: read at c0, sum input at s4, write at s6, so that the row
    hazard check covers the bias too.

    Members
    -------
    slots : c0, c2, c4, c5, c6 as ``c<k>`` with ``c<k>_valid``
    row_word, lane_word : In(16)
        Random words at s4.
    rate : In(3)
    aligned : Out, s4
        Bias with the fraction bits of the forward accumulator.
    move, move_address, move_write, move_data, moved : In, Out
        Host access.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        self.slot = slot_layout(n)
        self.layers = [layer for layer in n.layers if not layer.by_outputs]
        self.word = n.word
        super().__init__({
            "c0": In(self.slot), "c2": In(self.slot), "c3": In(self.slot), "c4": In(self.slot),
            "c5": In(self.slot), "c6": In(self.slot), "c6_valid": In(1),
            "row_word": In(RANDOM_BITS), "lane_word": In(RANDOM_BITS), "rate": In(3),
            "aligned": Out(n.sum_shape((Finish.TREE,))),
            "move": In(1), "move_address": In(range(max(n.network.n_neurons, 2))),
            "move_write": In(1), "move_data": In(self.word), "moved": Out(self.word),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.numerics
        memory = Memory(shape=self.word, depth=n.network.n_neurons, init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        bases = {layer.index: layer.neuron_base for layer in n.layers}
        address = Signal(range(max(n.network.n_neurons, 2)))
        m.d.comb += [
            address.eq(by_index(self.c0.layer, bases) + self.c0.item),
            read.addr.eq(Mux(self.move, self.move_address, address)),
        ]
        s2, s3, s4, s5 = (Signal(self.word, name=f"s{k}_bias", reset_less=True)
                          for k in (2, 3, 4, 5))
        m.d.sync += [s2.eq(read.data), s3.eq(s2), s4.eq(s3), s5.eq(s4)]
        m.d.comb += [
            self.moved.eq(s2),
            self.aligned.eq(by_index(self.c4.layer, {
                layer.index: round_shift(s4, -layer.bias_shift, Rounding.FLOOR)
                for layer in self.layers})),
        ]
        new = Signal(self.word, reset_less=True)
        if n.training:
            m.d.sync += new.eq(self._updated(m, s5))
        own = Signal()
        m.d.comb += [
            own.eq(self.c6_valid & self.c6.update & (self.c6.block == 0) & by_index(
                self.c6.layer, {layer.index: int(not layer.by_outputs) for layer in n.layers}, 1)),
            write.en.eq(Mux(self.move, self.move_write, own)),
            write.addr.eq(Mux(self.move, self.move_address, (by_index(
                self.c6.layer, bases) + self.c6.item)[:len(address)])),
            write.data.eq(Mux(self.move, self.move_data, new)),
        ]
        return m

    def _updated(self, m, s5_bias):
        """``b - round(delta 2**-k)``, combinational at s5."""
        n = self.numerics
        low, high = n.network.config.rate_range
        mode = n.network.config.rounding.update
        code = self.c4.scalar
        if n.pow2:
            widest = max((layer.formats.delta for layer in n.layers), key=lambda f: f.width)
            code = pow2_decode(self.c4.power, Pow2Format(widest.width, 0))
        random = self.row_word ^ self.lane_word
        results = {}
        for layer in self.layers:
            steps = [round_shift(code, layer.bias_update_shift(rate), mode, random)
                     for rate in range(high, low - 1, -1)]
            width = max(len(step) for step in steps)
            register = Signal(signed(width + 1), name=f"step_{layer.index}", reset_less=True)
            with m.Switch(self.rate):
                for k, step in enumerate(steps):
                    with m.Case(k):
                        m.d.sync += register.eq(step)
            results[layer.index] = saturate(s5_bias - register, layer.formats.bias)
        return by_index(self.c5.layer, results)
