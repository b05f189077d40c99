"""Sends responses: header, the answer that the answer memory holds, CRC, stuffing."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus.protocol import CRC_BYTES, ESCAPE, ESCAPE_XOR, FLAG, ResponseFlag
from .crc import SerialCrc

__all__ = ["ANSWER_AT", "FrameTransmitter"]

#: Place of an answer's first byte, so that its end is the header's length.
ANSWER_AT = CRC_BYTES


class FrameTransmitter(wiring.Component):
    """Makes frames of bytes.

    Members
    -------
    respond, answer : In(1)
        Strobes: send a response as soon as possible; with the answer.  Several that come while
        one is sent become one.
    session, control, done, next : In(8)
    results, weights, gap : In(1)
        For the flags; ``gap`` is a strobe beside ``respond``.
    end : In(8)
        Place after the answer's last byte.
    r_addr, r_data : Out(8), In(8)
        Answer memory, one cycle later; another before it is looked at.
    o : Out(stream of 8 bits)
        Bytes of the line; one is taken every 40 cycles or more.
    """

    def __init__(self) -> None:
        super().__init__({
            "respond": In(1), "answer": In(1),
            "session": In(8), "control": In(8), "done": In(8), "next": In(8),
            "results": In(1), "weights": In(1), "gap": In(1),
            "end": In(8), "r_addr": Out(8), "r_data": In(8),
            "o": Out(stream.Signature(8)),
        })

    def elaborate(self, platform):
        m = Module()
        respond, answer, gap = Signal(), Signal(), Signal()  # what is still to be sent
        answers, has_gap = Signal(), Signal()  # what the frame under way is
        busy = Signal()           # a byte is still to be sent: `byte`, or a flag
        byte, answered = (Signal(8, name=name, reset_less=True) for name in ("byte", "answered"))
        m.d.sync += answered.eq(self.r_data)
        framed = Signal()         # `byte`, escaped where need be
        checked = Signal()        # it goes into the CRC
        escaped = Signal()        # its escape was sent
        index = Signal(range(8))  # in the header or the CRC
        place = Signal(8)         # in the answer memory
        end = Signal(8)
        bit = Signal(3)           # of the byte, on its way into the CRC
        stepping = Signal()
        m.submodules.crc = crc = SerialCrc()
        m.d.comb += [
            end.eq(Mux(answers, self.end, ANSWER_AT)), self.r_addr.eq(place),
            crc.step.eq(stepping), crc.bit.eq(Mux(checked, byte.bit_select(bit, 1), crc.state[0])),
            self.o.valid.eq(busy),
        ]
        special = Signal()
        m.d.comb += special.eq(framed & ((byte == FLAG) | (byte == ESCAPE)))
        with m.If(~framed):
            m.d.comb += self.o.payload.eq(FLAG)
        with m.Elif(special):
            m.d.comb += self.o.payload.eq(Mux(escaped, byte ^ ESCAPE_XOR, ESCAPE))
        with m.Else():
            m.d.comb += self.o.payload.eq(byte)
        with m.If(busy & self.o.ready):
            m.d.sync += escaped.eq(special & ~escaped)
            with m.If(~special | escaped):
                m.d.sync += [busy.eq(0), stepping.eq(framed)]
        with m.If(stepping):
            m.d.sync += bit.eq(bit + 1)
            with m.If(bit == 7):
                m.d.sync += stepping.eq(0)
        free = Signal()
        m.d.comb += free.eq(~busy & ~stepping)
        flags = {ResponseFlag.ANSWER: answers, ResponseFlag.RESULTS: self.results,
                 ResponseFlag.WEIGHTS: self.weights, ResponseFlag.GAP: has_gap}
        assert [1 << k for k in range(len(flags))] == list(flags)
        header = [self.session, self.control, self.done, self.next, Cat(*flags.values()), end]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(free & respond):
                    m.d.comb += crc.clear.eq(1)
                    m.d.sync += [
                        respond.eq(0), answer.eq(0), gap.eq(0), answers.eq(answer),
                        has_gap.eq(gap), index.eq(0), place.eq(ANSWER_AT),
                        framed.eq(0), busy.eq(1),
                    ]
                    m.next = "HEADER"
            with m.State("HEADER"):
                with m.If(free):
                    with m.Switch(index):
                        for k, value in enumerate(header):
                            with m.Case(k):
                                m.d.sync += byte.eq(value)
                    m.d.sync += [framed.eq(1), checked.eq(1), busy.eq(1), index.eq(index + 1)]
                    with m.If(index == len(header) - 1):
                        m.d.sync += index.eq(0)
                        m.next = "ANSWER"
            with m.State("ANSWER"):
                with m.If(free & (place != end)):
                    m.d.sync += [byte.eq(answered), busy.eq(1), place.eq(place + 1)]
                with m.Elif(free):
                    m.next = "CRC"
            with m.State("CRC"):
                with m.If(free):
                    m.d.sync += [byte.eq(~crc.state[:8]), checked.eq(0), busy.eq(1),
                                 index.eq(index + 1)]
                    with m.If(index == CRC_BYTES - 1):
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                with m.If(free):
                    m.d.sync += [framed.eq(0), busy.eq(1)]
                    m.next = "IDLE"
        with m.If(self.respond | self.answer):  # after the FSM: what comes now is for the next one
            m.d.sync += respond.eq(1)
        with m.If(self.answer):
            m.d.sync += answer.eq(1)
        with m.If(self.gap):
            m.d.sync += gap.eq(1)
        return m
