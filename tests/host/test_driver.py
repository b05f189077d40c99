"""The driver: on the compiled Verilog, and against transports that misbehave."""

import numpy as np
import pytest

from taxonn_hw.bus.registers import IDENTITY, REGISTERS, VERSION
from taxonn_hw.config import config_from_dict
from taxonn_hw.config_hash import config_hash
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.host.driver import Accelerator, DeviceError
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.host.training import train_on_device
from taxonn_hw.plan import Network
from taxonn_hw.plan.timing import predict

NETS = {
    "outputs": {"layers": [6, 5, 3], "lanes": 4, "mapping": "outputs"},
    "inputs": {"layers": [6, 5, 3], "lanes": 4, "mapping": "inputs", "bits": 4},
    "deep": {"layers": [5, 7, 1, 3], "lanes": 2},
}


def make(**keys):
    return Network(config_from_dict({"data": "random", "seed": 5, **keys}))


def assert_same(found, expected):
    for pair, other in zip(found, expected, strict=True):
        for a, b in zip(pair, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module", params=NETS, ids=str)
def opened(request):
    network = make(**NETS[request.param])
    with open_simulation(network, stall_in=0.2, stall_out=0.3) as accelerator:
        yield network, accelerator


def test_load_and_dump(opened):
    network, accelerator = opened
    rng = np.random.default_rng(1)
    parameters = [(rng.integers(f.weight.lo, f.weight.hi + 1, (layer.n_out, layer.n_in)),
                   rng.integers(f.bias.lo, f.bias.hi + 1, layer.n_out))
                  for layer in network.layers for f in [layer.formats]]
    accelerator.load(parameters)
    assert_same(accelerator.dump(), parameters)


def test_training_in_pieces_is_one_training(opened):
    """Calls continue the sample count; a changed rate counts from then on; restart starts over."""
    network, accelerator = opened
    codes = quantize_dataset(network, load_for(network, samples=12))
    for _ in range(2):
        golden = GoldenModel(network)
        accelerator.load(initial_weights(network))
        accelerator.restart()
        for piece, rate in ((slice(0, 5), 6), (slice(5, 6), 7), (slice(6, 12), 7)):
            golden.rate = rate
            expected = [golden.train(*pair).output for pair in
                        zip(codes.x_train[piece], codes.target_train[piece], strict=True)]
            got = accelerator.train(codes.x_train[piece], codes.target_train[piece], rate)
            np.testing.assert_array_equal(got, expected)
            assert_same(accelerator.dump(), golden.parameters)
        assert accelerator.counters().samples == 12
        np.testing.assert_array_equal(accelerator.infer(codes.x_test[:20]),
                                      golden.infer(codes.x_test[:20]))
        assert_same(accelerator.dump(), golden.parameters)  # inference changes nothing


def test_without_results(opened):
    network, accelerator = opened
    codes = quantize_dataset(network, load_for(network, samples=4))
    golden = GoldenModel(network)
    accelerator.load(initial_weights(network))
    accelerator.restart()
    rate = network.config.learning_rate_exponent
    assert accelerator.train(codes.x_train, codes.target_train, rate, results=False) is None
    for pair in zip(codes.x_train, codes.target_train, strict=True):
        golden.train(*pair)
    assert_same(accelerator.dump(), golden.parameters)


def test_no_samples_at_all(opened):
    network, accelerator = opened
    assert accelerator.infer(np.zeros((0, network.n_inputs), np.int64)).shape == (
        0, network.output.n_out)


def test_whole_run_matches_golden_and_its_clocks():
    network = make(layers=[6, 5, 3], lanes=4)
    dataset = load_for(network, samples=30)
    seen = []
    with open_simulation(network) as accelerator:
        run = train_on_device(network, dataset, accelerator, epochs=2,
                              progress=lambda *pair: seen.append(pair))
    assert run.weights_match and run.outputs_match and seen[-1] == (60, 60)
    assert run.samples == run.counters.samples == 60 and len(run.history) == 2
    golden = GoldenModel(network, run.golden)
    codes = quantize_dataset(network, dataset)
    outputs = golden.infer(codes.x_test)
    assert run.history[-1].test_accuracy == 100 * np.mean(
        np.argmax(outputs, axis=1) == codes.y_test)


def test_counters_are_as_predicted():
    network = make(layers=[9, 5, 3], lanes=4)
    codes = quantize_dataset(network, load_for(network, samples=20))
    golden = GoldenModel(network)
    traces = [golden.train(*pair) for pair in
              zip(codes.x_train, codes.target_train, strict=True)]
    with open_simulation(network) as accelerator:
        accelerator.load(initial_weights(network))
        accelerator.restart()
        accelerator.train(codes.x_train, codes.target_train)
        counters = accelerator.counters()
    prediction = predict(network, traces, training=True)
    assert (counters.cycles, counters.slots) == (prediction.cycles, prediction.slots)
    assert counters.clocks_per_sample == prediction.clocks_per_sample
    assert counters.utilisation == prediction.utilisation


class Fake:
    """Registers in a dictionary, and streams that never move."""

    def __init__(self, network, **changes):
        values = {"identity": IDENTITY, "version": VERSION,
                  "config_hash": config_hash(network.config),
                  "geometry": (network.lanes | network.weight_group << 16
                               | network.samples_per_clock << 24), "status": 2} | changes
        self.values = {REGISTERS[name].address: value for name, value in values.items()}

    def reset(self):
        pass

    def read(self, address):
        return self.values.get(address, 0)

    def write(self, address, value):
        self.values[address] = value

    def exchange(self, push, pull, budget):
        raise TimeoutError(f"after {budget} clocks: i_weights took 3 of 9 beats")

    def wait(self, address, mask, value, budget):
        raise TimeoutError("never")


@pytest.mark.parametrize(("changes", "message"), [
    ({"identity": 0}, "no accelerator answers: identity is 0x00000000, not 0x54584e31"),
    ({"version": 7},
     "the register map has another version: version is 0x00000007, not 0x00000001"),
    ({"geometry": 5}, ("the hardware has other lanes or stream widths: geometry is 0x00000005, "
                      "not 0x04010004")),
])
def test_wrong_hardware(changes, message):
    network = make(layers=[6, 5, 3], lanes=4)
    with pytest.raises(DeviceError) as error:
        Accelerator(Fake(network, **changes), network)
    assert str(error.value) == message


def test_hardware_of_another_configuration():
    network, other = make(layers=[6, 5, 3], lanes=4), make(layers=[6, 5, 3], lanes=4, seed=6)
    with pytest.raises(DeviceError, match="the hardware was generated for another configuration"):
        Accelerator(Fake(other), network)


def test_timeout_says_what_was_awaited():
    network = make(layers=[2, 1], lanes=1, mapping="outputs")
    accelerator = Accelerator(Fake(network), network)
    with pytest.raises(DeviceError) as error:
        accelerator.load(initial_weights(network))
    assert str(error.value) == (
        "awaited load of 3 rows, after 100192 clocks: i_weights took 3 of 9 beats; "
        "status 0x2 (moving)")


def test_refusals():
    network = make(layers=[6, 5, 3], lanes=4, training=False)
    accelerator = Accelerator(Fake(network), network)
    x, target = np.zeros((1, 6), np.int64), np.zeros((1, 3), np.int64)
    with pytest.raises(DeviceError, match="generated without training hardware"):
        accelerator.train(x, target)
    with pytest.raises(ValueError, match="a sample has 6 inputs, not 3"):
        accelerator.infer(target)
    network = make(layers=[6, 5, 3], lanes=4)
    accelerator = Accelerator(Fake(network), network)
    with pytest.raises(DeviceError, match="rate must be 5 to 8, not 9"):
        accelerator.train(x, target, 9)
    with pytest.raises(ValueError, match=r"targets must be \[1, 3\], not \[1, 6\]"):
        accelerator.train(x, x)
