"""Status LEDs."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...boards.definition import LED_ROLES

__all__ = ["StatusLeds"]


class StatusLeds(wiring.Component):
    """Turns what the accelerator does into light that people can see.

    Parameters
    ----------
    clock_hz : int
    roles : sequence of str
        One of :data:`taxonn_hw.boards.LED_ROLES` for each LED.

    Members
    -------
    sample : In(1)
        A beat of samples was taken.
    training : In(1)
        Level: samples train, they are not only inferred.
    error : In(1)
        A damaged frame came in; strobe.
    led : Out(n)
        1: lit.
    """

    def __init__(self, *, clock_hz: int, roles) -> None:
        self.roles = tuple(roles)
        if unknown := set(self.roles) - set(LED_ROLES):
            raise ValueError(f"role must be one of {', '.join(LED_ROLES)}, not {unknown.pop()!r}")
        #: Bits of the counter whose highest bit blinks once a second, within a factor 1.5.
        self.bits = max(clock_hz.bit_length(), 4)
        if clock_hz < 0.7 * 2**self.bits:
            self.bits -= 1
        super().__init__({"sample": In(1), "training": In(1), "error": In(1),
                          "led": Out(max(len(self.roles), 1))})

    def elaborate(self, platform):
        m = Module()
        count = Signal(self.bits)
        tick = Signal()          # every eighth of a second
        seen, busy = Signal(), Signal()
        sample = Signal()        # a cycle late: it comes from afar
        failed = Signal(4)       # eighths of a second that the error still shows
        m.d.sync += [count.eq(count + 1), tick.eq(count[:-3].all()), sample.eq(self.sample)]
        with m.If(tick):
            m.d.sync += [busy.eq(seen | sample), seen.eq(0)]
            with m.If(failed.any()):
                m.d.sync += failed.eq(failed - 1)
        with m.Elif(sample):
            m.d.sync += seen.eq(1)
        with m.If(self.error):
            m.d.sync += failed.eq(2**len(failed) - 1)
        slow, quick = count[-1], count[-3]
        training, error = busy & self.training, failed.any()
        light = {"heartbeat": slow, "idle": ~training, "training": training, "error": error,
                 "status": training | slow, "all": Mux(error, quick, training | slow)}
        m.d.sync += self.led.eq(Cat(light[role] for role in self.roles))
        return m
