"""The rows of the performance table exist, and can be chosen."""

from dataclasses import replace

import numpy as np
import pytest

from taxonn_hw.boards import DEVICES, load_board
from taxonn_hw.data import load_for
from taxonn_hw.engines import make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.performance.designs import DESIGNS, QUICK, choose_designs
from taxonn_hw.performance.hardware import sample_clocks
from taxonn_hw.rtl.spram import SPRAM_CELLS, spram_cells


@pytest.mark.parametrize("design", [*DESIGNS, *QUICK], ids=lambda design: design.name)
def test_every_design_is_a_plan_for_a_board(design):
    assert make_plan(design.config()).lanes >= 1 and load_board(design.board).name == design.board
    words = design.command.split()
    assert words[:3] == ["taxonn", "build", design.preset] and f"--board {design.board}" in (
        design.command)


def test_choice():
    assert choose_designs((), quick=False) == DESIGNS and choose_designs((), quick=True) == QUICK
    assert [d.name for d in choose_designs(("xor", "digits-up5k"), quick=False)] == [
        "xor", "digits-up5k"]
    with pytest.raises(UserError, match="no design is named 'xr'; there are dense-85f-4bit"):
        choose_designs(("xr",), quick=True)


def test_clocks_of_both_modes():
    """An inference takes the forward passes alone."""
    plan = make_plan(QUICK[0].config())
    clocks = sample_clocks(plan, load_for(plan, samples=30), "xor")
    assert 0 < clocks["clocks_per_inference"] < clocks["clocks_per_sample"]
    assert 0 < clocks["useful_macs_per_clock"] <= plan.lanes * clocks["utilisation"]


def test_mnist_in_the_spram_of_a_up5k():
    """The weights fill the cells; with images as sparse as MNIST's two thousand a second train."""
    design, = choose_designs(("dense-up5k",), quick=False)
    plan = make_plan(design.config())
    assert [layer.n_out for layer in plan.layers] == [128, 10] and plan.single_port
    assert spram_cells(plan.lanes * plan.word, plan.n_rows) == SPRAM_CELLS
    assert plan.lanes <= DEVICES["iCE40UP5K"].capacity["dsp"]
    dataset = load_for(plan, data="random", samples=20)
    live = np.random.default_rng(1).random(dataset.x_train.shape) < 150 / 784
    sparse = replace(dataset, x_train=np.where(live, dataset.x_train, 0).astype(np.float32))
    clocks = sample_clocks(plan, sparse, "random")["clocks_per_sample"]
    assert design.mhz * 1e6 / clocks > 2000
