"""HazardStage against its rule: a slot waits for the update of its row, and for nothing else."""

import random

import pytest
from amaranth.lib import data

from taxonn_hw.plan.latency import WRITE_LATENCY
from taxonn_hw.rtl.taxonn.hazard import HazardStage
from taxonn_hw.testing import keeps_contract, simulate

SLOT = data.StructLayout({"row": 4, "read": 1, "update": 1, "id": 10})


def stream_of_slots(rng, n, rows):
    """Slots as dictionaries; every kind, with rows that come again soon."""
    return [{"row": rng.randrange(rows), "read": rng.random() < 0.7, "update": rng.random() < 0.5,
             "id": number} for number in range(n)]


def run(slots, *, offer=1.0, block=0.0, seed=1, **parameters):
    """Feed ``slots``; return the cycles in which each entered the stage and left for c1."""
    dut = HazardStage(slot=SLOT, **parameters)
    rng = random.Random(seed)
    entered, left, blocked_in, order, held_next = {}, {}, set(), [], []

    async def bench(ctx):
        left_to_offer, offered, cycle = list(slots), False, 0
        while len(order) < len(slots):
            offered = bool(left_to_offer) and (offered or rng.random() < offer)
            ctx.set(dut.i.valid, offered)
            if offered:
                ctx.set(dut.i.payload, left_to_offer[0])
            blocked = rng.random() < block
            ctx.set(dut.blocked, blocked)
            if blocked:
                blocked_in.add(cycle)
            if offered and ctx.get(dut.i.ready):
                entered[left_to_offer.pop(0)["id"]] = cycle
                offered = False
            if ctx.get(dut.enters.valid):
                held_next.append(ctx.get(dut.enters.slot).id)
            if ctx.get(dut.o.valid):
                slot = ctx.get(dut.o.slot)
                assert {"row": slot.row, "read": slot.read, "update": slot.update,
                        "id": slot.id} == slots[slot.id]
                order.append(slot.id)
                left[slot.id] = cycle
            held = any(at < cycle <= left.get(slot, cycle) for slot, at in entered.items())
            flying = any(0 < cycle - leave <= WRITE_LATENCY for leave in left.values())
            if not dut.looks_ahead:
                assert ctx.get(dut.waits) == held
            assert ctx.get(dut.empty) == (not held and not flying)
            written = [slots[number] for number, leave in left.items()
                       if cycle - leave == WRITE_LATENCY and slots[number]["update"]]
            back = ctx.get(dut.back)
            assert back.valid == bool(written)
            assert not written or back.row == written[0]["row"]
            await ctx.tick()
            cycle += 1

    simulate(dut, bench, background=[keeps_contract(dut.i)], max_cycles=40 * len(slots) + 100)
    assert order == held_next == [slot["id"] for slot in slots]  # each goes in once, and out
    return entered, left, blocked_in


def check_times(slots, entered, left, blocked_in, single_port=False, looks_ahead=False):
    """Each slot leaves in the first cycle in which its rule lets it, no sooner and no later."""
    for slot in slots:
        cycle = max(entered[slot["id"]] + 1 + looks_ahead, left.get(slot["id"] - 1, 0) + 1)

        def held(cycle, slot=slot):
            earlier = [left[s["id"]] for s in slots[:slot["id"]]
                       if s["update"] and s["row"] == slot["row"]]
            conflict = slot["read"] and any(0 < cycle - leave <= WRITE_LATENCY for leave in earlier)
            writes = single_port and slot["read"] and any(
                cycle - left[s["id"]] == WRITE_LATENCY for s in slots[:slot["id"]] if s["update"])
            return conflict or writes or cycle in blocked_in

        while held(cycle):
            cycle += 1
        assert left[slot["id"]] == cycle, slot


@pytest.mark.parametrize("looks_ahead", [False, True])
@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 8])
@pytest.mark.parametrize("offer, block", [(1, 0), (0.5, 0), (1, 0.3), (0.6, 0.6)])
def test_waits_no_more_and_no_less(rows, offer, block, single_port, looks_ahead):
    slots = stream_of_slots(random.Random(rows), 150, rows)
    ways = {"single_port": single_port, "looks_ahead": looks_ahead}
    times = run(slots, offer=offer, block=block, **ways)
    check_times(slots, *times, **ways)


def test_a_single_port_takes_two_cycles_for_an_updated_row():
    """So many reads and so many writes in turn; pairs that share a read go on without a wait."""
    slots = [{"row": k % 8, "read": 1, "update": 1, "id": k} for k in range(36)]
    _, left, _ = run(slots, single_port=True)
    assert [left[k] - left[0] for k in range(36)] == [
        k + k // WRITE_LATENCY * WRITE_LATENCY for k in range(36)]
    pairs = [{"row": k // 2 % 8, "read": k % 2 == 0, "update": k % 2, "id": k} for k in range(36)]
    _, left, _ = run(pairs, single_port=True)
    assert [left[k] - left[0] for k in range(36)] == list(range(36))


@pytest.mark.parametrize("looks_ahead", [False, True])
def test_one_slot_a_cycle_without_hazards(looks_ahead):
    rows = WRITE_LATENCY + 1  # so a row comes again after as many cycles
    slots = [{"row": k % rows, "read": 1, "update": 1, "id": k} for k in range(40)]
    entered, left, _ = run(slots, looks_ahead=looks_ahead)
    assert [left[k] for k in range(40)] == [entered[0] + 1 + looks_ahead + k for k in range(40)]


@pytest.mark.parametrize("looks_ahead", [False, True])
def test_the_row_of_a_host(looks_ahead):
    """It comes to the read a cycle later, and to the write as late as that of an update."""
    dut = HazardStage(slot=SLOT, looks_ahead=looks_ahead)

    async def bench(ctx):
        ctx.set(dut.host, 1)
        for row in (5, 9):
            ctx.set(dut.host_row, row)
            for cycle in range(WRITE_LATENCY + 1):
                assert (ctx.get(dut.o.slot.row) == row) == (cycle >= 1)
                assert (ctx.get(dut.next_back.row) == row) == (cycle >= WRITE_LATENCY)
                assert not ctx.get(dut.o.valid) and not ctx.get(dut.next_back.valid)
                await ctx.tick()

    simulate(dut, bench)


def test_a_shared_read_does_not_wait():
    """An update that follows the backward slot of its row has its weight already."""
    slots = [{"row": 3, "read": k % 2 == 0, "update": k % 2, "id": k} for k in range(6)]
    _, left, _ = run(slots)
    pair = WRITE_LATENCY + 2
    assert [left[k] - left[0] for k in range(6)] == [0, 1, pair, pair + 1, 2 * pair, 2 * pair + 1]
