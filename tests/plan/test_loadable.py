"""Builds for several networks: what they are as large as, and what they refuse, in one line."""

import pytest

from taxonn_hw.config import config_from_dict, load_config
from taxonn_hw.config_hash import config_hash, hardware_hash
from taxonn_hw.engines import engine_of, make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.plan.conv_program import ConvProgram
from tests.golden.test_conv import conv
from tests.loadable import make_build, network_on

DENSE, DEEP = {"layers": [6, 5, 3]}, {"layers": [2, 9, 2, 4]}
IMAGE = {"input_shape": [1, 6, 5], "layers": [conv(2, 2, pool="max"), {"size": 3}]}


def test_a_build_is_as_large_as_the_most_that_a_network_asks_for():
    build = make_plan(make_build(DENSE, DEEP, IMAGE)).build
    networks = build.networks
    assert [network.config.name for network in networks] == ["build", "n1", "n2"]
    for name in ("n_rows", "n_inputs", "n_layers", "n_neurons", "word"):
        assert getattr(build, name) == max(getattr(network, name) for network in networks)
    programs = [ConvProgram(network) for network in networks]
    for name in ("image_depth", "vector_rows", "tap_depth", "slope_depth", "n_lines", "groups"):
        assert getattr(build.program, name) == max(getattr(p, name) for p in programs)
    assert len(build.layers) == sum(network.n_layers for network in networks)


def test_a_network_takes_lanes_and_streams_from_the_build():
    build = make_build(DENSE, samples_per_clock=2)
    network = network_on(build, {**DEEP, "lanes": 16, "mapping": "inputs", "seed": 9})
    assert (network.lanes, network.samples_per_clock, network.config.seed) == (4, 2, 9)
    assert all(layer.by_outputs for layer in network.layers) and network.runs_as_kernels
    assert hardware_hash(network) == hardware_hash(make_plan(build)) != config_hash(network.config)
    assert engine_of(network).accelerator.endswith("ConvAccelerator")


def test_a_build_of_its_own_network_alone():
    build = config_from_dict({**DENSE, "loadable": {}})
    plan = make_plan(build)
    assert len(plan.build.networks) == 1 and build.loadable.spare_bits == 0
    assert plan.config.loadable is None


def test_codes_of_all_networks_share_a_container():
    plan = make_plan(make_build({**DENSE, "formats": {"input": "u8.8"}},
                                {**DEEP, "formats": {"input": "s8.7", "output": "s9.5"}}))
    assert plan.build.element_width == 9 and plan.build.result_shape == (9, True)
    plan = make_plan(make_build(DENSE, DEEP))
    assert plan.build.element_width == 8 and plan.build.result_shape == (8, False)


def test_names_files_and_tables(tmp_path):
    """A table has the keys of the build where it says nothing, a file or preset its own."""
    (tmp_path / "small.toml").write_text("layers = [3, 2]\nbits = 6\n")
    (tmp_path / "build.toml").write_text("""
layers = [6, 5, 3]
bits = 7
[loadable]
networks = ["small.toml", "xor-2-4-1", {layers = [4, 4, 4], activation = "leaky_relu"}]
""")
    build = load_config(str(tmp_path / "build.toml"))
    small, xor, table = build.loadable.networks
    assert (small.name, small.bits, xor.name) == ("small", 6, "xor-2-4-1")
    assert (table.name, table.bits, table.activation.value) == ("network-4", 7, "leaky_relu")


def test_learning_rates():
    """A network may learn at any rate of the build, unless it says otherwise."""
    build = make_build(DENSE, {**DEEP, "learning_rate_exponent": 6})  # 3 and 6: 2 to 8
    assert make_plan(build).config.rate_range == (2, 8)
    network = network_on(build, {**DEEP, "learning_rate_exponent": 8})
    assert network.config.rate_range == (2, 8)
    network = network_on(build, {**DEEP, "learning_rate_range": [2, 4]})
    assert network.config.rate_range == (2, 4)


def test_hashes_tell_builds_apart():
    plain = config_from_dict(DENSE)
    builds = [make_build(DENSE), make_build(DENSE, DEEP), make_build(DENSE, IMAGE)]
    assert len({config_hash(config) for config in (plain, *builds)}) == 4
    renamed = make_build(DENSE, {**DEEP, "name": "other", "epochs": 9})
    assert config_hash(renamed) == config_hash(builds[1])


@pytest.mark.parametrize(("network", "words"), [
    ({"activation": "tanh"}, "no tables and no softmax"),
    ({"output": "softmax"}, "no tables and no softmax"),
    ({"layers": [{"size": 3, "mapping": "inputs"}], "inputs": 2}, "mapping inputs"),
    ({"rounding": {"delta": "floor"}},
     "rounding.delta is floor, the build has stochastic"),
    ({"learning_rate_multiplier": 3}, "learning_rate_multiplier is 3, the build has 1"),
    ({"training": False}, "training is false, the build has true"),
    ({"batch": 4}, "batch is 4, the build has 1"),
    ({"weight_decay": 8}, "weight_decay is 8, the build has None"),
    ({"bits": 4}, "layer 1 has deltas p4.6, the build has s8.7"),
    ({"engine": "edge", "layers": [8, 8, 8]}, "engine edge loads no networks"),
], ids=str)
def test_what_no_build_or_not_this_one_has(network, words):
    with pytest.raises(UserError, match=words) as error:
        network_on(make_build(DENSE, DEEP), {**DENSE, **network})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("keys", "words"), [
    ({"networks": [{"learning_rate_exponent": 12}]}, "at most 8 exponents, not 13"),
    ({"networks": [3]}, "networks takes presets, files or tables, not 3"),
    ({"networks": ["no-such"]}, "no preset or file named 'no-such'"),
    ({"networks": [{"loadable": {}}]}, "network-2 is a build itself"),
    ({"networks": [{"bits": 4}]}, "deltas p4.6"),
    ({"networks": [{"layers": [3]}]}, "needs an input and an output size"),
    ({"spare_bits": 9}, "spare_bits: must be at most 8, not 9"),
    ({"memory": 9}, "unknown key 'loadable.memory'"),
], ids=str)
def test_no_such_builds(keys, words):
    with pytest.raises(UserError, match=words):
        make_plan(config_from_dict({**DENSE, "learning_rate_exponent": 3, "loadable": {
            **keys, "networks": [{**DENSE, **n} if isinstance(n, dict) else n
                                 for n in keys.get("networks", [])]}}))


def test_only_builds_load():
    with pytest.raises(UserError, match="is no loadable build: it has no table"):
        network_on(config_from_dict(DENSE), DEEP)
    for keys, words in (({"engine": "edge", "layers": [8, 8, 8]}, "belongs to engine taxonn"),
                        ({"resident": 4}, "resident samples belong to builds of one network")):
        with pytest.raises(UserError, match=words):
            config_from_dict({**DENSE, **keys, "loadable": {}})
