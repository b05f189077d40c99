"""Executes control requests: registers, pulls, information; fills the answer memory."""

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus.protocol import MAX_PAYLOAD, Command
from ..control import csr_signature
from .transmitter import ANSWER_AT

__all__ = ["Executor"]

RESET_CLOCKS = 7
ANSWER_END = ANSWER_AT + MAX_PAYLOAD
#: Where bytes come from, before the pull streams.
REGISTER, INFORMATION, PULLS_AT = range(3)


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
        origin = Signal(range(PULLS_AT + len(self.widths)), reset_less=True)
        resetting = Signal(range(RESET_CLOCKS + 1))
        puts, last = Signal(), Signal()  # byte `index` goes out, as the last of its kind
        m.d.comb += [
            self.csr.addr.eq(self.argument), self.csr.w_data.eq(self.value),
            self.end.eq(place),
        ]
        info = Const(int.from_bytes(self.info, "little"), 8 * len(self.info))
        known = _byte(Mux(origin[0], info, self.csr.r_data), index)  # INFORMATION is odd
        pulled = [_byte(getattr(self, f"i_{k}").payload, index) for k in range(len(n_bytes))]
        m.d.sync += [self.w_en.eq(puts), self.w_addr.eq(place),
                     self.w_data.eq(Array([known] * PULLS_AT + pulled)[origin])]
        resets = Signal()
        m.d.sync += [resets.eq(resetting != 0), self.reset.eq(resets)]  # it goes far, and to many
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
                    m.d.sync += [place.eq(ANSWER_AT), origin.eq(self.argument + PULLS_AT)]
                    m.next = "ANSWERED"
                    with m.Switch(self.command):
                        with m.Case(Command.READ):
                            m.d.sync += [self.csr.r_stb.eq(1), origin.eq(REGISTER)]
                            m.next = "STROBE"
                        with m.Case(Command.WRITE):
                            m.d.sync += self.csr.w_stb.eq(1)
                        with m.Case(Command.PULL):
                            m.next = "PULL"
                        with m.Case(Command.INFO):
                            m.d.sync += origin.eq(INFORMATION)
                            m.next = "INFO"
                        with m.Default():
                            m.d.sync += resetting.eq(RESET_CLOCKS)
            with m.State("STROBE"):
                m.next = "READ"
            with m.State("READ"):
                self._put(m, 4, index, puts, last, then="ANSWERED")
            with m.State("INFO"):
                self._put(m, len(self.info), index, puts, last, then="ANSWERED")
            with m.State("PULL"):
                with m.Switch(origin):
                    for k, size in enumerate(n_bytes):
                        i = getattr(self, f"i_{k}")
                        with m.Case(PULLS_AT + k):
                            with m.If((index == 0) & (~i.valid | (place > ANSWER_END - size))):
                                m.next = "ANSWERED"
                            with m.Else():
                                self._put(m, size, index, puts, last, then="PULL")
                                m.d.comb += i.ready.eq(last)
            with m.State("ANSWERED"):
                m.d.comb += self.answered.eq(1)
                m.next = "IDLE"
        return m

    @staticmethod
    def _put(m, size: int, index, puts, last, then: str) -> None:
        """Put byte ``index`` of ``size`` into the memory; go on after the last."""
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
