"""Register block: the map of :mod:`taxonn_hw.bus.registers` in gates."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.registers import IDENTITY, REGISTERS, VERSION

__all__ = ["COUNTER_BITS", "ControlBlock", "csr_signature"]

#: Bits of the clock and slot counters: a month at 100 MHz.
COUNTER_BITS = 48


def csr_signature() -> wiring.Signature:
    """Return the register bus: word address, write and read strobes; read data one cycle later."""
    return wiring.Signature({
        "addr": Out(8), "w_data": Out(32), "w_stb": Out(1), "r_stb": Out(1), "r_data": In(32),
    })


class ControlBlock(wiring.Component):
    """Registers and counters.

    Parameters
    ----------
    config_hash, geometry, rate : int
        Constants of the build, and the learning-rate exponent after reset.
    rates : tuple of int
        Lowest and highest exponent that a write may set; others are ignored.
    can_train : bool
    n_addresses : int
        Rows or scalar biases, whichever is more; bounds ``weight_row`` and ``weight_count``.

    Members
    -------
    bus : In(csr)
    start, stop, restart, flush : Out(1)
        Strobes; ``flush`` only while idle.
    train, results : Out(1)
        Levels.
    samples, rate, weight_row, weight_count : Out
    load, dump, bias : Out(1)
        Strobes with ``bias`` beside them.
    clear : Out(1)
        Strobe.
    busy, moving, counting, slot, sample : In(1)
        What the counters and the status show.
    predicted, correct, correct_recent : In
        What their registers show; left alone by an engine without a class counter.
    """

    def __init__(self, *, config_hash: int, geometry: int, rate: int, rates: tuple[int, int],
                 can_train: bool, n_addresses: int = (1 << 32) - 1) -> None:
        self.constants = {"identity": IDENTITY, "version": VERSION, "config_hash": config_hash,
                          "geometry": geometry}
        self.first_rate, self.rates, self.can_train = rate, rates, can_train
        super().__init__({
            "bus": In(csr_signature()),
            "start": Out(1), "stop": Out(1), "restart": Out(1), "flush": Out(1),
            "train": Out(1), "results": Out(1),
            "samples": Out(32), "rate": Out(5),
            "weight_row": Out(range(max(n_addresses, 2))),
            "weight_count": Out(range(max(n_addresses, 1) + 1)),
            "load": Out(1), "dump": Out(1), "bias": Out(1), "clear": Out(1),
            "busy": In(1), "moving": In(1), "counting": In(1), "slot": In(1), "sample": In(1),
            "predicted": In(16), "correct": In(32), "correct_recent": In(10),
        })
        self.cycles, self.slots = Signal(COUNTER_BITS), Signal(COUNTER_BITS)

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        cycles, slots = self.cycles, self.slots
        samples_done = Signal(32)
        scratch = Signal(32)
        control = REGISTERS["control"].fields
        command = REGISTERS["weight_command"].fields
        rate = Signal(5, init=self.first_rate)
        # Work takes up to two cycles to begin, and its end may show a cycle late.
        works, began = Signal(), Signal(2)
        busy = works | began.any() | self.start
        m.d.sync += [works.eq(self.busy), began.eq(Cat(self.start, began[0]))]
        # A register more: a flush goes far.
        flush = Signal()
        m.d.comb += self.rate.eq(rate)
        m.d.sync += [flush.eq(0), self.flush.eq(flush)]
        m.d.sync += [self.start.eq(0), self.stop.eq(0), self.restart.eq(0),
                     self.clear.eq(0), self.load.eq(0), self.dump.eq(0)]
        with m.If(bus.w_stb):
            with m.Switch(bus.addr):
                with m.Case(REGISTERS["control"].address):
                    m.d.sync += [
                        self.start.eq(bus.w_data[control["start"]]),
                        self.stop.eq(bus.w_data[control["stop"]]),
                        self.clear.eq(bus.w_data[control["clear"]]),
                        flush.eq(bus.w_data[control["flush"]] & ~busy),
                        self.restart.eq(bus.w_data[control["restart"]]),
                        self.train.eq(bus.w_data[control["train"]] & int(self.can_train)),
                        self.results.eq(bus.w_data[control["results"]]),
                    ]
                with m.Case(REGISTERS["rate"].address):
                    low, high = self.rates
                    allowed = bus.w_data[:5].matches(*range(low, high + 1))
                    with m.If(allowed & ~bus.w_data[5:].any()):
                        m.d.sync += rate.eq(bus.w_data)
                with m.Case(REGISTERS["weight_command"].address):
                    m.d.sync += [self.load.eq(bus.w_data[command["load"]]),
                                 self.dump.eq(bus.w_data[command["dump"]]),
                                 self.bias.eq(bus.w_data[command["bias"]])]
                for name, register in (("samples", self.samples), ("scratch", scratch),
                                       ("weight_row", self.weight_row),
                                       ("weight_count", self.weight_count)):
                    with m.Case(REGISTERS[name].address):
                        m.d.sync += register.eq(bus.w_data)
        status = (busy << REGISTERS["status"].fields["busy"]
                  | self.moving << REGISTERS["status"].fields["moving"]
                  | int(self.can_train) << REGISTERS["status"].fields["can_train"])
        levels = self.train << control["train"] | self.results << control["results"]
        values = {
            **self.constants, "control": levels, "status": status, "samples": self.samples,
            "rate": rate, "cycles_low": cycles[:32], "cycles_high": cycles[32:],
            "samples_done": samples_done, "slots_low": slots[:32], "slots_high": slots[32:],
            "weight_row": self.weight_row, "weight_count": self.weight_count, "scratch": scratch,
            "predicted": self.predicted, "correct": self.correct,
            "correct_recent": self.correct_recent,
        }
        with m.If(bus.r_stb):
            m.d.sync += bus.r_data.eq(0)
            with m.Switch(bus.addr):
                for name, value in values.items():
                    with m.Case(REGISTERS[name].address):
                        m.d.sync += bus.r_data.eq(value)
        # Long counters, each behind a register: they show what was a cycle ago.
        counting, slot, sample = (Signal(name=f"counts_{what}")
                                  for what in ("cycle", "slot", "sample"))
        m.d.sync += [counting.eq(self.counting), slot.eq(self.slot), sample.eq(self.sample)]
        with m.If(self.clear):
            m.d.sync += [cycles.eq(0), slots.eq(0), samples_done.eq(0)]
        with m.Else():
            m.d.sync += [cycles.eq(cycles + counting), slots.eq(slots + slot),
                         samples_done.eq(samples_done + sample)]
        return m
