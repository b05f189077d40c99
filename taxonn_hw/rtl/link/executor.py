"""Executes control requests: registers, pulls, information; fills the answer memory."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus.protocol import MAX_PAYLOAD, Command
from ..control import csr_signature
from .transmitter import ANSWER_AT

__all__ = ["Executor"]

RESET_CLOCKS = 7
ANSWER_END = ANSWER_AT + MAX_PAYLOAD


class Executor(wiring.Component):
    """Does one control request at a time.

    An answer takes 6 cycles for a register, whose strobes come from registers, and one a byte for
    beats that are pulled; a request that comes meanwhile would be lost, but takes longer than that
    on the line.

    Parameters
    ----------
    widths : sequence of int
        Bits of a beat of the pull streams, by number; at most as many as fit into an answer.
    info : bytes
        The answer to INFO.

    Members
    -------
    execute : In(1)
        A request is there: strobe.
    command, argument, value : In(3), In(8), In(32)
        Stable in the four cycles after ``execute``.
    answered : Out(1)
        The answer is in the memory: strobe.
    end : Out(8)
        Place after its last byte.
    w_en, w_addr, w_data : Out
        To the answer memory, from registers: the last byte with ``answered``.
    reset : Out(1)
        Of the accelerator; 7 cycles.
    csr : Out(register bus)
    i_0, i_1 ... : In(stream of bits)
        The pull streams.
    """

    def __init__(self, *, widths, info: bytes) -> None:
        self.widths, self.info = list(widths), bytes(info)
        room = 8 * MAX_PAYLOAD
        if bad := [width for width in self.widths if not 1 <= width <= room]:
            raise ValueError(f"a beat must have 1 to {room} bits, not {bad[0]}")
        super().__init__({
            "execute": In(1), "command": In(3), "argument": In(8), "value": In(32),
            "answered": Out(1), "end": Out(8),
            "w_en": Out(1), "w_addr": Out(8), "w_data": Out(8),
            "reset": Out(1), "csr": Out(csr_signature()),
            **{f"i_{k}": In(stream.Signature(width)) for k, width in enumerate(self.widths)},
        })

    def elaborate(self, platform):
        m = Module()
        n_bytes = [-(-width // 8) for width in self.widths]
        place = Signal(8, init=ANSWER_AT)
        index = Signal(range(max(*n_bytes, len(self.info), 4)))
        source = Signal(range(max(len(self.widths), 2)))
        resetting = Signal(range(RESET_CLOCKS + 1))
        puts, last = Signal(), Signal()  # `byte` goes out, as the last of its kind
        byte = Signal(8)
        m.d.comb += [
            self.csr.addr.eq(self.argument), self.csr.w_data.eq(self.value),
            self.end.eq(place),
        ]
        m.d.sync += [self.w_en.eq(puts), self.w_addr.eq(place), self.w_data.eq(byte)]
        m.d.sync += self.reset.eq(resetting != 0)  # it goes far
        with m.If(resetting != 0):
            m.d.sync += resetting.eq(resetting - 1)
        with m.If(puts):
            m.d.sync += [place.eq(place + 1), index.eq(index + 1)]
            with m.If(last):
                m.d.sync += index.eq(0)
        m.d.sync += [self.csr.r_stb.eq(0), self.csr.w_stb.eq(0)]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.execute):
                    m.d.sync += [place.eq(ANSWER_AT), source.eq(self.argument)]
                    m.next = "ANSWERED"
                    with m.Switch(self.command):
                        with m.Case(Command.READ):
                            m.d.sync += self.csr.r_stb.eq(1)
                            m.next = "STROBE"
                        with m.Case(Command.WRITE):
                            m.d.sync += self.csr.w_stb.eq(1)
                        with m.Case(Command.PULL):
                            m.next = "PULL"
                        with m.Case(Command.INFO):
                            m.next = "INFO"
                        with m.Default():
                            m.d.sync += resetting.eq(RESET_CLOCKS)
            with m.State("STROBE"):
                m.next = "READ"
            with m.State("READ"):
                self._copy(m, self.csr.r_data, 4, index, byte, puts, last)
            with m.State("INFO"):
                info = Const(int.from_bytes(self.info, "little"), 8 * len(self.info))
                self._copy(m, info, len(self.info), index, byte, puts, last)
            with m.State("PULL"):
                with m.Switch(source):
                    for k, size in enumerate(n_bytes):
                        i = getattr(self, f"i_{k}")
                        with m.Case(k):
                            m.d.comb += byte.eq(_byte(i.payload, index))
                            with m.If((index == 0) & (~i.valid | (place > ANSWER_END - size))):
                                m.next = "ANSWERED"
                            with m.Else():
                                self._put(m, size, index, puts, last, then="PULL")
                                m.d.comb += i.ready.eq(last)
            with m.State("ANSWERED"):
                m.d.comb += self.answered.eq(1)
                m.next = "IDLE"
        return m

    def _copy(self, m, value, size: int, index, byte, puts, last) -> None:
        """Put byte ``index`` of ``value`` into the memory; the answer ends with byte
        ``size - 1``."""
        m.d.comb += byte.eq(_byte(value, index))
        self._put(m, size, index, puts, last, then="ANSWERED")

    @staticmethod
    def _put(m, size: int, index, puts, last, then: str) -> None:
        """Put ``byte``, number ``index`` of ``size``; go on after the last."""
        m.d.comb += [puts.eq(1), last.eq(index == size - 1)]
        with m.If(last):
            m.next = then


def _byte(value, index):
    """Return byte ``index`` of ``value``, by a tree of two-way multiplexers.

    A part select, or an array, makes a quarter more LUTs.
    """
    value = Value.cast(value)
    pieces = [value[at:at + 8] for at in range(0, len(value), 8)]
    level = 0
    while len(pieces) > 1:
        pairs = [pieces[k:k + 2] for k in range(0, len(pieces), 2)]
        pieces = [Mux(index[level], pair[-1], pair[0]) for pair in pairs]
        level += 1
    return pieces[0]
