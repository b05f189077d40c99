"""No row is read between its read and its write-back; nothing waits for longer than that."""

import pytest
from amaranth.hdl import Array, Assert, Assume, Cat, Const, Cover, Module, Mux, Signal
from amaranth.lib import data

from taxonn_hw.flow.formal import Method, Verdict
from taxonn_hw.plan.latency import WRITE_LATENCY
from taxonn_hw.rtl.taxonn.hazard import HazardStage
from tests.formal.harness import contract, implies, inputs_of, verdict

HOLDS, REFUTED = Verdict.HOLDS, Verdict.REFUTED
SLOT = data.StructLayout({"row": 2, "read": 1, "update": 1, "id": 4})


class Forgetful(HazardStage):
    """Looks one cycle less far back than it must."""

    def _hits(self, flight, row):
        return super()._hits(flight[:-1], row)


class Careless(HazardStage):
    """Looks at no update that has just left."""

    def _hits(self, flight, row):
        return Cat(Const(0, 1), super()._hits(flight[1:], row))


def no_stale_read(stage, **ways):
    """A slot that reads leaves only if no update of its row left in the last cycles."""
    m = Module()
    m.submodules.dut = dut = stage(slot=SLOT, **ways)
    held, leaves = dut.o.slot, dut.o.valid
    left = []  # of the harness, not of the stage
    now = {"update": leaves & held.update, "row": held.row}
    for k in range(WRITE_LATENCY):
        update, row = Signal(name=f"update_{k}"), Signal(2, name=f"row_{k}")
        m.d.sync += [update.eq(now["update"]), row.eq(now["row"])]
        now = {"update": update, "row": row}
        left.append(now)
    conflict = Signal()
    for past in left:
        with m.If(past["update"] & (past["row"] == held.row)):
            m.d.comb += conflict.eq(1)
    m.d.comb += Assert(implies(leaves & held.read, ~conflict))
    # The other way round: it waits for nothing else, so never longer than a write takes.
    m.d.comb += Assert(implies(dut.waits & ~dut.blocked & ~(conflict & held.read), leaves))
    m.d.comb += Cover(dut.waits & conflict & held.read & left[-1]["update"])
    # What is written back left so many cycles ago.
    m.d.comb += Assert(dut.back.valid == left[-1]["update"])
    m.d.comb += Assert(implies(dut.back.valid, dut.back.row == left[-1]["row"]))
    m.d.comb += Assume(~dut.host)
    if dut.looks_ahead:  # what it has found out holds while it waits, however long
        following = dut.enters.slot.row
        m.d.comb += Assert(implies(dut.next_valid, dut.same == (
            dut.waits & held.update & (held.row == following))))
        for k, past in enumerate(left[:-1]):
            m.d.comb += Assert(implies(dut.next_valid, dut.found[k] == (
                past["update"] & (past["row"] == following))))
    return m, inputs_of(dut)


@pytest.mark.parametrize("ahead", [False, True])
def test_no_stale_read(ahead):
    m, ports = no_stale_read(HazardStage, looks_ahead=ahead)
    assert verdict(m, ports, depth=WRITE_LATENCY + 2) is HOLDS
    assert verdict(m, ports, method=Method.COVER, depth=WRITE_LATENCY + 4 + ahead) is HOLDS


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("broken", [Forgetful, Careless])
def test_a_broken_stage_is_refuted(broken, ahead):
    m, ports = no_stale_read(broken, looks_ahead=ahead)
    assert verdict(m, ports, depth=WRITE_LATENCY + 4 + ahead) is REFUTED


def order(*, lost=0):
    """Slots numbered in order leave in order, none lost, none twice; a waiting input waits."""
    m = Module()
    m.submodules.dut = dut = HazardStage(slot=SLOT)
    m.d.comb += Assume(~dut.host)
    taken, given = Signal(4), Signal(4, init=lost)
    m.d.sync += [taken.eq(taken + (dut.i.valid & dut.i.ready)), given.eq(given + dut.o.valid)]
    m.d.comb += [
        Assume(dut.i.payload.id == taken),
        Assert(implies(dut.waits, dut.o.slot.id == (taken - 1)[:4])),
        Assert(implies(dut.o.valid, dut.waits & (dut.o.slot.id == given))),
        Assert(given == (taken - dut.waits)[:4]),
    ]
    contract(m, dut.waits, dut.o.valid, dut.o.slot)
    return m, inputs_of(dut)


def test_order():
    m, ports = order()
    assert verdict(m, ports, depth=2) is HOLDS


def test_a_lost_slot_is_refuted():
    m, ports = order(lost=1)
    assert verdict(m, ports, depth=3) is REFUTED


def read_modify_write(stage):
    """Behind the stage, rows as the array treats them: read at c1, written back at c7.

    ``ideal`` steps at once, in the order of the slots; what is read must always be it.  An update
    that does not read shares the word of the slot before it, of the same row.
    """
    m = Module()
    m.submodules.dut = dut = stage(slot=SLOT)
    m.d.comb += Assume(~dut.host)
    ideal = Array(Signal(3, name=f"ideal_{k}") for k in range(4))
    memory = Array(Signal(3, name=f"memory_{k}") for k in range(4))
    slot, valid, word = dut.o.slot, dut.o.valid, Signal(3)
    expected = Signal(3)
    m.d.sync += expected.eq(ideal[slot.row])
    with m.If(valid & slot.read):
        m.d.sync += word.eq(memory[slot.row])
    with m.If(valid & slot.update):
        m.d.sync += ideal[slot.row].eq(ideal[slot.row] + 1)
    flags = Signal(2)  # of c1
    last_row, last_read = Signal(2), Signal()
    m.d.sync += flags.eq(Mux(valid, slot.read | slot.update << 1, 0))
    with m.If(valid):
        m.d.sync += [last_row.eq(slot.row), last_read.eq(slot.read & ~slot.update)]
    m.d.comb += [
        Assume(implies(valid & slot.update & ~slot.read, last_read & (last_row == slot.row))),
        Assert(implies(flags.bool(), (word == expected) | (flags == 0))),
    ]
    row, write, new = Signal(2), Signal(), word + 1
    m.d.sync += [row.eq(slot.row), write.eq(valid & slot.update)]
    for k in range(2, WRITE_LATENCY + 1):
        late_row, late_write, late_new = (Signal(2, name=f"c{k}_row"), Signal(name=f"c{k}_write"),
                                          Signal(3, name=f"c{k}_new"))
        m.d.sync += [late_row.eq(row), late_write.eq(write), late_new.eq(new)]
        row, write, new = late_row, late_write, late_new
    with m.If(write):
        m.d.sync += memory[row].eq(new)
    return m, inputs_of(dut)


def test_every_read_sees_the_last_update():
    """Bounded: 18 cycles, two waits in a row."""
    m, ports = read_modify_write(HazardStage)
    assert verdict(m, ports, method=Method.BMC, depth=18) is HOLDS


def test_a_broken_stage_reads_an_old_weight():
    m, ports = read_modify_write(Forgetful)
    assert verdict(m, ports, method=Method.BMC, depth=18) is REFUTED
