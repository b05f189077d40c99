"""The stream contract and the order of what passes, under arbitrary inputs and resets.

Induction proves for all time; bounded checks name their depth in cycles.
"""

import pytest
from amaranth.hdl import Assert, Assume, Cover, Module, Signal, unsigned
from amaranth.lib import data

from taxonn_hw.flow.formal import Method, Verdict
from taxonn_hw.rtl.scalar_list import ScalarList
from taxonn_hw.rtl.taxonn.mover import Mover
from tests.formal.harness import contract, implies, inputs_of, verdict

HOLDS, REFUTED = Verdict.HOLDS, Verdict.REFUTED


def list_contract(banks, *, released=True, glitch=None):
    """Contract of a list whose inputs do as they please."""
    m = Module()
    m.submodules.dut = dut = ScalarList(shape=unsigned(3), depth=2, banks=banks)
    release = dut.clear | dut.rewind if released else 0
    valid = dut.o.valid if glitch is None else dut.o.valid & ~glitch
    contract(m, valid, dut.o.ready, dut.o.payload, release)
    return m, inputs_of(dut)


@pytest.mark.parametrize("banks", [1, 3])
def test_scalar_list_keeps_the_contract(banks):
    m, ports = list_contract(banks)
    assert verdict(m, ports, depth=4) is HOLDS


def test_a_rewind_drops_the_waiting_entry():
    m, ports = list_contract(1, released=False)
    assert verdict(m, ports, depth=8) is REFUTED


def test_a_valid_that_drops_is_refuted():
    glitch = Signal()
    m, ports = list_contract(1, glitch=glitch)
    assert verdict(m, [*ports, glitch], depth=8) is REFUTED


def list_order(depth, *, skip=0):
    """One bank with entries 0, 1, 2 ...: they come in order, none is lost, then it is done.

    Appends stay within the depth and end with ``finish``; everything else is arbitrary.
    """
    m = Module()
    m.submodules.dut = dut = ScalarList(shape=unsigned(3), depth=depth)
    appended, read = Signal(3), Signal(3)
    append, pop = dut.append[0], dut.o.valid & dut.o.ready
    m.d.comb += [
        Assume(append.entry == appended), Assume(implies(append.valid, appended < depth)),
        Assume(implies(dut.complete, ~append.valid & ~dut.finish)),
        Assume(implies(dut.clear, ~append.valid & ~dut.finish)),
        Assert(implies(dut.o.valid, dut.o.payload == read)), Assert(read <= appended),
        Assert(implies(dut.done, (read == appended) & dut.complete)),
        Cover(dut.done & (read == depth)),
    ]
    m.d.sync += [appended.eq(appended + append.valid), read.eq(read + pop)]
    with m.If(dut.rewind):
        m.d.sync += read.eq(skip)
    with m.If(dut.clear):
        m.d.sync += [appended.eq(0), read.eq(0)]
    return m, inputs_of(dut)


def test_scalar_list_order():
    """Bounded: 11 cycles, enough to fill two entries, read, rewind and read again."""
    m, ports = list_order(2)
    assert verdict(m, ports, method=Method.BMC, depth=11) is HOLDS
    assert verdict(m, ports, method=Method.COVER, depth=11) is HOLDS


@pytest.mark.slow
def test_scalar_list_order_for_longer():
    """Bounded: 16 cycles, three entries."""
    m, ports = list_order(3)
    assert verdict(m, ports, method=Method.BMC, depth=16) is HOLDS


def test_a_wrong_order_is_refuted():
    m, ports = list_order(3, skip=1)
    assert verdict(m, ports, method=Method.BMC, depth=14) is REFUTED


def mover_contract(*, ready=None):
    """The row register, whose lower end is sent, changes when it is told to."""
    m = Module()
    m.submodules.dut = dut = Mover(word_group=data.ArrayLayout(2, 2), n_groups=2, n_addresses=3)
    last, moves, moved, fetched = Signal(4), Signal(), Signal(), Signal()
    m.d.sync += [last.eq(dut.lowest.as_value()), moved.eq(moves), fetched.eq(dut.next_fetch),
                 moves.eq(fetched | dut.next_shift)]
    m.d.comb += Assume(implies(~moved, dut.lowest.as_value() == last))
    contract(m, dut.o.valid, dut.o.ready if ready is None else ready, dut.o.payload)
    return m, inputs_of(dut)


def test_mover_keeps_the_contract():
    """Bounded: 16 cycles, three beats and the stalls between them."""
    m, ports = mover_contract()
    assert verdict(m, ports, method=Method.BMC, depth=16) is HOLDS


def test_a_mover_that_need_not_wait_is_refuted():
    m, ports = mover_contract(ready=0)
    assert verdict(m, ports, method=Method.BMC, depth=16) is REFUTED
