"""WeightMemory: rows written and read, with one port and with two, and in SPRAM cells."""

import random

import pytest
from amaranth.hdl import Fragment, Instance, signed

from taxonn_hw.errors import UserError
from taxonn_hw.export import build
from taxonn_hw.rtl.taxonn.weights import WeightMemory
from taxonn_hw.testing import trace

from ..networks import make_network

LANES, WORD, ROWS = 3, signed(5), 6


@pytest.mark.parametrize(("single_port", "copies"), [(False, 1), (True, 1), (False, 2)])
def test_rows_come_back(single_port, copies):
    """Read and written at random; with a single port what a write leaves at the output is open."""
    dut = WeightMemory(lanes=LANES, word=WORD, n_rows=ROWS, single_port=single_port,
                       copies=copies)
    rng, rows = random.Random(1), [[0] * LANES for _ in range(ROWS)]
    steps, expected = [], []
    shown = None
    for _ in range(400):
        row, write, write_row = rng.randrange(ROWS), rng.random() < 0.5, rng.randrange(ROWS)
        new = [rng.randrange(-16, 16) for _ in range(LANES)]
        steps.append({"new": new, **{
            f"{name}.{k}": value for k in range(copies) for name, value in (
                ("row", row), ("write_row", write_row), ("write", int(write)))}})
        expected.append(shown)
        clash = write and (single_port or row == write_row)
        shown = None if clash else list(rows[row])
        if write:
            rows[write_row] = new
    seen = trace(dut, steps, [f"words.{k}" for k in range(LANES)])
    for s, wanted in zip(seen, expected, strict=True):
        assert wanted is None or list(s.values()) == wanted


@pytest.mark.parametrize("lanes, bits, rows, cells", [
    (8, 8, 1 << 14, 4), (8, 8, 100, 4), (2, 8, 40000, 3), (3, 12, 5, 3), (1, 16, (1 << 14) + 1, 2),
    (1, 1, 1, 1)])
def test_spram_cells(lanes, bits, rows, cells):
    dut = WeightMemory(lanes=lanes, word=signed(bits), n_rows=rows, single_port=True,
                       target="ice40")
    found = [part for part, *_ in Fragment.get(dut, None).subfragments
             if isinstance(part, Instance)]
    assert len(found) == cells and {part.type for part in found} == {"SB_SPRAM256KA"}


@pytest.mark.parametrize("lanes, bits, rows, need", [(8, 12, 10, 6), (8, 8, (1 << 14) + 1, 8)])
def test_too_much_for_the_cells(lanes, bits, rows, need):
    with pytest.raises(UserError, match=f"{rows} rows of {lanes * bits} bits need {need} SPRAM"):
        WeightMemory(lanes=lanes, word=signed(bits), n_rows=rows, single_port=True,
                     target="ice40")
    WeightMemory(lanes=lanes, word=signed(bits), n_rows=rows, single_port=True)


def test_only_the_target_names_a_cell():
    """A single port is plain Verilog, but for the iCE40, and two ports are so for all."""
    keys = {"layers": (9, 6, 4), "lanes": 4, "weight_memory": "single_port"}
    texts = {target: build(make_network(**keys), target=target).verilog
             for target in ("generic", "ice40", "ecp5")}
    assert "SB_SPRAM256KA" in texts["ice40"]
    assert "SB_" not in texts["generic"] and texts["generic"] == texts["ecp5"]
    block = make_network(**{**keys, "weight_memory": "block"})
    assert build(block, target="ice40").verilog == build(block).verilog
