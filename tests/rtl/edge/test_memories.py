"""Left bank, parameter memory and target queue against arrays, with reads and writes at random."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from taxonn_hw.plan.streams import element_width
from taxonn_hw.rtl.edge.left_bank import LeftBank
from taxonn_hw.rtl.edge.parameters import MOVED_LATENCY, ParameterMemory
from taxonn_hw.rtl.edge.targets import TARGET_LATENCY, TargetQueue, target_slots
from taxonn_hw.testing import trace
from tests.edge_configs import edge_network


@pytest.mark.parametrize(("z", "depth", "copies", "group"), [
    (4, 3, 5, 2), (6, 1, 3, 6), (3, 8, 2, 1), (1, 4, 7, 1),
])
def test_left_bank(z, depth, copies, group):
    """Forward and update read two copies in the rows of one clock while a third is written."""
    rng = np.random.default_rng([z, depth])
    dut = LeftBank(z=z, depth=depth, copies=copies, group=group, activation=signed(5),
                   slope=unsigned(3), training=True)
    a, slope = np.zeros((copies, depth, z), int), np.zeros((copies, depth, z), int)
    steps, wanted = [{}, {}, {}], []
    place, values = None, rng.integers(0, 8, (2, group))  # of the write whose data come now
    for _ in range(300):
        rows = rng.integers(0, depth, z)
        copy, forward, update = rng.permutation(copies)[[0, 1, -1]]
        row, part = rng.integers(0, depth), rng.integers(0, z // group)
        write = bool(rng.random() < 0.7)
        step = {f"rows.{mu}": int(r) for mu, r in enumerate(rows)}
        step |= {"write.valid": int(write), "write.row": int(row), "write.part": int(part),
                 "write.copy": int(copy)}
        for k in range(group):
            step |= {f"activations.{k}": int(values[0][k]), f"slopes.{k}": int(values[1][k])}
        steps[-3] |= {"forward_copy": int(forward), "update_copy": int(update)}
        steps.append(step)
        memory = np.arange(z)
        wanted.append((a[forward, rows, memory], a[update, rows, memory],
                       slope[update, rows, memory]))
        if place is not None:
            a[place], slope[place] = values
        place = (copy, row, slice(part * group, (part + 1) * group)) if write else None
        values = rng.integers(-16, 16, group), rng.integers(0, 8, group)
    names = [f"{name}.{mu}" for name in ("forward", "update", "slope") for mu in range(z)]
    seen = trace(dut, [*steps, {}, {}], names)
    for at, expected in enumerate(wanted, 3):
        np.testing.assert_array_equal(list(seen[at + 2].values()), np.concatenate(expected))


def test_a_bank_without_training_reads_forward_only():
    dut = LeftBank(z=2, depth=2, copies=2, group=2, activation=unsigned(4), slope=None,
                   training=False)
    write = {"write.valid": 1, "write.row": 1, "write.copy": 1}
    values = {"write.valid": 0, "activations.0": 9, "activations.1": 4}
    read = {"rows.0": 1, "rows.1": 0}
    seen = trace(dut, [write, values, {"forward_copy": 1}, {}, {}, read, {}, {}],
                 ["forward.0", "forward.1", "update.0"])
    assert seen[7] == {"forward.0": 9, "forward.1": 0, "update.0": 0}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("n", "rows", "group"), [(6, 5, 2), (1, 1, 1), (4, 3, 4), (3, 8, 1)])
def test_parameter_memory(n, rows, group, training):
    """The host fills it, rows are read and written back, the host reads it."""
    rng = np.random.default_rng([n, rows])
    dut = ParameterMemory(n=n, rows=rows, group=group, shape=signed(7), training=training)
    content = rng.integers(-64, 64, (rows, n))
    steps, wanted = [{"move": 1}], []

    def word(name, values):
        return {f"{name}.{k}": int(v) for k, v in enumerate(values)}

    for row in range(rows):
        for k in range(n // group):
            steps.append({"move": 1, "move_row": row, "move_group": k, "move_write": 1,
                          **word("move_data", content[row, k * group:(k + 1) * group])})
    steps += [{"move": 0, "move_write": 0}, {}]
    for _ in range(60 if rows > 1 else 0):
        row, other = rng.permutation(rows)[:2]
        new, write = rng.integers(-64, 64, n), bool(rng.random() < 0.5)
        wanted.append((len(steps) + 2, "words", n, content[row].copy()))
        steps.append({"row": int(row), "write": int(write), "write_row": int(other),
                      **word("new", new)})
        if write and training:
            content[other] = new
    steps += [{"write": 0, "move": 1}, {}]
    for row in range(rows):
        for k in range(n // group):
            wanted.append((len(steps) + MOVED_LATENCY, "moved", group,
                           content[row, k * group:(k + 1) * group].copy()))
            steps.append({"move_row": row, "move_group": k})
    names = [f"words.{k}" for k in range(n)] + [f"moved.{k}" for k in range(group)]
    seen = trace(dut, [*steps, *[{}] * MOVED_LATENCY], names)
    for at, name, size, expected in wanted:
        got = [seen[at][f"{name}.{k}"] for k in range(size)]
        np.testing.assert_array_equal(got, expected, f"{name} in cycle {at}")


@pytest.mark.parametrize(("layers", "edge"), [
    ((8, 4, 8), {"fan_out": [2, 4], "cycles": 4}),      # beats of 2, groups of 2
    ((12, 24), {"fan_out": [6], "cycles": 6}),          # beats of 3, groups of 4
    ((24, 6), {"fan_out": [1], "cycles": 2}),           # groups of 3, a row a sample
    ((6, 4, 1), {"fan_out": [2, 1], "cycles": 4}),      # a single output
    ((36, 30), {"fan_out": [5], "cycles": 10}),
    ((128, 16), {"fan_out": [2], "cycles": 8}),         # a row of 8 groups: chosen in two steps
])
def test_target_queue(layers, edge):
    network = edge_network(layers, edge=edge)
    dut, output, group = TargetQueue(network=network), network.output, network.samples_per_clock
    rng = np.random.default_rng(4)
    q, slots = output.formats.a, target_slots(network)
    targets = rng.integers(q.lo, q.hi + 1, (slots, output.n_out))
    beats = -(-output.n_out // group)
    steps = []
    for slot in range(slots):
        padded = np.pad(targets[slot], (0, beats * group - output.n_out))
        for beat in range(beats):
            codes = padded[beat * group:(beat + 1) * group] & (1 << element_width(network)) - 1
            steps.append({"write.valid": 1, "write.slot": slot, "write.beat": beat,
                          **{f"elements.{k}": int(c) for k, c in enumerate(codes)}})
    steps.append({"write.valid": 0})
    first = len(steps)
    asked = [(int(rng.integers(slots)), int(rng.integers(output.n_groups))) for _ in range(80)]
    steps += [{"slot": slot, "row": g // dut.rows.parts, "part": g % dut.rows.parts}
              for slot, g in asked]
    n = output.neurons_per_clock
    steps += [{}] * TARGET_LATENCY
    seen = trace(dut, steps, [f"targets.{k}" for k in range(n)])
    for k, (slot, g) in enumerate(asked):
        np.testing.assert_array_equal(list(seen[first + k + TARGET_LATENCY].values()),
                                      targets[slot, g * n:(g + 1) * n])
