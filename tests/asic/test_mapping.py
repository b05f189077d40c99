"""Mapping a small design: what is counted, and where."""

import pytest

from taxonn_hw.asic import mapping
from taxonn_hw.asic.mapping import map_component
from taxonn_hw.asic.netlist import read_netlist
from taxonn_hw.config import config_from_dict
from taxonn_hw.engines import make_plan
from taxonn_hw.flow.errors import ToolError
from taxonn_hw.rtl.accelerator import make_accelerator

from .tiny import AREAS, Design, library


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    return map_component(Design(), library(tmp_path_factory.mktemp("lib")))


def test_units_are_all_of_it(mapped):
    assert sum(mapped.units.values()) == pytest.approx(mapped.area_um2)
    # The counter is the lane's; of the leaf only the register that is read; one register on top.
    assert mapped.units["array, lanes"] >= 3 * AREAS["DFF"]
    assert AREAS["DFF"] <= mapped.units["control"] <= AREAS["DFF"] + 12
    assert mapped.units["other"] >= AREAS["DFF"]
    # The memory and its output are not there; what inverts its data is.
    assert mapped.units["array, registers and control"] == 4 * AREAS["INV"]


def test_area_is_that_of_the_cells(mapped, tmp_path):
    netlist = read_netlist(mapped, library(tmp_path))
    assert len(netlist.cells) == mapped.cells
    assert sum(AREAS[kind] for kind, _ in netlist.cells) == pytest.approx(mapped.area_um2)
    assert [(m.width, m.size) for m in netlist.memories] == [(4, 8)]
    assert sum(kind == "DFF" for kind, _ in netlist.cells) == 3 + 1 + 1


def test_cells_left_alone_are_not_used(tmp_path):
    iso = ('cell(FREE) { area : 0.1; is_isolation_cell : "true"; pin(A) { direction : input; } '
           'pin(B) { direction : input; } pin(Y) { direction : output; function : "!(A&B)"; } }\n')
    found = library(tmp_path, more=iso)
    netlist = read_netlist(map_component(Design(), found), found)
    assert "FREE" not in {kind for kind, _ in netlist.cells}


def test_every_cell_is_one_of_the_library(tmp_path):
    """Here constants across modules leave a multiplexer behind, after synthesis has made gates."""
    config = config_from_dict({"layers": [3, 33, 2], "lanes": 32, "training": False})
    found = library(tmp_path)
    netlist = read_netlist(map_component(make_accelerator(make_plan(config)), found), found)
    assert {kind for kind, _ in netlist.cells} <= AREAS.keys()


def test_a_conflict_of_drivers_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(mapping, "driver_conflicts", lambda log: ["a driver-driver conflict"])
    monkeypatch.setenv("TAXONN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ToolError, match="1 driver conflicts, such as a driver-driver"):
        map_component(Design(), library(tmp_path))
