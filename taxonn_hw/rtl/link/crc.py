"""CRC-32 as zlib computes it, a bit a clock.

``state`` starts at all ones; the checksum is its complement.  A message followed by its checksum
leaves :data:`RESIDUE`.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["POLYNOMIAL", "RESIDUE", "SerialCrc"]

POLYNOMIAL = 0xEDB88320  # reflected
RESIDUE = 0xDEBB20E3


class SerialCrc(wiring.Component):
    """The shift register.

    Members
    -------
    clear : In(1)
        Begin a message.
    step : In(1)
        Take ``bit``, the lowest of a byte first.
    bit : In(1)
    state : Out(32)
        With ``bit`` equal to its lowest bit, a step only shifts it right.
    """

    clear: In(1)
    step: In(1)
    bit: In(1)
    state: Out(32)

    def elaborate(self, platform):
        m = Module()
        state = Signal(32, reset_less=True)
        feedback = Signal()
        m.d.comb += [feedback.eq(state[0] ^ self.bit), self.state.eq(state)]
        with m.If(self.clear):
            m.d.sync += state.eq(2**32 - 1)
        with m.Elif(self.step):
            m.d.sync += state.eq(state[1:] ^ Mux(feedback, POLYNOMIAL, 0))
        return m
