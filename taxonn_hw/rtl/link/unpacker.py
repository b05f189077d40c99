"""Executes pushes: reads slots of the frame memory, unpacks tokens, fills beats."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus.packing import BITS, COUNT_BITS, REST, Mode, StreamUnits
from ..select import by_index
from .receiver import LENGTH_AT, PAYLOAD_END

__all__ = ["Unpacker"]


class Unpacker(wiring.Component):
    """Empties slots, oldest first.

    A byte of data takes 10 clocks, or as many as its units wait for the stream; a zero of a run
    takes one.  So the line is not faster, down to four clocks a bit.  A reset drops everything,
    also a beat that waits.

    Parameters
    ----------
    units : sequence of StreamUnits
        Of the push streams, by number.
    registered : bool
        What is read passes a register; a byte of data takes 11 clocks then.

    Members
    -------
    pending : In(1)
        The slot to read is filled.
    finished : Out(1)
        It is through: strobe.  The next one may show from the next cycle on.
    r_addr, r_data : Out(8), In(8)
        Frame memory, one cycle later.
    o_0, o_1 ... : Out(stream of bits)
        The push streams.
    """

    def __init__(self, *, units, registered: bool = False) -> None:
        self.units: list[StreamUnits] = list(units)
        self.registered = registered
        if bad := [u for u in self.units if not 1 <= u.bits <= 32 or u.per_beat < 1]:
            raise ValueError(f"a unit must have 1 to 32 bits and a beat 1 unit, not {bad[0]}")
        self.widths = [u.bits * u.per_beat for u in self.units]
        super().__init__({
            "pending": In(1), "finished": Out(1), "r_addr": Out(8), "r_data": In(8),
            **{f"o_{k}": Out(stream.Signature(width)) for k, width in enumerate(self.widths)},
        })

    def elaborate(self, platform):
        m = Module()
        chosen = Signal(range(max(len(self.units), 2)))
        left = Signal(8)         # place in the slot; LENGTH_AT between two slots
        mode = Signal(3, reset_less=True)
        count = Signal(COUNT_BITS, reset_less=True)
        rest = Signal(reset_less=True)
        wants_token = Signal(reset_less=True)
        word = Signal(8 * max(u.n_bytes for u in self.units), reset_less=True)
        place = Signal(3)        # bits of the byte that are through, or bytes of a wide unit
        full = Signal()          # neither the beat nor the register before it takes a unit
        empty = Signal()         # no beat waits, nor a unit
        emit = Signal()          # the unit in `word` goes into the beat
        starts = Signal()        # a beat starts
        through = Signal()       # with the byte, or with a zero of a run
        m.d.comb += self.r_addr.eq(left)
        r_data, waits = self.r_data, self.registered
        if waits:
            r_data = Signal(8, name="read", reset_less=True)
            m.d.sync += r_data.eq(self.r_data)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [wants_token.eq(1), place.eq(0)]
                with m.If(self.pending):
                    m.next = "LENGTH_COMES" if waits else "LENGTH"
            if waits:
                with m.State("LENGTH_COMES"):
                    m.next = "LENGTH"
                with m.State("COMES"):
                    m.next = "TAKE"
            with m.State("LENGTH"):
                m.d.sync += left.eq(r_data)
                m.next = "FETCH"
            with m.State("FETCH"):
                with m.If(left >= PAYLOAD_END):
                    m.d.sync += left.eq(left - 1)
                    m.next = "COMES" if waits else "TAKE"
                with m.Elif(empty):
                    m.d.comb += self.finished.eq(1)
                    m.d.sync += left.eq(LENGTH_AT)
                    m.next = "IDLE"
            with m.State("TAKE"):
                with m.If(wants_token):
                    m.d.sync += [mode.eq(r_data[COUNT_BITS:]), count.eq(r_data),
                                 rest.eq(r_data[:COUNT_BITS] == REST)]
                    m.next = "TOKEN"
                with m.Else():
                    m.d.sync += word.eq(r_data)
                    if len(word) > 8:
                        with m.If(mode == Mode.WIDE):
                            m.d.sync += word.eq(Cat(word[8:], r_data))
                    m.next = "UNITS"
            with m.State("TOKEN"):
                with m.If(mode == Mode.ZERO):
                    m.next = "UNITS"
                with m.Elif(mode != Mode.SELECT):
                    m.d.sync += wants_token.eq(0)
                    m.next = "FETCH"
                with m.Elif(empty):
                    m.d.comb += starts.eq(1)
                    m.d.sync += chosen.eq(count)
                    m.next = "FETCH"
            with m.State("UNITS"):
                self._units(m, chosen, mode, word, place, full, emit, through)
                with m.If(through):
                    m.d.sync += count.eq(count - 1)
                    with m.If(mode != Mode.ZERO):
                        m.d.sync += wants_token.eq((count == 1) & ~rest)
                        m.next = "FETCH"
                    with m.Elif(count == 0):
                        m.next = "FETCH"
        self._beats(m, chosen, starts, mode, word, full, empty, emit)
        return m

    def _units(self, m, chosen, mode, word, place, full, emit, through) -> None:
        """A clock of state UNITS: a byte moves right by a bit, its units go out in passing."""
        wants = Signal()  # a unit is in `word`
        ends = Signal()   # the byte, or a zero of a run
        last = Signal()   # place of a byte, or byte of a wide unit
        sizes = {k: u.n_bytes - 1 for k, u in enumerate(self.units)}
        with m.Switch(mode):
            for key, bits in BITS.items():
                with m.Case(key):
                    m.d.comb += [wants.eq((place & bits - 1) == 0), last.eq(place == 7),
                                 ends.eq(last)]
            with m.Case(Mode.WIDE):
                m.d.comb += [last.eq(place == by_index(chosen, sizes)), wants.eq(last), ends.eq(1)]
            with m.Default():
                m.d.comb += [wants.eq(1), ends.eq(1), last.eq(1)]
        m.d.comb += [emit.eq(wants & ~full), through.eq(ends & ~(wants & full))]
        with m.If(~(wants & full)):
            m.d.sync += [place.eq(Mux(last, 0, place + 1)), word.eq(word >> 1)]
            if len(word) > 8:
                with m.If(mode == Mode.WIDE):
                    m.d.sync += word.eq(word)

    def _beats(self, m, chosen, starts, mode, word, full, empty, emit) -> None:
        """Shift units, each from a register, into the top of the beat, which may be wide; the last
        one completes it for every stream."""
        beat = Signal(max(self.widths), reset_less=True)
        filled = Signal(range(max(u.per_beat for u in self.units)))
        ends = {k: u.per_beat - 1 for k, u in enumerate(self.units)}
        unit = Signal(max(u.bits for u in self.units), reset_less=True)
        held, complete = Signal(), Signal()  # `unit` holds one; the beat is complete
        put = Signal()                       # it goes into the beat
        m.d.comb += [put.eq(held & ~complete), full.eq(held & complete),
                     empty.eq(~held & ~complete)]
        m.d.sync += held.eq(emit | held & complete)
        with m.Switch(chosen):
            for k, units in enumerate(self.units):
                with m.Case(k):
                    with m.If(emit):
                        m.d.sync += unit.eq(self._unit(mode, word, units))
                    with m.If(put):
                        m.d.sync += beat.eq(Cat(beat[units.bits:], unit[:units.bits]))
        with m.If(put):
            m.d.sync += filled.eq(filled + 1)
            with m.If(filled == by_index(chosen, ends)):
                m.d.sync += [filled.eq(0), complete.eq(1)]
        with m.If(starts):
            m.d.sync += filled.eq(0)
        for k, width in enumerate(self.widths):
            o = getattr(self, f"o_{k}")
            m.d.comb += [o.valid.eq(complete & (chosen == k)),
                         o.payload.eq(beat[len(beat) - width:])]
            with m.If(o.valid & o.ready):
                m.d.sync += complete.eq(0)

    @staticmethod
    def _unit(mode, word, units: StreamUnits):
        """Return the unit that ``word`` shows: as many low bits as the mode has, of zeros none."""
        shown = [mode != Mode.ZERO, *(mode >= low for low in (Mode.P2, Mode.P4, Mode.P4)),
                 *(mode >= Mode.P8,) * 4]
        low = Cat(bit & show for bit, show in zip(word[:8], shown, strict=True))
        if units.bits <= 8:
            return low[:units.bits]
        return Mux(mode == Mode.WIDE, word[len(word) - 8 * units.n_bytes:][:units.bits], low)
