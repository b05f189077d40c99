"""Addresses of a slot of a convolutional net: the input, or the row of deltas, under each tap.

    input     neuron  origin + tap offset                  where (y + dy, x + dx) lies in the image
    delta     row     vector + (y - dy) / stride, windows  where that is whole and has a window

Every lane group has a tap of its own, so everything here is there once a group.  The stages lie
between hazard stage and array, and never stall:

====  ===========================================================================
d0    the slot leaves the hazard stage; the table of taps is read
d1    coordinates and address of the input; digits of the position
d2    the image memories are read; row of deltas
d3    stage c0 of the array: input, or zero
c1    scalars; rows of deltas, which position of a window they are for, whether they count
====  ===========================================================================

Division by stride and window side is a subtraction digit by digit, with a borrow.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...plan.conv_tables import taps
from ...plan.latency import ADDRESS_LATENCY
from ..memory import add_memory
from .conv_descriptor import tap_layout
from .conv_slot import conv_slot
from .numerics import Numerics

__all__ = ["ConvAddress"]


class ConvAddress(wiring.Component):
    """Scalars and rows of deltas of every lane group.

    Members
    -------
    i : In({valid, slot}), d0
    o : Out({valid, slot}), c0
    scalars, rows, picks, live : Out, one a group, c1
        ``picks``: position within its window; ``live``: there is a delta.
    x_address, x_bank : Out, d2
        Input of the sample; ``x_value`` one cycle later.
    write : In({valid, address, code})
        A neuron of an image.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        p, self.slot = n.program, conv_slot(n)
        self.groups = p.groups
        traveller = data.StructLayout({"valid": 1, "slot": self.slot})
        address = range(max(2, p.image_depth))
        super().__init__({
            "i": In(traveller), "o": Out(traveller),
            "scalars": Out(data.ArrayLayout(n.scalar, p.groups)),
            "rows": Out(data.ArrayLayout(self.slot.members["vector"], p.groups)),
            "picks": Out(data.ArrayLayout(self.slot.members["tag"].members["window"], p.groups)),
            "live": Out(p.groups),
            "x_address": Out(data.ArrayLayout(range(max(2, n.network.n_inputs)), p.groups)),
            "x_bank": Out(1),
            "x_value": In(data.ArrayLayout(n.vector_activation, p.groups)),
            "write": In(data.StructLayout({"valid": 1, "address": address,
                                           "code": n.vector_activation})),
        })

    def elaborate(self, platform):
        m = Module()
        stages = [self.i]
        for k in range(1, ADDRESS_LATENCY + 1):
            register = Signal(self.i.shape(), name=f"d{k}", reset_less=True)
            valid = Signal(name=f"d{k}_valid")
            m.d.sync += [register.eq(stages[-1]), valid.eq(stages[-1].valid)]
            m.d.comb += (shown := Signal(self.i.shape(), name=f"d{k}_slot")).eq(register)
            m.d.comb += shown.valid.eq(valid)
            stages.append(shown)
        m.d.comb += [self.o.eq(stages[-1]), self.x_bank.eq(stages[2].slot.x_bank)]
        row = self._taps(m, stages[0].slot.tap)
        for g in range(self.groups):
            self._input(m, g, row[g], stages)
            self._delta(m, g, row[g], stages)
        return m

    def _taps(self, m, address):
        """Read the taps of a tap row, at d1."""
        n = self.numerics
        if n.view.loadable:
            return n.view.read(m, "taps", address)
        words = taps(n.program, self.groups)
        m.submodules.taps = memory = Memory(shape=data.ArrayLayout(tap_layout(n), self.groups),
                                            depth=len(words), init=words)
        port = memory.read_port()
        m.d.comb += port.addr.eq(address)
        return port.data

    def _size(self, slot, name: str):
        """A number of the slot's layer."""
        return self.numerics.view.value(slot.tag.layer, name)

    def _input(self, m, g, tap, stages) -> None:
        n, s1, s3 = self.numerics, stages[1].slot, stages[3].slot
        coordinate = signed(len(s1.y) + 2)
        y, x = Signal(coordinate, name=f"d1_y_{g}"), Signal(coordinate, name=f"d1_x_{g}")
        address = Signal(self.slot.members["origin"], name=f"d2_address_{g}", reset_less=True)
        inside = [Signal(name=f"d{k}_inside_{g}", reset_less=True) for k in (2, 3)]
        m.d.comb += [y.eq(s1.y + tap.dy), x.eq(s1.x + tap.dx)]
        m.d.sync += [
            address.eq(s1.origin + tap.offset), inside[1].eq(inside[0]),
            inside[0].eq(tap.exists & (y >= 0) & (y < self._size(s1, "height"))
                         & (x >= 0) & (x < self._size(s1, "width"))),
        ]
        write, read = add_memory(m, f"image_{g}", shape=n.vector_activation,
                                 depth=max(1, n.program.image_depth))
        m.d.comb += [
            self.x_address[g].eq(address), read.addr.eq(address),
            write.addr.eq(self.write.address), write.data.eq(self.write.code),
            write.en.eq(self.write.valid),
        ]
        one = self._size(s3, "one")
        bias = Mux(s3.gradient, one, 0) if g == 0 and n.training else 0
        code = Mux(s3.tag.layer == 1, self.x_value[g], read.data)
        scalar = Signal(n.scalar, name=f"c1_scalar_{g}", reset_less=True)
        m.d.sync += scalar.eq(Mux(s3.bias, bias, Mux(inside[1], code, 0)))
        m.d.comb += self.scalars[g].eq(scalar)

    def _delta(self, m, g, tap, stages) -> None:
        s1, s2 = stages[1].slot, stages[2].slot
        live = tap.exists
        places, windows = {}, {}
        for name in ("y", "x"):
            own, of_tap = s1[f"{name}_digits"], tap[name]
            borrow = own.inside < of_tap.inside
            step = self._size(s1, f"{name}_step")
            inside = Signal(own.inside.shape(), name=f"d2_inside_{name}_{g}", reset_less=True)
            window = Signal(signed(len(own.window) + 2), name=f"d2_window_{name}_{g}",
                            reset_less=True)
            side = self._size(s1, "side")
            m.d.sync += [
                inside.eq(own.inside - of_tap.inside + Mux(borrow, side, 0)),
                window.eq(own.window - of_tap.window - Mux(borrow, step, 0)),
            ]
            live = live & (own.rest == of_tap.rest)
            places[name], windows[name] = inside, window
        d2_live = Signal(name=f"d2_live_{g}", reset_less=True)
        m.d.sync += d2_live.eq(live)
        tall = self._size(s2, "tall")
        wide = self._size(s2, "y_step")
        pick = Signal(self.picks[g].shape(), name=f"d2_pick_{g}")
        m.d.comb += pick.eq(places["x"] + self.numerics.view.times(
            s2.tag.layer, "side", places["y"]))
        within = Mux(self._size(s2, "average"), pick, 0)
        row, taken, lives = s2.vector, s2.tag.window, 1
        if self.numerics.training:
            row = Mux(s2.gather, s2.vector + windows["y"] + windows["x"] + within, row)
            taken = Mux(s2.gather, pick, taken)
            lives = ~s2.gather | (d2_live & (windows["y"] >= 0) & (windows["y"] < tall)
                                  & (windows["x"] >= 0) & (windows["x"] < wide))
        for stage in ("d3", "c1"):
            held = [Signal(like.shape(), name=f"{stage}_{name}_{g}", reset_less=True)
                    for name, like in (("row", self.rows[g]), ("pick", self.picks[g]),
                                       ("live", self.live[g]))]
            m.d.sync += [held[0].eq(row), held[1].eq(taken), held[2].eq(lives)]
            row, taken, lives = held
        m.d.comb += [self.rows[g].eq(row), self.picks[g].eq(taken), self.live[g].eq(lives)]
