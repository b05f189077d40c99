"""Entry stage: what the sequencer decides on, one register behind lists and counter."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..skid import StreamRegister
from .numerics import Numerics
from .slot import slot_layout

__all__ = ["EntryStage", "entry_layout"]


def entry_layout(numerics: Numerics) -> data.StructLayout:
    """Layout of an item of a pass: ``backward``: it has such a slot, ``both``: and then one that
    updates; ``last``: of the items that are counted."""
    slot = slot_layout(numerics).members
    return data.StructLayout({"index": slot["item"], "scalar": numerics.scalar,
                              "power": slot["power"], "backward": 1, "both": 1, "last": 1})


class EntryStage(wiring.Component):
    """Takes the items of a pass from its list, or counts them.

    Latency 1 cycle from the list, or from the first cycle of the pass; an item a cycle.

    Parameters
    ----------
    numerics : Numerics
    lists : dict
        Name -> layout of an entry.

    Members
    -------
    source : In
        0 counts, else the number of the list + 1.
    last_item : In
        Where items are counted.
    is_backward, is_update, selective : In(1)
        What slots the items of the pass have; ``selective``: where there is something to do.
    ends : In(1)
        The pass ends, or a block of it does.
    masked : In, one bit a list
        What the list shows does not count: it is rewound, or another takes its place.
    clear : In(1)
        Forget the item that is shown, and begin anew; no slot of the pass may have left.
    done : In, one bit a list
    list_x, list_a1, ... : In(stream), one a list
    o : Out(stream of entry_layout)
    over : Out(1)
        The list has ended and so have its items.
    """

    def __init__(self, *, numerics: Numerics, lists: dict) -> None:
        self.numerics, self.lists = numerics, list(lists)
        n_lists = max(len(lists), 1)
        entry = entry_layout(numerics)
        super().__init__({
            "source": In(range(len(lists) + 1)), "last_item": In(entry.members["index"]),
            "is_backward": In(1), "is_update": In(1), "selective": In(1),
            "ends": In(1), "masked": In(n_lists), "clear": In(1), "done": In(n_lists),
            **{f"list_{name}": In(stream.Signature(layout)) for name, layout in lists.items()},
            "o": Out(stream.Signature(entry)), "over": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.numerics
        m.submodules.register = register = StreamRegister(shape=entry_layout(n))
        wiring.connect(m, register.o, wiring.flipped(self.o))
        valid, done, slope, nonzero = Signal(), Signal(), Signal(), Signal()
        entry = register.i.payload
        counted = Signal(entry.index.shape())
        all_counted = Signal()
        with m.Switch(self.source):
            with m.Case(0):
                m.d.comb += [valid.eq(~all_counted), entry.index.eq(counted), nonzero.eq(1),
                             entry.last.eq(counted == self.last_item)]
                with m.If(valid & register.i.ready):
                    m.d.sync += [counted.eq(Mux(entry.last, 0, counted + 1)),
                                 all_counted.eq(entry.last)]
            for number, name in enumerate(self.lists):
                source, shows = getattr(self, f"list_{name}"), ~self.masked[number]
                with m.Case(number + 1):
                    m.d.comb += [valid.eq(source.valid & shows),
                                 source.ready.eq(register.i.ready & shows),
                                 done.eq(self.done[number] & shows),
                                 entry.index.eq(source.payload.index)]
                    value = source.payload.value
                    if name[0] == "d" and n.pow2:
                        m.d.comb += [entry.power.eq(value), nonzero.eq(1)]
                    else:
                        m.d.comb += [entry.scalar.eq(value), nonzero.eq(value != 0)]
                    if name[0] == "a":
                        m.d.comb += slope.eq(source.payload.slope)
        with m.If(self.ends):
            m.d.sync += all_counted.eq(0)
        with m.If(self.clear):
            m.d.sync += [counted.eq(0), all_counted.eq(0)]
        m.d.comb += [
            register.i.valid.eq(valid), register.clear.eq(self.clear),
            entry.backward.eq(self.is_backward & (slope | ~self.selective)),
            entry.both.eq(entry.backward & self.is_update & (nonzero | ~self.selective)),
        ]
        holds = register.o.valid & ~register.o.ready | ~register.i.ready
        m.d.sync += self.over.eq(done & ~holds & ~self.ends & ~self.clear)
        return m
