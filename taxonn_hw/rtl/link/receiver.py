"""From bytes of the line to requests: unstuffing, header, length, CRC.

A request is handed on only when its closing flag has come and all is right.  Its bytes are written
into a slot of the frame memory as they come, at the number of bytes that are still to come: the
length at 0 (over the rest of the header), the CRC at 4 to 1, the payload from ``length`` down to 5.
So one counter checks the length and addresses the memory.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...bus.protocol import CRC_BYTES, ESCAPE, ESCAPE_XOR, FLAG, Command
from .crc import RESIDUE, SerialCrc

__all__ = ["LENGTH_AT", "PAYLOAD_END", "FrameReceiver"]

#: Places in a slot: the length, and the last byte of the payload (the first is at the length).
LENGTH_AT, PAYLOAD_END = 0, CRC_BYTES + 1
_CRC_CLOCKS = 8  # a byte of the line takes at least 40


class FrameReceiver(wiring.Component):
    """Checks frames.

    Latency 1 cycle from the closing flag to ``frame``; what goes with it stays until the next
    frame's header.

    Members
    -------
    valid, data, error : In
        See :class:`UartReceiver`.
    session, control, next : In(8)
        The state of the link, that requests are compared with.
    room : In(1)
        A slot is free, the one of ``next``.
    w_en, w_addr, w_data : Out
        To that slot.
    frame : Out(1)
        A whole request has come: strobe.
    damaged : Out(1)
        A frame was dropped: strobe.
    command : Out(3)
    requested_session : Out(8)
        Of a request without payload.
    in_session, stored : Out(1)
        It has the present session; the slot holds it.
    same, following, behind : Out(1)
        Its number is the awaited one of pushes, or the last one of control requests; one more; or
        one of the 128 before.
    argument, value : Out(8), Out(32)
        Of a control request.
    """

    def __init__(self) -> None:
        super().__init__({
            "valid": In(1), "data": In(8), "error": In(1),
            "session": In(8), "control": In(8), "next": In(8), "room": In(1),
            "w_en": Out(1), "w_addr": Out(8), "w_data": Out(8),
            "frame": Out(1), "damaged": Out(1),
            "command": Out(3), "requested_session": Out(8), "in_session": Out(1),
            "stored": Out(1), "same": Out(1), "following": Out(1), "behind": Out(1),
            "argument": Out(8), "value": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        inside = Signal()   # after a flag, and nothing wrong since
        escaped = Signal()
        begun = Signal()    # a byte has come since the flag
        take = Signal()     # a byte of the frame has come ...
        byte = Signal(8, reset_less=True)  # ... and lies here in the next clock
        took = Signal()
        flag = Signal()
        index = Signal(2)   # of the header
        body = Signal()     # after the header
        left = Signal(8)    # bytes to come
        right = Signal()
        m.submodules.crc = crc = SerialCrc()
        crc_left = Signal(range(_CRC_CLOCKS + 1))
        m.d.comb += [
            flag.eq(self.valid & (self.data == FLAG)),
            crc.clear.eq(flag), crc.step.eq(crc_left != 0), crc.bit.eq(byte[0]),
            self.w_en.eq(took & self.stored), self.w_addr.eq(left), self.w_data.eq(byte),
        ]
        m.d.sync += [took.eq(take), self.frame.eq(0), self.damaged.eq(0),
                     right.eq((crc.state == RESIDUE) & body & (left == 0))]
        with m.If(flag):
            m.d.sync += [
                self.frame.eq(inside & right & ~escaped),
                self.damaged.eq(begun & ~(inside & right & ~escaped)),
                inside.eq(1), escaped.eq(0), begun.eq(0), index.eq(0), body.eq(0), left.eq(0),
            ]
        with m.Elif(self.valid & inside):
            m.d.sync += [begun.eq(1), escaped.eq(0)]
            with m.If((self.data == ESCAPE) & ~escaped):
                m.d.sync += escaped.eq(1)
            with m.Else():
                m.d.comb += take.eq(1)
                m.d.sync += [byte.eq(self.data ^ Mux(escaped, ESCAPE_XOR, 0)),
                             crc_left.eq(_CRC_CLOCKS)]
        with m.Elif(crc_left != 0):
            m.d.sync += [byte.eq(byte.rotate_right(1)), crc_left.eq(crc_left - 1)]
        with m.If(self.error):
            m.d.sync += [inside.eq(0), begun.eq(1)]
        with m.If(~body & (index == 0) & ~took):
            m.d.sync += self.stored.eq(self.room)
        # The last five bytes before the CRC; without payload the header's four are among them.
        word = Signal(40, reset_less=True)
        m.d.comb += [Cat(self.argument, self.value).eq(word), self.requested_session.eq(word[8:])]
        with m.If(took & (~body | (left >= PAYLOAD_END))):
            m.d.sync += word.eq(Cat(word[8:], byte))
        with m.If(took):
            self._bytes(m, byte, index, body, left, inside)
        return m

    def _bytes(self, m, byte, index, body, left, inside) -> None:
        difference = Signal(8)
        pushes = self.command == Command.PUSH
        m.d.comb += difference.eq(byte - Mux(pushes, self.next, self.control))
        with m.If(body):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 0):
                m.d.sync += [inside.eq(0), left.eq(0)]
        with m.Else():
            m.d.sync += index.eq(index + 1)
            with m.Switch(index):
                with m.Case(0):
                    m.d.sync += self.in_session.eq(byte == self.session)
                with m.Case(1):
                    m.d.sync += self.command.eq(byte)
                with m.Case(2):
                    m.d.sync += [self.same.eq(difference == 0), self.following.eq(difference == 1),
                                 self.behind.eq(difference[-1])]
                with m.Case(3):
                    m.d.sync += [left.eq(byte), body.eq(1)]
