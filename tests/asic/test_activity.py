"""The netlist's own simulator: results as golden's, toggles counted, a broken cell noticed."""

from dataclasses import replace

import numpy as np
import pytest

from taxonn_hw.asic.activity import measure_activity
from taxonn_hw.asic.functions import Table, read_functions
from taxonn_hw.asic.mapping import map_component
from taxonn_hw.asic.netlist import Netlist, _in_order, read_netlist
from taxonn_hw.asic.variants import make_variants
from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_or_random
from taxonn_hw.flow.errors import ToolError
from taxonn_hw.golden.first_samples import run_first_samples
from taxonn_hw.host.driver import DeviceError

from .tiny import library

CONFIG = {"layers": [3, 2, 2], "lanes": 2, "bits": 4, "seed": 3, "learning_rate_exponent": 3}


@pytest.fixture(scope="module", params=["inference", "training", "separate_same_width"])
def design(request, tmp_path_factory):
    """Return (plan, netlist, golden run of 6 samples) of a variant."""
    variant = make_variants(config_from_dict(CONFIG))[request.param]
    found = library(tmp_path_factory.mktemp("lib"))
    netlist = read_netlist(map_component(variant.component(), found), found)
    dataset, _ = load_or_random(variant.plan, data="random", samples=6)
    return variant.plan, netlist, run_first_samples(variant.plan, dataset, 6)


def test_results_are_golden_s(design):
    plan, netlist, run = design
    activity = measure_activity(plan, netlist, run)
    assert activity.matches_golden
    assert activity.clocks_per_sample > 5 and activity.clocks >= 6 * activity.clocks_per_sample
    assert len(activity.toggles) == netlist.n_nets
    # Nothing toggles twice a clock in a netlist without delays; a constant never does.
    assert activity.toggles.max() <= 1 + 1 / activity.clocks and activity.ones.max() <= 1
    assert not activity.toggles[:2].any() and activity.ones[1] == 1
    busy = activity.toggles[netlist.n_nets // 2:]
    assert 0.01 < busy.mean() < 0.5


def test_a_broken_cell_shows(design):
    plan, netlist, run = design
    xor = netlist.functions["XOR2"]
    broken = replace(xor, outputs={"Y": Table(inputs=("A", "B"), bits=0b1110)})
    wrong = replace(netlist, functions={**netlist.functions, "XOR2": broken})
    try:
        assert not measure_activity(plan, wrong, run).matches_golden
    except DeviceError:  # it hangs, which shows as well
        pass


def test_tables_come_in_order():
    def record(out, *reads):
        return [out, 1, 0, *reads, *[0] * (6 - len(reads))]

    shuffled = [record(9, 8, 7), record(8, 7), record(7, 2), record(5, 9)]
    assert [r[0] for r in _in_order(shuffled)] == [7, 8, 9, 5]
    with pytest.raises(ToolError, match="combinational loop"):
        _in_order([record(5, 6), record(6, 5)])


def test_verilog_of_the_cells_alone(tmp_path):
    netlist = Netlist(
        functions=read_functions(library(tmp_path), {"DFF", "NAND2"}), n_nets=6,
        inputs={"clk": [2]},
        cells=[("DFF", {"C": 2, "D": 3, "Q": 4}), ("NAND2", {"A": 4, "B": 1, "Y": 5})])
    assert netlist.verilog().splitlines()[1:] == [
        "  input n2;", "  input n3;", "  wire n4;", "  wire n5;",
        "  DFF g0 (.C(n2), .D(n3), .Q(n4));",
        "  NAND2 g1 (.A(n4), .B(1'b1), .Y(n5));", "endmodule"]
    words = np.frombuffer(netlist.words(), np.uint32)
    assert words[:4].tolist() == [7, 2, 1, 0]  # a net for the state, its copy and the gate
