"""A loadable build behind the serial link, and training runs of several networks on one device."""

import numpy as np
import pytest

from taxonn_hw.bus.registers import IDENTITY, REGISTERS, VERSION
from taxonn_hw.config_hash import config_hash, hardware_hash
from taxonn_hw.data import load_for
from taxonn_hw.engines import make_plan
from taxonn_hw.host.driver import Accelerator, DeviceError
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.host.training import train_on_device
from taxonn_hw.plan.streams import geometry
from taxonn_hw.rtl.taxonn.loading import network_hash, program_writes
from tests.loadable import check_on, make_build, network_on

from .linked_board import Board

NETWORKS = [
    {"layers": [6, 5, 3]},
    {"layers": [4, 3, 5, 2], "data": "random"},
    {"input_shape": [1, 5, 4], "data": "random", "layers": [
        {"kind": "conv", "channels": 2, "kernel": 2, "pool": "max"}, {"size": 3}]},
]


def test_networks_are_loaded_over_the_serial_link(tmp_path, require_tool):
    """Registers are enough; a reset of the board unloads, and the next run loads again."""
    require_tool("verilator")
    board = Board(tmp_path, **NETWORKS[0], lanes=4, learning_rate_exponent=3,
                  loadable={"networks": NETWORKS[1:]})
    device = board.connect()
    for network in board.plan.build.networks[::-1]:
        check_on(device, network, n=2, clocks=False)
        assert device.read("network") == network_hash(network)
    device.reset()
    assert device.read("network") == 0
    check_on(device, device.plan, n=2, clocks=False)
    device.transport.close()


def test_training_runs_of_several_networks():
    build = make_build(*NETWORKS)
    with open_simulation(make_plan(build)) as device:
        for plan in device.plan.build.networks:
            device.load_network(plan)
            run = train_on_device(plan, load_for(plan, samples=30), device, epochs=2)
            assert run.weights_match and run.outputs_match and run.samples == 60


class Fake:
    """Registers of a build in a dictionary, with nothing behind them."""

    def __init__(self, plan):
        values = {"identity": IDENTITY, "version": VERSION, "config_hash": hardware_hash(plan),
                  "geometry": geometry(plan), "status": 0}
        self.values = {REGISTERS[name].address: value for name, value in values.items()}
        self.written = []

    def read(self, address):
        return self.values.get(address, 0)

    def write(self, address, value):
        self.values[address] = value
        self.written.append((address, value))

    def wait(self, address, mask, value, budget):
        pass


def test_opening_loads_what_is_not_there():
    plan = make_plan(make_build(*NETWORKS))
    expected = [(REGISTERS[name].address, value) for name, value in program_writes(plan)]
    transport = Fake(plan)
    device = Accelerator(transport, plan)
    assert [write for write in transport.written if write[0] >= 0x16] == expected
    transport.written.clear()
    Accelerator(transport, plan)
    assert transport.written == []
    other = plan.build.networks[1]
    device.load_network(other)
    assert transport.values[REGISTERS["network"].address] == config_hash(other.config)
    assert device.plan is other and device.rate == other.config.learning_rate_exponent


def test_refusals():
    plan = make_plan(make_build(*NETWORKS))
    transport = Fake(plan)
    device = Accelerator(transport, plan)
    transport.values[REGISTERS["status"].address] = 1
    with pytest.raises(DeviceError, match="cannot be loaded while samples are worked on"):
        device.load_network(plan.build.networks[1])
    with pytest.raises(DeviceError, match="is planned for other hardware than this"):
        device.load_network(make_plan(make_build({"layers": [6, 5, 3]})))
    with pytest.raises(DeviceError, match="generated for another configuration"):
        Accelerator(Fake(plan), network_on(make_build({"layers": [6, 5, 3]}), NETWORKS[0]))
    with pytest.raises(ValueError, match="a sample has 6 inputs, not 4"):  # still the first
        device.infer(np.zeros((1, 4), dtype=np.int64))
