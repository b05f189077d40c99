"""The picture of a placement: every unit of a real design has its colour."""

import io

import numpy as np
import pytest
from PIL import Image

from taxonn_hw.report.placement import UNITS, placement_picture, unit_names

LABELS = [label for label, *_ in UNITS]


@pytest.mark.parametrize(("name", "label"), [
    ("core.array.weights.memory.0.0", "weights"),
    ("core.array.lane_7.s6_rounded_1_TRELLIS_FF_Q_5", "lanes"),
    ("core.array.tree.products_TRELLIS_FF_Q_55_DI_MULT18X18D_P0", "adder tree, drain"),
    ("core.drain.count_SB_DFFSR_Q", "adder tree, drain"),
    ("core.array.random.lane_words.bits_TRELLIS_FF_Q_56", "random words"),
    ("core.array.d_vectors.memory.0.8$DPRAM_COMB0", "vectors, lists"),
    ("core.list_a1.bank_0", "vectors, lists"),
    ("core.neuron_unit.table", "neuron unit"),
    ("core.control.bus__r_data_TRELLIS_FF_Q_17", "sequencer, control"),
    ("core.core.array.lane_7.sums_SB_DFF_Q", "lanes"),
    ("core.resident.memory.0.4", "resident samples"),
    ("core.mover.queue.storage.0.23", "loader, mover"),
    ("core.i__valid_LUT4_C_1_Z", "rest of the accelerator"),
    ("link.receiver.crc_SB_DFFE_Q", "serial link"),
    ("leds.count_SB_DFF_Q", "clock, LEDs, others"),
    ("$PACKER_VCC", "clock, LEDs, others"),
])
def test_units(name, label):
    assert LABELS[unit_names([(name, "LUT4", 0, 0)])[0]] == label


def test_picture():
    rng = np.random.default_rng(1)
    cells = [(f"core.array.lane_{k % 8}.x", "TRELLIS_COMB", int(column), int(row))
             for k, (column, row) in enumerate(rng.integers(0, 20, (400, 2)))]
    cells += [("link.y", "TRELLIS_FF", 30, 24), ("core.array.weights.memory", "DP16KD", 3, 22)]
    picture = placement_picture(cells, title="a design")
    assert picture == placement_picture(cells, title="a design")  # nothing of today in it
    image = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    assert min(image.shape[:2]) > 300
    colours = {tuple(pixel) for pixel in image.reshape(-1, 3)}
    assert (0x1F, 0x77, 0xB4) in colours and (0xFF, 0x7F, 0x0E) in colours
