"""A stop at any clock: the run ends at the border of a sample, and nothing follows it."""

import numpy as np
import pytest

from taxonn_hw.bus.registers import FIELDS, REGISTERS
from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.engines import engine_of, make_plan
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan.streams import element_width, pack_bits, sample_beats

NETS = {
    "outputs": {"layers": [6, 5, 3], "lanes": 3, "mapping": "outputs"},
    "inputs": {"layers": [6, 5, 3], "lanes": 3, "mapping": "inputs"},
    "pixels one by one": {"layers": [6, 5, 3], "lanes": 4, "samples_per_clock": 1},
    "convolution": {"input_shape": [1, 3, 3], "lanes": 2,
                    "layers": [{"kind": "conv", "channels": 2, "kernel": 2}, {"size": 2}]},
    "sparse": {"engine": "edge", "layers": [8, 4, 2], "lanes": 8},
}


@pytest.mark.parametrize("keys", NETS.values(), ids=NETS)
def test_stop_at_any_clock(keys):
    plan = make_plan(config_from_dict({"seed": 5, "data": "random", **keys}))
    codes = quantize_dataset(plan, load_for(plan, samples=2))
    x, target, engine = codes.x_train, codes.target_train, engine_of(plan)
    start = engine.part("initial")(plan)
    train = 1 << FIELDS["control.train"]
    beats = pack_bits(sample_beats(plan, x, target) & (1 << element_width(plan)) - 1,
                      element_width(plan))
    busy, done = (REGISTERS[name].address for name in ("status", "samples_done"))
    counts = set()
    with open_simulation(plan) as device:
        model = device.transport.model
        for delay in range(36):
            device.reset()
            device.load(start)
            device.restart()
            device.write("control", train)
            device.transport.exchange({"i_samples": beats}, {}, 1000)
            device.write("samples", 2)
            device.write("control", train | 1 << FIELDS["control.start"])
            model.step(delay)
            device.write("control", train | 1 << FIELDS["control.stop"])
            model.run_until(busy, 1 << FIELDS["status.busy"], 0, 5000, interval=1)
            ended = model.read(done)
            model.step(400)
            assert model.read(done) == ended and not model.read(busy) & 1, delay
            golden = engine.part("golden")(plan, start)
            if ended:
                golden.train_run(x[:ended], target[:ended])
            for pair, expected in zip(device.dump(), golden.parameters, strict=True):
                for got, wanted in zip(pair, expected, strict=True):
                    np.testing.assert_array_equal(got, wanted, err_msg=f"stop after {delay}")
            counts.add(ended)
    assert max(counts) >= 1
