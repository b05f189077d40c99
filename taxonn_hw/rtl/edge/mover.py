"""Mover: weights and biases of all junctions between the host's streams and the memories.

Rows of ``C`` clocks a junction, each ``z_i / W`` beats of ``W`` words; or biases, one a beat.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...plan.edge.network import EdgeNetwork
from ..skid import StreamRegister
from .parameters import MOVED_LATENCY
from .staged import Staged, pick

__all__ = ["READ_LATENCY", "EdgeMover", "place_layout"]

#: Cycles from a place to ``moved``: the memories', and a register behind the choice of a junction.
READ_LATENCY = MOVED_LATENCY + 1
_DEPTH = READ_LATENCY + 2  # beats: a read latency and the two registers of the queue


def place_layout(network: EdgeNetwork) -> data.StructLayout:
    """Where a beat lies: junction (from 0), row of its memory, group of words or lane of a bias."""
    groups = max(max(j.z // network.weight_group, j.neurons_per_clock) for j in network.layers)
    return data.StructLayout({
        "bias": 1, "junction": range(max(len(network.layers), 2)),
        "row": range(max(network.cycles, 2)), "group": range(max(groups, 2))})


class EdgeMover(wiring.Component):
    """Loads or dumps ``count`` rows (biases) from number ``start`` on.

    A beat a clock either way; rows before ``start`` are passed by, one a clock.

    Members
    -------
    load, dump : In(1)
        Strobes.
    bias : In(1)
        Move biases.
    start, count : In(32)
    active : Out(1)
    place, write, data, moved : Out, In
        To the memories; ``moved`` follows :data:`READ_LATENCY` cycles after its place.
    i, o : In, Out(stream of word[W])
    """

    def __init__(self, *, network: EdgeNetwork) -> None:
        self.network = network
        self.word_group = data.ArrayLayout(network.word, network.weight_group)
        self.place_layout = place_layout(network)
        super().__init__({
            "load": In(1), "dump": In(1), "bias": In(1), "start": In(32), "count": In(32),
            "active": Out(1), "place": Out(self.place_layout),
            "write": Out(1), "data": Out(self.word_group), "moved": In(self.word_group),
            "i": In(stream.Signature(self.word_group)), "o": Out(stream.Signature(self.word_group)),
        })

    def elaborate(self, platform):
        m = Module()
        place = self.place
        skip = Signal(33)      # rows or biases to pass by, less one; below zero: none
        left = Signal(33)      # the same of those that are moved
        group_ends = Signal()
        row_ends = Signal()
        beat = Signal()        # a beat moves
        jump = Signal()        # a row (bias) is passed by
        m.submodules.register = register = StreamRegister(shape=self.word_group)
        m.submodules.queue = queue = SyncFIFOBuffered(width=self.word_group.size, depth=_DEPTH)
        credit = Signal(range(_DEPTH + 1), init=_DEPTH)  # room for beats that are on their way
        fetch = Signal()
        popped = Signal()
        arrives = Staged(m, fetch, 0, "fetched", reset_less=False).at(READ_LATENCY)
        m.d.sync += credit.eq(credit - fetch + popped)
        layers, group = self.network.layers, self.network.weight_group

        def limit(weights: list, biases: list):
            return Mux(place.bias, pick(place.junction, biases), pick(place.junction, weights))

        m.d.comb += [
            group_ends.eq((jump & ~place.bias) | (place.group == limit(
                [j.z // group - 1 for j in layers], [j.neurons_per_clock - 1 for j in layers]))),
            row_ends.eq(group_ends & (place.row == limit(
                [j.cycles - 1 for j in layers], [j.n_groups - 1 for j in layers]))),
            self.data.eq(self.i.payload),
            queue.w_en.eq(arrives), queue.w_data.eq(self.moved),
            register.i.valid.eq(queue.r_rdy), Value.cast(register.i.payload).eq(queue.r_data),
            queue.r_en.eq(register.i.ready), popped.eq(register.i.valid & register.i.ready),
        ]
        wiring.connect(m, register.o, wiring.flipped(self.o))
        with m.If(beat | jump):
            m.d.sync += place.group.eq(Mux(group_ends, 0, place.group + 1))
            with m.If(group_ends):
                m.d.sync += place.row.eq(Mux(row_ends, 0, place.row + 1))
            with m.If(row_ends):
                m.d.sync += place.junction.eq(place.junction + 1)
        with m.If(beat & (group_ends | place.bias)):
            m.d.sync += left.eq(left - 1)
        with m.If(jump):
            m.d.sync += skip.eq(skip - 1)
        loads = Signal()
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [place.group.eq(0), place.row.eq(0), place.junction.eq(0),
                             place.bias.eq(self.bias), skip.eq(self.start - 1),
                             left.eq(self.count - 1),
                             loads.eq(self.load)]
                with m.If(self.load | self.dump):
                    m.next = "SEEK"
            with m.State("SEEK"):
                m.d.comb += [self.active.eq(1), jump.eq(~skip[-1])]
                with m.If(skip[-1]):
                    with m.If(loads):
                        m.next = "LOAD"
                    with m.Else():
                        m.next = "DUMP"
            with m.State("LOAD"):
                m.d.comb += [self.active.eq(1), self.i.ready.eq(~left[-1]),
                             self.write.eq(self.i.valid & self.i.ready), beat.eq(self.write)]
                with m.If(left[-1]):
                    m.next = "IDLE"
            with m.State("DUMP"):
                m.d.comb += [self.active.eq(1), fetch.eq(~left[-1] & (credit != 0)),
                             beat.eq(fetch)]
                with m.If(left[-1] & (credit == _DEPTH)):
                    m.next = "IDLE"
        return m
