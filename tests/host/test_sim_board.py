"""A board behind a pseudo-terminal: any serial program, unplugging, and training by name."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import serial

from taxonn_hw.bus.protocol import Command, Deframer, Request, Response
from taxonn_hw.config import config_from_dict, load_config
from taxonn_hw.data import load_for
from taxonn_hw.engines import make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.host.driver import DeviceError
from taxonn_hw.host.serial_device import open_device, open_port
from taxonn_hw.host.serial_link import LinkLost
from taxonn_hw.host.sim_board import SimBoard
from taxonn_hw.host.training import train_on_device
from taxonn_hw.plan import Network


def make(**keys):
    return Network(config_from_dict({"layers": [6, 5, 3], "lanes": 4, "data": "random",
                                     "epochs": 1, **keys}))


@pytest.fixture(scope="module")
def board(require_tool):
    require_tool("verilator")
    with SimBoard(make(), "icebreaker") as board:
        yield board


def test_any_serial_program(board):
    """Straight from pyserial: a poll of nobody's session is answered."""
    with serial.Serial(board.path, board.baud, timeout=5) as port:
        port.write(Request(session=0, command=Command.POLL).encode())
        data = b""
        while data.count(b"\x7e") < 2:
            byte = port.read(1)
            assert byte, f"no answer within {port.timeout} s, only {data!r}"
            data += byte
        body, = Deframer().feed(data)
        assert Response.decode(body).control == 0


def test_a_byte_that_waited_through_the_reset_is_not_lost(board):
    """The port is there all the time that the board takes to come out of its reset."""
    with serial.Serial(board.path, board.baud, timeout=20) as port:
        board._halt()
        port.write(Request(session=0, command=Command.POLL).encode())
        board.power_cycle()
        assert port.read(1) == b"\x7e"
        port.read(64)


def test_two_programs_one_after_the_other(board):
    for value in (1, 2):
        device = open_port(board.path, make(), baud=board.baud, timeout_s=20)
        device.write("scratch", value)
        assert device.read("scratch") == value
        device.transport.close()


def test_another_configuration_is_refused(board):
    with pytest.raises(DeviceError, match="the hardware was generated for another configuration"):
        open_port(board.path, make(seed=7), baud=board.baud, timeout_s=20)


def test_training_over_the_pins_with_the_cable_pulled(board):
    """Unplugged in the middle, plugged in again: the same weights, and it is said."""
    plan, said = make(), []
    dataset = load_for(plan, samples=60)
    from taxonn_hw.host.resume import ResumingDevice

    device = ResumingDevice(lambda: open_port(board.path, plan, baud=board.baud, timeout_s=20),
                            plan, every=20, say=said.append)

    def pull():
        board.unplug()
        time.sleep(0.2)
        board.plug()

    done = threading.Event()

    def progress(n, of):
        if n >= of // 2 and not done.is_set():
            done.set()
            pull()

    run = train_on_device(plan, dataset, device, epochs=2, progress=progress)
    assert run.weights_match and run.outputs_match and run.samples == 120
    assert done.is_set() and device.resumed >= 1 and "resuming from the checkpoint" in said[0]
    device.close()


def test_nothing_is_left_behind(require_tool):
    require_tool("verilator")
    threads = threading.active_count()
    with SimBoard(make(), "icebreaker") as board:
        path = board.path
        assert os.path.exists(path)
        with suppress(OSError):
            os.write(board._slave, b"")
    assert not Path(path).exists() and not Path(path).parent.exists()
    assert threading.active_count() == threads
    with pytest.raises(LinkLost, match=f"cannot open {path}: "):
        open_port(path, make())


def test_devices_by_name(tmp_path, require_tool):
    require_tool("verilator")
    plan = make()
    dataset = load_for(plan, samples=20)
    with open_device("sim-board:icebreaker", plan, checkpoint=tmp_path / "c.npz") as device:
        run = train_on_device(plan, dataset, device, epochs=1)
    assert run.weights_match and run.outputs_match
    assert np.isfinite(run.samples_per_s)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["icebreaker", "ulx3s-25f"])
def test_digits_over_the_pins(board, require_tool):
    require_tool("verilator")
    plan = make_plan(load_config("digits-64-32-10"))
    with open_device(f"sim-board:{board}", plan) as device:
        run = train_on_device(plan, load_for(plan, samples=200), device, epochs=1)
    assert run.weights_match and run.outputs_match and run.samples == 200


@pytest.mark.parametrize(("name", "message"), [
    ("sim-board:nothing", "no board is named 'nothing'"),
    ("simulation", "--device must be sim, sim-board:BOARD or a serial port, not 'simulation'"),
])
def test_names_of_nothing(name, message):
    with pytest.raises(UserError, match=message), open_device(name, make()):
        pass


def test_a_port_of_nothing():
    with (pytest.raises(LinkLost, match="cannot open /dev/ttyNONE9: No such file"),
          open_device("/dev/ttyNONE9", make())):
        pass
