"""A liberty library of a few cells, and designs of a few gates, written by the tests."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from taxonn_hw.asic.liberty import Liberty, read_liberty

__all__ = ["AREAS", "Design", "liberty_text", "library"]

AREAS = {"INV": 1.0, "BUF": 2.0, "NAND2": 2.0, "NOR2": 2.0, "XOR2": 4.0, "DFF": 8.0}
_FUNCTIONS = {"INV": "!A", "BUF": "A", "NAND2": "!(A & B)", "NOR2": "(A+B)'", "XOR2": "A ^ B"}


def liberty_text(leave_out=(), more: str = "") -> str:
    """Return the library without the cells ``leave_out``, with the text ``more`` at its end."""
    cells = []
    for name, function in _FUNCTIONS.items():
        if name in leave_out:
            continue
        pins = [pin for pin in "AB" if pin in function]
        inputs = "".join(f"pin({pin}) {{ direction : input; capacitance : 0.01; }}\n"
                         for pin in pins)
        arcs = "".join(_arc(pin) for pin in pins)
        cells.append(f'cell({name}) {{ area : {AREAS[name]}; cell_leakage_power : 1.0;\n{inputs}'
                     f'pin(Y) {{ direction : output; function : "{function}"; {arcs} }} }}\n')
    if "DFF" not in leave_out:
        cells.append(f"""cell(DFF) {{ area : {AREAS["DFF"]}; cell_leakage_power : 2.0;
  ff(IQ, IQN) {{ clocked_on : "C"; next_state : "D"; }}
  pin(C) {{ direction : input; clock : true; capacitance : 0.01; }}
  pin(D) {{ direction : input; capacitance : 0.01; }}
  pin(Q) {{ direction : output; function : "IQ"; {_arc("C", "timing_type : rising_edge;")} }} }}
""")
    return f"""/* a library of nothing: cell(GHOST) */
library(tiny) {{
  delay_model : table_lookup; time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA";
  leakage_power_unit : "1nW"; capacitive_load_unit(1, pf); nom_voltage : 1.0;
{"".join(f"  {kind}_threshold_pct_{edge} : {percent};" for edge in ("rise", "fall")
          for kind, percent in (("input", 50), ("output", 50), ("slew_lower", 20),
                                ("slew_upper", 80)))}
  pulling_resistance_unit : "1kohm"; nom_process : 1; nom_temperature : 25;
  operating_conditions(typ) {{ process : 1; voltage : 1.0; temperature : 25; }}
  default_operating_conditions : typ;
{"".join(cells)}{more}}}
"""


def _arc(pin: str, kind: str = "") -> str:
    delays = "".join(f"{name}(scalar) {{ values(\"0.1\"); }} " for name in (
        "cell_rise", "cell_fall", "rise_transition", "fall_transition"))
    return f'timing() {{ related_pin : "{pin}"; {kind} {delays} }} '


def library(tmp_path, **changes) -> Liberty:
    """Return the library as it is read."""
    path = tmp_path / "tiny.lib"
    path.write_text(liberty_text(**changes))
    return read_liberty(path)


class Leaf(wiring.Component):
    """Two registers, of which the second is read by no one in the end."""

    i: In(1)
    o: Out(1)
    dead: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.o.eq(~self.i), self.dead.eq(self.dead + self.i)]
        return m


class Design(wiring.Component):
    """An array with a lane, a memory of 8 words, a register; a leaf of its own, and a sink."""

    i: In(1)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.submodules.array = array = Inner()
        m.submodules.control = leaf = Leaf()
        m.submodules.sink = sink = Sink()
        m.d.comb += sink.i.eq(leaf.dead)
        held = Signal(reset_less=True)
        m.d.sync += held.eq(self.i)
        m.d.comb += [array.i.eq(held), leaf.i.eq(self.i), self.o.eq(array.o ^ leaf.o)]
        return m


class Sink(wiring.Component):
    """A register that is read by no one."""

    i: In(8)

    def elaborate(self, platform):
        m = Module()
        kept = Signal(8)
        m.d.sync += kept.eq(self.i)
        return m


class Inner(wiring.Component):
    """A memory, addressed by a counter in a lane."""

    i: In(1)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.submodules.lane_0 = lane = Counter()
        memory = Memory(shape=4, depth=8, init=[3, 1, 4, 1, 5, 9, 2, 6])
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [read.addr.eq(lane.count), write.addr.eq(lane.count), write.en.eq(self.i),
                     write.data.eq(~read.data), self.o.eq(read.data)]
        return m


class Counter(wiring.Component):
    """Counts."""

    count: Out(3)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.count.eq(self.count + 1)
        return m
