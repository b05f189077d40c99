"""Results: outputs leave one by one, and the class that they stand for is counted."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..skid import SkidBuffer
from .staged import pick

__all__ = ["RECENT", "Argmax", "ResultQueue", "Scores"]

#: Training samples of the running accuracy.
RECENT = 1000


class ResultQueue(wiring.Component):
    """Groups of ``R`` codes in, single codes out.

    Parameters
    ----------
    n : int
        Codes of a group.
    groups : int
        Groups of a sample; the queue holds those of three samples.
    shape : Shape
        Of a code.

    Members
    -------
    write : In(1)
        Take ``codes``; there must be room.
    codes : In(shape[n])
    reserve : In(1)
        A sample begins whose results will come; only with ``room``.
    room : Out(1)
        The results of one more sample fit.
    o : Out(stream)
    empty : Out(1)
    """

    def __init__(self, *, n: int, groups: int, shape) -> None:
        self.n, self.groups, self.shape = n, groups, shape
        self.depth = 3 * groups
        super().__init__({
            "write": In(1), "codes": In(data.ArrayLayout(shape, n)), "reserve": In(1),
            "room": Out(1), "o": Out(stream.Signature(shape.width)), "empty": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = SyncFIFOBuffered(width=self.n * self.shape.width,
                                                      depth=self.depth)
        credit = Signal(range(self.depth + 1), init=self.depth)
        place = Signal(range(max(self.n, 2)))
        leaves = Signal()
        pop = Signal()
        width = self.shape.width
        m.submodules.skid = skid = SkidBuffer(shape=width)
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        m.d.comb += [
            queue.w_en.eq(self.write), queue.w_data.eq(self.codes.as_value()),
            skid.i.valid.eq(queue.r_rdy),
            skid.i.payload.eq(pick(place, [queue.r_data[k * width:(k + 1) * width]
                                           for k in range(self.n)])),
            leaves.eq(skid.i.valid & skid.i.ready), pop.eq(leaves & (place == self.n - 1)),
            queue.r_en.eq(pop), self.empty.eq(credit == self.depth),
        ]
        m.d.sync += [credit.eq(credit - Mux(self.reserve, self.groups, 0) + pop),
                     self.room.eq((credit >= self.groups) & ~self.reserve)]
        with m.If(leaves):
            m.d.sync += place.eq(Mux(place == self.n - 1, 0, place + 1))
        return m


class Argmax(wiring.Component):
    """Index of the largest code of a sample; of equal ones the last.

    Of a single output: 1 where the code is at least half of ``one``.

    Members
    -------
    valid, first, last : In(1)
        A group comes; the first, the last of its sample.
    codes : In(shape[n])
    done : Out(1)
        One cycle for each sample, with ``index``, which then stays.
    index : Out
    """

    def __init__(self, *, n: int, n_out: int, shape, one: int) -> None:
        self.n, self.n_out, self.shape, self.one = n, n_out, shape, one
        #: Cycles from the last group to ``done``.
        self.latency = (n - 1).bit_length() + 1
        super().__init__({
            "valid": In(1), "first": In(1), "last": In(1), "codes": In(data.ArrayLayout(shape, n)),
            "done": Out(1), "index": Out(range(max(n_out, 2))),
        })

    def elaborate(self, platform):
        m = Module()
        level = [(self.codes[k], k) for k in range(self.n)]
        flags, depth = (self.valid, self.first, self.last), 0
        while len(level) > 1:
            winners = []
            for k in range(0, len(level), 2):
                code, place = level[k]
                if k + 1 < len(level):
                    other, other_place = level[k + 1]
                    later = Signal(name=f"later{depth}_{k // 2}")
                    m.d.comb += later.eq(other >= code)
                    code, place = Mux(later, other, code), Mux(later, other_place, place)
                best = Signal(self.shape, name=f"code{depth}_{k // 2}", reset_less=True)
                where = Signal(range(self.n), name=f"place{depth}_{k // 2}", reset_less=True)
                m.d.sync += [best.eq(code), where.eq(place)]
                winners.append((best, where))
            level, depth = winners, depth + 1
            registers = [Signal(name=f"{name}{depth}") for name in ("valid", "first", "last")]
            m.d.sync += [register.eq(flag) for register, flag in zip(registers, flags, strict=True)]
            flags = registers
        (code, place), (valid, first, last) = level[0], flags
        if self.n_out == 1:
            m.d.sync += self.done.eq(valid)
            with m.If(valid):
                m.d.sync += self.index.eq(code + code >= self.one)
            return m
        best = Signal(self.shape, reset_less=True)
        base = Signal(range(self.n_out + self.n))
        m.d.sync += self.done.eq(valid & last)
        with m.If(valid):
            m.d.sync += base.eq(Mux(last, 0, base + self.n))
            with m.If(first | (code >= best)):
                m.d.sync += [best.eq(code), self.index.eq(base + place)]
        return m


class Scores(wiring.Component):
    """Counts right predictions: since ``clear``, and of the last :data:`RECENT` samples.

    Members
    -------
    clear : In(1)
    valid, right : In(1)
        A training sample has come; it was predicted right.  At most every third cycle.
    correct, recent : Out
    """

    clear: In(1)
    valid: In(1)
    right: In(1)
    correct: Out(32)
    recent: Out(range(RECENT + 1))

    def elaborate(self, platform):
        m = Module()
        memory = Memory(shape=1, depth=RECENT, init=[])
        m.submodules.window = memory
        write, read = memory.write_port(), memory.read_port()
        place = Signal(range(RECENT))
        wrapped = Signal()
        oldest = Signal(reset_less=True)
        leaves = Signal()
        m.d.comb += [
            read.addr.eq(place), write.addr.eq(place), write.en.eq(self.valid),
            write.data.eq(self.right), leaves.eq(wrapped & oldest),
        ]
        m.d.sync += oldest.eq(read.data)
        with m.If(self.clear):
            m.d.sync += [self.correct.eq(0), self.recent.eq(0), place.eq(0), wrapped.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += [self.correct.eq(self.correct + self.right),
                         self.recent.eq(self.recent + self.right - leaves),
                         place.eq(place + 1)]
            with m.If(place == RECENT - 1):
                m.d.sync += [place.eq(0), wrapped.eq(1)]
        return m


