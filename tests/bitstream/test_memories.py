"""Which memories do without a block RAM."""

from collections import Counter

import pytest

from taxonn_hw.bitstream.memories import choose_registers, count_blocks, read_memories

DUMP = r"""
  attribute \src "somewhere"
  cell $mem_v2 \core.list.bank_0
    parameter \INIT 3'x
    parameter \MEMID "\\core.list.bank_0"
    parameter \SIZE 16
    parameter signed \WIDTH 9
    parameter \WR_WIDE_CONTINUATION 9'000000000
    connect \RD_ADDR \a
  end
  cell $mem_v2 $weights
    parameter signed \SIZE 300
    parameter signed \WIDTH 40
  end
"""


def test_memories_are_read():
    assert read_memories(DUMP) == {r"\core.list.bank_0": 144, "$weights": 12_000}


def test_blocks_are_counted_by_memory():
    cells = {"core.list.bank_0.0.0": "SB_RAM40_4K", "weights.0.0": "SB_RAM40_4K",
             "weights.0.1": "SB_RAM40_4KNRNW", "other": "SB_LUT4"}
    netlist = {"modules": {"top": {"cells": {name: {"type": kind}
                                             for name, kind in cells.items()}}}}
    assert count_blocks(netlist, "top") == {r"\core.list.bank_0": 1, r"\weights": 2}


@pytest.mark.parametrize(("excess", "chosen"), [
    (0, []), (1, ["tiny"]), (2, ["tiny", "wide"]), (3, ["tiny", "wide"]),
    (4, ["tiny", "wide", "last"]), (5, []),  # the next is too large: no use in any of them
])
def test_the_smallest_go_first(excess, chosen):
    bits = {"unplaced": 8, "large": 513, "last": 512, "wide": 200, "tiny": 30}
    blocks = Counter({"large": 9, "last": 1, "wide": 2, "tiny": 1, "unknown": 1})
    assert choose_registers(bits, blocks, excess) == chosen
