"""One build, many networks: loaded one after the other, every bit and every clock as predicted."""

import numpy as np
import pytest
from amaranth.hdl import Shape

from taxonn_hw.bus.registers import REGISTERS
from taxonn_hw.engines import make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.host.driver import DeviceError
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.rtl.taxonn.loading import (
    FIRST_WORD,
    build_view,
    network_hash,
    network_rows,
    network_words,
    pack_words,
    program_writes,
)

from ...golden.test_conv import SHAPES, conv
from ...golden.test_model import samples
from ...loadable import check_on, make_build, network_on, same, starts

DEEP = {"layers": [3, 7, 2, 9, 2], "activation": "leaky_relu", "output": "leaky_relu",
        "formats": {"operand": "s8.6", "activation": "s8.6"}}
CONV = {"input_shape": [2, 7, 6], "activation": "hard_sigmoid", "output": "identity", "layers": [
    conv(1, 2, pool="max"), conv(3, 2, pool="average", padding=1), {"size": 4}]}
MODES = {"rounding": {"activation": "stochastic"}}


@pytest.fixture(scope="module")
def opened():
    """Two dense networks of different depth and a convolutional one."""
    build = make_build({"layers": [6, 5, 9]}, DEEP, CONV, **MODES)
    with open_simulation(make_plan(build)) as device:
        yield build, device


def test_networks_take_turns(opened):
    """What one leaves behind (deltas in lanes that the next has no neuron in) changes nothing."""
    _, device = opened
    networks = device.plan.build.networks
    for k in (2, 0, 1, 2, 1, 0):
        check_on(device, networks[k], seed=k)


#: Of a dense layer, so that its binary point lies where the build's do.
NARROW = {"formats": {"weight": "s12.10"}}


@pytest.mark.parametrize("network", [
    {"layers": [1, 1]}, {"layers": [5, 9]}, {"layers": [7, 1, 4, 2]},
    {"layers": [4, 3, 2], "seed": 77, "learning_rate_exponent": 4, "learning_rate_range": [4, 5]},
    {"input_shape": [1, 3, 4], "layers": [conv(2, [1, 2], stride=2), NARROW | {"size": 2}]},
    {"input_shape": [2, 4, 4], "activation": "identity", "formats": {"activation": "s8.6"},
     "layers": [conv(1, 2, pool="average"), NARROW | {"size": 3}]},
], ids=str)
def test_others_that_fit(opened, network):
    """Networks that the build was not told of."""
    build, device = opened
    check_on(device, network_on(build, network, **MODES))


def test_one_lane_and_stalls():
    build = make_build({"layers": [3, 2, 1]}, {"layers": [2, 3, 2, 2]},
                       {"input_shape": [1, 4, 3], "layers": [conv(2, 2, pool="max"), {"size": 2}]},
                       lanes=1, samples_per_clock=2)
    with open_simulation(make_plan(build), stall_in=0.3, stall_out=0.3) as device:
        for network in device.plan.build.networks:
            check_on(device, network, clocks=False)


def test_powers_of_two_stochastic_stores_and_lane_groups():
    """Every store with the random word of its own row and lane; four bits, and three."""
    modes = dict.fromkeys(("activation", "delta", "update"), "stochastic")
    build = make_build({"layers": [6, 5, 3]}, {**CONV, "bits": 3}, {"layers": [9, 4, 6, 2]},
                       lanes=8, bits=4, rounding=modes, weight_memory="single_port")
    with open_simulation(make_plan(build)) as device:
        for network in device.plan.build.networks:
            check_on(device, network)


@pytest.mark.parametrize("bits", [8, 4])
def test_batches_and_decay(bits):
    """Sums of gradients lie beside the weights of whichever network is loaded."""
    build = make_build({"layers": [6, 5, 3]}, CONV, {"layers": [5, 2, 3, 4]}, bits=bits,
                       batch=2, weight_decay=6, weight_decay_period=2)
    with open_simulation(make_plan(build)) as device:
        for network in device.plan.build.networks:
            check_on(device, network)


def test_inference_only():
    build = make_build({"layers": [6, 5, 3]}, CONV, training=False)
    with open_simulation(make_plan(build)) as device:
        for network in (*device.plan.build.networks, device.plan):
            device.load_network(network)
            golden, rng = GoldenModel(network), np.random.default_rng(1)
            x, _ = samples(network, rng, 4)
            device.load(initial_weights(network))
            np.testing.assert_array_equal(device.infer(x), golden.infer(x))


def formats(weight, operand, bias, activation, delta):
    return {"weight": weight, "operand": operand, "bias": bias, "activation": activation,
            "delta": delta}


#: What two networks of the build have everywhere, and what others have layer by layer.
FINE = formats("s12.10", "s8.6", "s12.10", "u8.6", "s8.7")
COARSE = formats("s12.8", "s8.6", "s12.9", "s8.3", "s8.6")
OTHERS = [formats("s12.9", "s8.5", "s12.8", "u8.4", "s8.6"),
          formats("s11.9", "s7.7", "s9.8", "u6.4", "s6.6"),
          formats("s8.8", "s5.6", "s8.8", "u5.4", "s5.7")]


def test_formats_by_layer_and_signal_at_run_time():
    """Fraction points and narrower widths of every layer and signal, changed between two runs."""
    def net(*tables, **keys):
        return {"inputs": 6, "layers": [{"size": n, "formats": f} for n, f in zip(
            (5, 4, 3), tables, strict=True)], **keys}

    build = make_build(net(*[FINE] * 3, formats={"input": "u8.8", "output": "u8.7"}),
                       net(*[COARSE] * 3, formats={"input": "s8.6", "output": "s8.6"}),
                       learning_rate_exponent=4)
    build = build.model_copy(update={"loadable": build.loadable.model_copy(
        update={"spare_bits": 2})})
    ends = [{"input": "u7.6", "output": "u7.6"}, {"input": "s6.5", "output": "s8.5"}]
    with open_simulation(make_plan(build)) as device:
        for tables in (OTHERS, OTHERS[::-1], [FINE, OTHERS[1], COARSE], [OTHERS[2]] * 3):
            for own in ends:
                check_on(device, network_on(build, net(*tables, formats=own),
                                            learning_rate_exponent=4))


@pytest.mark.parametrize(("network", "words"), [
    ({"layers": [6, 5, 5, 5, 5, 3]}, "it has 5 layers, the build 4"),
    ({"layers": [60, 9]}, "it has 183 rows of weights, the build 35"),
    ({"layers": [85, 1]}, "it has 85 inputs, the build 84"),
    ({"layers": [1, 10]}, "it has 10 outputs, the build 9"),
    ({"layers": [6, 5, 3], "formats": {"weight": "s18.10", "bias": "s12.10"}},
     "layer 1, weight_high is 131071, the build has room for 0 to 32767"),
    ({"layers": [6, 5, 3], "formats": {"activation": "u8.0"}},
     "layer 1 has formats too far apart: zeros_below is -4, the build does 0 to 4"),
    ({"layers": [6, 5, 3], "formats": {"input": "s10.7"}},
     "activation takes codes from -512 to 511, the build -256 to 255"),
    ({"layers": [6, 5, 3], "learning_rate_exponent": 9},
     r"its learning rates are 2\^-8 to 2\^-11, the build has 2\^-2 to 2\^-5"),
], ids=str)
def test_what_does_not_fit(opened, network, words):
    """One line, and the network that was there still runs."""
    build, device = opened
    check_on(device, build_network(device, 0))
    with pytest.raises(UserError, match=words) as error:
        device.load_network(network_on(build, {"name": "big", **network}, **MODES))
    assert "\n" not in str(error.value) and "big does not fit build" in str(error.value)
    check_on(device, build_network(device, 0))


def build_network(device, k):
    return device.plan.build.networks[k]


def test_loading_is_ignored_while_samples_are_worked_on(opened):
    _, device = opened
    first, other = device.plan.build.networks[:2]
    device.load_network(first)
    start = initial_weights(first)
    x, target = samples(first, np.random.default_rng(1), 8)
    golden = GoldenModel(first, start)
    device.begin(start)
    write = device.write

    def write_and_disturb(name, value):
        write(name, value)
        if name == "control" and value & 1:  # started: busy, for it waits for samples
            for register, word in program_writes(other):
                write(register, word)

    device.write = write_and_disturb
    try:
        outputs = device.train(x, target)
    finally:
        del device.write
    np.testing.assert_array_equal(
        outputs, [golden.train(*pair).output for pair in zip(x, target, strict=True)])
    assert device.read("network") != 0
    with pytest.raises(DeviceError, match="planned for other hardware"):
        device.load_network(make_plan(make_build({"layers": [2, 2]})))


def test_nothing_starts_without_a_network(opened):
    _, device = opened
    device.reset()
    assert device.read("network") == 0
    device.write("samples", 1)
    device.write("control", 1 << REGISTERS["control"].fields["start"])
    for _ in range(3):
        device.read("samples")  # for some cycles a start shows as work
    assert not device.read("status") & 1
    device.write("program_address", 5 << 16 | 0x123)
    assert device.read("program_address") == 5 << 16 | 0x123
    check_on(device, device.plan)  # begin() loads the network again


#: Numbers that are wrong without an effect in these networks.
_IDLE: set[tuple[str, str]] = set()


@pytest.mark.parametrize("table", ["network", "layers", "passes", "taps", "lines", "columns"])
def test_every_number_of_every_table_counts(opened, table):
    """A wrong number shows: results differ, or the run does not end."""
    _, device = opened
    networks, blind = device.plan.build.networks[1:], set()
    layout = build_view(device.plan.build).tables[table].layout
    if table == "taps":
        layout = layout.elem_shape
    for name in layout.members:
        if not any(_shows(device, network, table, row, name, change) for change in (1, -1)
                   for network in networks for row in range(len(network_rows(network)[table]))):
            blind.add((table, name))
    device.reset()
    assert blind <= _IDLE


def _shows(device, network, table, row, name, change) -> bool:
    """Whether a network trains otherwise where the lowest bit of the number ``name`` of a row is
    turned (``change`` 1), or all of them are (-1)."""
    rows, kept = network_rows(network)[table], build_view(network.build).tables[table]
    part = rows[row][0] if table == "taps" else rows[row]
    if isinstance(part[name], dict):
        part[name] = {**part[name], "inside": part[name]["inside"] ^ 1}
    else:
        shape = Shape.cast((kept.layout.elem_shape if table == "taps" else kept.layout)[name].shape)
        part[name] ^= change if change == 1 or shape.signed else (1 << shape.width) - 1
    words = pack_words(kept, rows)[row]
    device.reset()
    device.load_network(network)
    device.write("program_address", kept.number << 16 | row + FIRST_WORD.get(table, 0))
    for chunk in words:
        device.write("program_data", chunk)
    device.write("network", network_hash(network))
    try:
        _compare(device, network)
    except (AssertionError, DeviceError):
        return True
    return False


def _compare(device, network):
    rng = np.random.default_rng(4)
    for start in (initial_weights(network), *starts(network, rng)):
        golden, (x, target) = GoldenModel(network, start), samples(network, rng, 6)
        device.restart()
        device.load(start)
        expected = [golden.train(*pair).output for pair in zip(x, target, strict=True)]
        np.testing.assert_array_equal(device.train(x, target, golden.rate), expected)
        same(device.dump(), golden.parameters)
        np.testing.assert_array_equal(device.infer(x), golden.infer(x))


def _draw(rng, bits):
    """Return the keys of a random network."""
    def choose(*options):
        return options[rng.integers(len(options))]

    if rng.random() < 0.5:
        shape = {"layers": [int(n) for n in rng.integers(1, 18, rng.integers(2, 6))]}
    else:
        image, layers = SHAPES[choose(*SHAPES)]
        shape = {"input_shape": image, "layers": [
            {"size": layer} if isinstance(layer, int) else layer for layer in layers]}
    kinds = ("relu", "leaky_relu", "hard_sigmoid", "identity")
    low, high = (8, 16) if bits >= 8 else (2, 7)
    return {**shape, "activation": choose(*kinds), "output": choose(*kinds),
            "bits": choose(bits, int(rng.integers(low, high + 1))),
            "leak_exponent": int(rng.integers(1, 5)), "seed": int(rng.integers(100))}


def _draw_near(rng):
    """Return the keys of a network that may well fit the build of :func:`roomy`."""
    def choose(*options):
        return options[rng.integers(len(options))]

    def q(kind, frac, width=None):
        return f"{kind}{width or 8 - rng.integers(3)}.{frac + rng.integers(-1, 2)}"

    kinds = "relu", "leaky_relu", "hard_sigmoid", "identity"
    signs = {"relu": "su", "leaky_relu": "ss", "hard_sigmoid": "uu", "identity": "ss"}
    activation, output = choose(*kinds), choose(*kinds)
    layers = [{"size": int(k)} for k in rng.integers(1, 12, rng.integers(1, 4))]
    shape = {"inputs": int(rng.integers(1, 30)), "layers": layers}
    if rng.random() < 0.6:
        kernel = [int(k) for k in rng.integers(1, 4, 2)]
        shape = {"input_shape": [int(k) for k in (rng.integers(1, 3), *rng.integers(3, 7, 2))],
                 "layers": [conv(int(rng.integers(1, 5)), kernel, pool_size=2,
                                 stride=int(rng.integers(1, 3)), padding=min(kernel) - 1,
                                 pool=choose("max", "average", "none")), *layers[:2]]}
    for layer in shape["layers"]:
        width = int(rng.integers(8, 13))
        table = {"weight": q("s", 9, width), "operand": q("s", 6), "bias": q("s", 9, width - 1),
                 "activation": q(choose(*signs[activation]), 4), "delta": q("s", 6)}
        layer["formats"] = {key: value for key, value in table.items() if rng.random() < 0.5}
    shape["layers"][-1]["formats"].pop("activation", None)
    ends = {"input": q(choose(*"su"), 6), "output": q(choose(*signs[output]), 4)}
    return {**shape, "activation": activation, "output": output,
            "leak_exponent": int(rng.integers(1, 4)), "seed": int(rng.integers(100)),
            "formats": {key: value for key, value in ends.items() if rng.random() < 0.5}}


@pytest.fixture(scope="module")
def roomy():
    """A build with many sizes and formats within reach."""
    build = make_build({"layers": [30, 11, 11, 11]},
                       {"input_shape": [2, 6, 6], "layers": [
                           conv(4, 2, pool="max", padding=1), {"size": 11}]},
                       {"input_shape": [1, 6, 6], "activation": "leaky_relu", "layers": [
                           conv(2, 3, pool="average"), {"size": 5}, {"size": 3}]},
                       {"input_shape": [2, 6, 6], "output": "identity", "layers": [
                           conv(4, 3, padding=2, stride=2, pool="average"), {"size": 5}],
                        "formats": {"input": "s8.6", "operand": "s8.5"}}, bits=8)
    build = build.model_copy(update={"loadable": build.loadable.model_copy(
        update={"spare_bits": 2})})
    with open_simulation(make_plan(build)) as device:
        yield build, device


@pytest.mark.parametrize("first", [0, *(pytest.param(k, marks=pytest.mark.slow)
                                        for k in range(100, 1600, 100))])
def test_what_fits_trains(roomy, first):
    """Whatever the build says it has room for it has room for."""
    build, device = roomy
    fits = []
    for seed in range(first, first + 100):
        keys = _draw_near(np.random.default_rng([seed, 5]))
        try:
            network = network_on(build, keys)
            network_words(network)
        except UserError:
            continue
        fits.append(seed)
        try:
            check_on(device, network, seed=seed)
        except (AssertionError, DeviceError) as error:
            raise AssertionError(f"seed {seed}: {keys}") from error
    assert len(fits) > 30


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_random_builds(seed):
    rng = np.random.default_rng([seed, 9])
    modes = ("floor", "half_up", "half_even", "stochastic")
    bits, lanes = int(rng.integers(2, 17)), int(rng.choice([1, 2, 3, 4, 8, 16]))
    keys = {
        "lanes": lanes, "samples_per_clock": int(rng.choice([1, 2, 4, 8])),
        "rounding": {key: str(rng.choice(modes)) for key in ("activation", "delta", "update")},
        "learning_rate_exponent": int(rng.integers(2, 6)), "bits": bits}
    build = make_build(*(_draw(rng, bits) for _ in range(4)), **keys)
    with open_simulation(make_plan(build)) as device:
        for network in device.plan.build.networks:
            check_on(device, network)
