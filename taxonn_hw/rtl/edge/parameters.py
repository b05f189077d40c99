"""Parameter memory: weights or biases of a junction, all of a clock in one row."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..memory import add_memory
from .staged import Staged, pick

__all__ = ["MOVED_LATENCY", "ParameterMemory"]

#: Cycles from the place of a move to ``moved``: the place, the address, the memory, a register
#: behind it, and two for the choice.
MOVED_LATENCY = 6

#: Rows up to which wide memories are best made of look-up tables.
_FEW_ROWS = 16


class ParameterMemory(wiring.Component):
    """Rows of ``n`` words, one read and one written in a clock, and a narrow way for the host.

    Everything on its way to the memory passes a register behind the choice between host and
    junction: read latency 2, and a write takes place one cycle after it was given.  No row is used
    that was read in the cycle of its write: the write of a clock's row comes after its read, and
    the next read a junction cycle later.

    Parameters
    ----------
    n, rows : int
    group : int
        Words that the host moves at once; divides ``n``.
    shape : Shape
        Of a word.
    training : bool
        Whether rows are written back.

    Members
    -------
    row : In
    words : Out(shape[n])
        Two cycles later.
    write, write_row, new : In
    move : In(1)
        The host has the memory: from the next cycle on ``move_write`` writes ``move_data``
        [group] to group ``move_group`` of ``move_row``; ``moved`` shows it :data:`MOVED_LATENCY`
        cycles later.
    """

    def __init__(self, *, n: int, rows: int, group: int, shape, training: bool) -> None:
        self.n, self.rows, self.group, self.shape, self.training = n, rows, group, shape, training
        row = range(max(rows, 2))
        self.words_layout = data.ArrayLayout(shape, n)
        self.group_layout = data.ArrayLayout(shape, group)
        super().__init__({
            "row": In(row), "words": Out(self.words_layout),
            "write": In(1), "write_row": In(row), "new": In(self.words_layout),
            "move": In(1), "move_row": In(row), "move_group": In(range(max(n // group, 2))),
            "move_write": In(1), "move_data": In(self.group_layout),
            "moved": Out(self.group_layout),
        })

    def elaborate(self, platform):
        m = Module()
        groups = self.n // self.group
        write, read = add_memory(m, "memory", depth=self.rows, granularity=1,
                                 shape=data.ArrayLayout(self.group_layout, groups))
        if self.rows > _FEW_ROWS and self.n > 1:
            # Synthesis would spread a few dozen wide rows over thousands of look-up tables.
            m.submodules.memory.attrs["ram_style"] = "block"
        place = Staged(m, Cat(self.move_group, self.move_row), 0, "place").at(1)
        move_group, move_row = place[:len(self.move_group)], place[len(self.move_group):]
        move_write = Staged(m, self.move_write, 0, "move_write", reset_less=False).at(1)
        loaded = Staged(m, self.move_data.as_value(), 0, "loaded").at(1).replicate(groups)
        chosen = Cat(move_write & (move_group == k) for k in range(groups))
        move = Signal(name="host_has_it")  # to every word
        m.d.sync += move.eq(self.move)
        read_row = Signal.like(self.row, name="read_row", reset_less=True)
        to_row = Signal.like(self.row, name="to_row", reset_less=True)
        to_words = Signal(len(loaded), name="to_words", reset_less=True)
        to_groups = Signal(groups, name="to_groups")
        m.d.sync += read_row.eq(Mux(move, move_row, self.row))
        m.d.comb += [
            read.addr.eq(read_row), self.words.as_value().eq(read.data.as_value()),
            write.addr.eq(to_row), write.data.as_value().eq(to_words), write.en.eq(to_groups),
        ]
        if self.training:
            m.d.sync += [
                to_row.eq(Mux(move, move_row, self.write_row)),
                to_words.eq(Mux(move, loaded, self.new.as_value())),
                to_groups.eq(Mux(move, chosen, self.write.replicate(groups))),
            ]
        else:
            m.d.sync += [to_row.eq(move_row), to_words.eq(loaded), to_groups.eq(chosen)]
        # The lanes keep the same register of the words; synthesis makes one of the two.
        held = Signal(read.data.shape(), name="held", reset_less=True)
        m.d.sync += held.as_value().eq(read.data.as_value())
        group, low = Staged(m, move_group, 1, "group"), len(move_group) // 2
        words = [held[k].as_value() for k in range(groups)]
        first, last = group.at(MOVED_LATENCY - 2)[:low], group.at(MOVED_LATENCY - 1)[low:]
        parts = [words[k:k + (1 << low)] for k in range(0, groups, 1 << low)]
        parts = [Staged(m, pick(first, part), 0, f"part_{k}").at(1)
                 for k, part in enumerate(parts)]
        m.d.comb += self.moved.as_value().eq(Staged(m, pick(last, parts), 0, "moved_group").at(1))
        return m
