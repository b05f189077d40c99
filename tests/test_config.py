"""Broken configurations: each gives one line that names the rule and the value."""

import re
from math import prod

import pytest

from taxonn_hw.config import Activation, Config, Loss, config_from_dict, load_config
from taxonn_hw.config_hash import canonical_config, config_hash
from taxonn_hw.engines import make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.plan import Network
from taxonn_hw.presets import preset_names

NET = "layers = [4, 3, 2]\n"
UNITS = "'identity', 'relu', 'leaky_relu', 'hard_sigmoid', 'sigmoid', 'tanh' or 'softmax'"
LAYERS_RULE = "layers must be a list such as [784, 128, 10] or tables [[layers]]"
MIXTURE = "layers must be all sizes or all tables, not a mixture"

BROKEN = [
    ("", LAYERS_RULE),
    ("layers = 5", LAYERS_RULE),
    ("layers = []", LAYERS_RULE),
    ("layers = {a = 1}", LAYERS_RULE),
    ("layers = [4]", "layers needs an input and an output size, not [4]"),
    ("layers = [4, 0, 2]", "a layer size must be 1 to 16384, not 0"),
    ("layers = [4, 20000]", "a layer size must be 1 to 16384, not 20000"),
    ("layers = [4, -3]", "a layer size must be 1 to 16384, not -3"),
    ("layers = [4, 3.5]", MIXTURE),
    ("layers = [4, true]", MIXTURE),
    ("layers = [4, {size = 3}]", MIXTURE),
    ("layers = [[4], [3]]", MIXTURE),
    ("layers = [{size = 3}]", "inputs must give the input size when layers are tables"),
    ("inputs = 5\nlayers = [4, 2]", "inputs 5 is not the first of layers [4, 2]"),
    ("inputs = 0\nlayers = [{size = 3}]", "inputs: must be at least 1, not 0"),
    ("inputs = 4\nlayers = [{size = 0}]", "layers.0.size: must be at least 1, not 0"),
    ("inputs = 4\nlayers = [{}]", "layers.0.size is missing"),
    ("inputs = 4\nlayers = [{size = 3, kind = 'pool'}]",
     "layers.0.kind: must be 'dense' or 'conv', not 'pool'"),
    ("inputs = 4\nlayers = [{size = 3, colour = 1}]", "unknown key 'layers.0.colour'"),
    ("inputs = 4\nlayers = [{size = 3, learning_rate_shift = 9}]",
     "layers.0.learning_rate_shift: must be at most 8, not 9"),
    ("inputs = 4\nlayers = [{size = 3, activation = 'swish'}]",
     f"layers.0.activation: must be {UNITS}, not 'swish'"),
    ("inputs = 4\nlayers = [{size = 3, formats = {weight = 'x'}}]",
     "layers.0.formats.weight: a format is written s8.7, u4.2 or p4.6, not 'x'"),
    (NET + "bits = 1", "bits: must be at least 2, not 1"),
    (NET + "bits = 17", "bits: must be at most 16, not 17"),
    (NET + "bits = 'eight'", "bits: must be a whole number, not 'eight'"),
    (NET + "bits = 8.5", "bits: must be a whole number, not 8.5"),
    (NET + "bits = true", "bits: must be a whole number, not True"),
    (NET + "lanes = 0", "lanes: must be at least 1, not 0"),
    (NET + "lanes = 2000", "lanes: must be at most 1024, not 2000"),
    (NET + "weight_memory = 'dual'",
     "weight_memory: must be 'block' or 'single_port', not 'dual'"),
    (NET + "engine = 'warp'", "engine: must be 'taxonn' or 'edge', not 'warp'"),
    (NET + "activation = 'softmax'", "softmax is for the output, not for layer 1"),
    ("layers = [4, 1]\noutput = 'softmax'", "softmax needs at least two outputs, not 1"),
    (NET + "output = 'softmax'\nloss = 'mean_square'",
     "output softmax goes with loss cross_entropy, not mean_square"),
    (NET + "output = 'softmax'\nformats.output = 'u8.8'",
     "layer 2: a softmax output must reach 1.0 within its format, u8.8 does not"),
    (NET + "output = 'softmax'\nformats.output = 'u30.25'",
     "layer 2: softmax has at most 24 fraction bits, not u30.25"),
    (NET + "batch = 0", "batch: must be at least 1, not 0"),
    (NET + "learning_rate_multiplier = 256",
     "learning_rate_multiplier: must be at most 255, not 256"),
    (NET + "weight_decay = 0", "weight_decay: must be at least 1, not 0"),
    (NET + "weight_decay_period = 0", "weight_decay_period: must be at least 1, not 0"),
    (NET + "activation = 'gelu'", f"activation: must be {UNITS}, not 'gelu'"),
    (NET + "output = 'relu'\nloss = 'cross_entropy'",
     "output relu goes with loss mean_square, not cross_entropy"),
    (NET + "loss = 'mean_square'",
     "output hard_sigmoid goes with loss cross_entropy, not mean_square"),
    (NET + "loss = 'hinge'", "loss: must be 'cross_entropy' or 'mean_square', not 'hinge'"),
    (NET + "leak_exponent = 0", "leak_exponent: must be at least 1, not 0"),
    (NET + "table_bits = 13", "table_bits: must be at most 12, not 13"),
    (NET + "seed = -1", "seed: must be at least 0, not -1"),
    (NET + "seed = 3000000000", "seed: must be less than 2147483648, not 3000000000"),
    (NET + "zero_skip = 3", "zero_skip: must be true or false, not 3"),
    (NET + "training = 'yes'", "training: must be true or false, not 'yes'"),
    (NET + "mapping = 'both'", "mapping: must be 'auto', 'outputs' or 'inputs', not 'both'"),
    (NET + "samples_per_clock = 3", "samples_per_clock: must be 1, 2, 4, 8 or 16, not 3"),
    (NET + "learning_rate_exponent = 16", "learning_rate_exponent: must be at most 15, not 16"),
    (NET + "learning_rate_range = [7, 9]",
     "learning_rate_range [7, 9] must lie within 0..20 and include learning_rate_exponent 6"),
    (NET + "learning_rate_range = [0, 12]",
     "learning_rate_range must span at most 8 exponents, not 13"),
    (NET + "learning_rate_range = [6]",
     "learning_rate_range: must be two exponents such as [5, 8], not [6]"),
    (NET + "epochs = 0", "epochs: must be at least 1, not 0"),
    (NET + "name = '9 lives'",
     "name: must be a letter, then letters, digits, '_', '.', '-', not '9 lives'"),
    (NET + "name = 3", "name: must be text, not 3"),
    (NET + "lnaes = 3", "unknown key 'lnaes'"),
    (NET + "formats = 3", "formats: must be a table, not 3"),
    (NET + "formats.weigth = 's8.7'", "unknown key 'formats.weigth'"),
    (NET + "formats.weight = 8",
     "formats.weight: a format is written s8.7, u4.2 or p4.6, not 8"),
    (NET + "formats.weight = 's40.7'",
     "formats.weight: format width must be 1 to 32 bits, not 40"),
    (NET + "formats.weight = 'u8.7'", "formats.weight: must be signed, not u8.7"),
    (NET + "formats.weight = 'p4.6'",
     "formats.weight: only delta may be a power of two, not p4.6"),
    (NET + "formats.delta = 'u8.7'",
     "formats.delta: must be signed or a power of two, not u8.7"),
    (NET + "formats.delta = 'p9.6'",
     "formats.delta: power-of-two format width must be 2 to 5 bits, not 9"),
    (NET + "formats.operand = 's16.15'",
     "layer 1: the operand s16.15 must not be wider than the stored weight s12.10"),
    (NET + "formats.operand = 's8.12'",
     "layer 1: the operand s8.12 must not have more fraction bits than the stored weight s12.10"),
    (NET + "formats.bias = 's16.10'",
     ("layer 1: the bias s16.10 must not be wider than the stored weight s12.10, whose memory it "
     "shares")),
    (NET + "formats.bias = 's8.0'\nformats.input = 'u8.0'",
     "layer 1: the bias s8.0 needs at least 10 fraction bits (weight less input)"),
    (NET + "formats.output = 'u8.8'",
     "layer 2: hard_sigmoid must reach 1.0 within its format, u8.8 does not"),
    (NET + "output = 'sigmoid'\nformats.output = 'u8.8'",
     "layer 2: a sigmoid output must reach 1.0 within its format, u8.8 does not"),
    (NET + "activation = 'tanh'\nformats.activation = 'u8.7'",
     "layer 1: tanh needs a signed activation format, not u8.7"),
    (NET + "formats.derivative = 's8.7'",
     "layer 1: the derivative must be unsigned with at most 12 bits, not s8.7"),
    (NET + "formats.activation = 'u8.40'",
     "layer 1: the activation u8.40 must have -8 to 32 fraction bits"),
    (NET + "formats.weight = 's32.30'\nformats.operand = 's32.30'\nformats.input = 'u32.32'",
     "layer 1: the forward accumulator needs 67 bits, at most 48 are allowed"),
    (NET + "rounding.update = 'up'",
     "rounding.update: must be 'floor', 'half_up', 'half_even' or 'stochastic', not 'up'"),
    (NET + "rounding.weight = 'floor'", "unknown key 'rounding.weight'"),
    ("layers = [16384, 16384]\nlanes = 1",
     ("the weight memory needs 268451840 rows of 1 lanes, at most 65536 are allowed; "
     "use more lanes")),
    ("layers = [4, 3", "net.toml is not valid TOML: Unclosed array (at end of document)"),
]

CONV_BROKEN = [
    ("layers = [{kind = 'conv', channels = 2, kernel = 3}, {size = 2}]",
     "conv layers need input_shape = [channels, height, width]"),
    ("inputs = 16\nlayers = [{kind = 'conv', channels = 2, kernel = 3}, {size = 2}]",
     "conv layers need input_shape = [channels, height, width]"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', channels = 2}, {size = 2}]",
     "layers.0.kernel is missing"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', kernel = 3}, {size = 2}]",
     "layers.0.channels is missing"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', kernel = 3, channels = 2, size = 3}]",
     "layers.0: size belongs to no conv layer"),
    ("inputs = 4\nlayers = [{size = 3, stride = 2}]", "layers.0: stride belongs to no dense layer"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', channels = 2, kernel = 0}]",
     "layers.0.kernel: must be a size such as 5 or [5, 3], each 1 to 64, not 0"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', channels = 2, kernel = [3]}]",
     "layers.0.kernel: must be a size such as 5 or [5, 3], each 1 to 64, not [3]"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', channels = 2, kernel = 3, stride = 0}]",
     "layers.0.stride: must be at least 1, not 0"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', channels = 2, kernel = 3, padding = 3}]",
     "layers.0: padding 3 must be smaller than the kernel 3 x 3"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', channels = 2, kernel = 3, pool = 'min'}]",
     "layers.0.pool: must be 'max', 'average' or 'none', not 'min'"),
    (("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', channels = 2, kernel = 3, "
      "mapping = 'inputs'}]"),
     "layers.0: a conv layer's lanes are its output channels; mapping must not be 'inputs'"),
    ("input_shape = [1, 4, 4]\nlayers = [{kind = 'conv', channels = 2, kernel = 3}]",
     "conv layers come first and dense layers after them, at least one, not conv"),
    (("input_shape = [1, 4, 4]\nlayers = [{size = 3}, {kind = 'conv', channels = 2, kernel = 1}, "
      "{size = 2}]"),
     "conv layers come first and dense layers after them, at least one, not dense, conv, dense"),
    ("input_shape = [1, 4]\nlayers = [{size = 3}]",
     "input_shape: must be [channels, height, width] such as [3, 32, 32], not [1, 4]"),
    ("input_shape = [1, 4, 4]\nlayers = [8, 3]",
     "inputs 16 is not the first of layers [8, 3]"),
    ("input_shape = [1, 4, 4]\ninputs = 8\nlayers = [{size = 3}]",
     "input_shape [1, 4, 4] is 16 inputs, not 8"),
    (("engine = 'edge'\ninput_shape = [1, 4, 4]\n"
      "layers = [{kind = 'conv', channels = 2, kernel = 3}, {size = 2}]"),
     "engine edge has dense layers only, layer 1 is conv"),
]

SETTINGS = [
    ("lanes", "--set takes key=value, not 'lanes'"),
    ("=3", "--set takes key=value, not '=3'"),
    ("a b=3", "--set takes key=value, not 'a b=3'"),
    ("lanes=2\nbits=3", "--set takes one key=value, not 'lanes=2\\nbits=3'"),
    ("lanes=", "lanes: must be a whole number, not ''"),
    ("lanes=three", "lanes: must be a whole number, not 'three'"),
    ("layers.0.size=3", "--set layers.0.size: layers.0 is not a table"),
    ("layers.9.size=3", "--set layers.9.size: there is no layers.9"),
    ("layers.0=3", "--set layers.0: layers is a list"),
    ("name.x=3", "--set name.x: name is not a table"),
    ("layers=[3]", "layers needs an input and an output size, not [3]"),
    ("formats.weight=s8",
     "formats.weight: a format is written s8.7, u4.2 or p4.6, not 's8'"),
]


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "net.toml"
        path.write_text(text)
        return str(path)
    return write


@pytest.mark.parametrize(("text", "message"), BROKEN, ids=range(len(BROKEN)))
def test_broken_config(file, text, message):
    with pytest.raises(UserError) as error:
        Network(load_config(file(text)))
    assert str(error.value) == message


@pytest.mark.parametrize(("text", "message"), CONV_BROKEN, ids=range(len(CONV_BROKEN)))
def test_broken_conv(file, text, message):
    with pytest.raises(UserError) as error:
        load_config(file(text))
    assert str(error.value) == message


def test_a_conv_net(file):
    path = file("input_shape = [3, 8, 8]\n[[layers]]\nkind = 'conv'\nchannels = 4\nkernel = 3\n"
                "pool = 'max'\n[[layers]]\nsize = 5\n")
    config = load_config(path)
    assert config.inputs == 192 and config.input_shape == (3, 8, 8)
    layer = config.layers[0]
    assert (layer.kernel, layer.stride, layer.padding, layer.pool_size) == ((3, 3), 1, 0, 2)
    assert [layer.label for layer in config.layers] == ["conv3x3x4", 5]
    assert config_from_dict(canonical_config(config)) == config
    assert load_config(path, settings=("layers=[7,3]",)).inputs == 7


@pytest.mark.parametrize(("setting", "message"), SETTINGS, ids=range(len(SETTINGS)))
def test_broken_setting(file, setting, message):
    with pytest.raises(UserError) as error:
        load_config(file(NET), settings=(setting,))
    assert str(error.value) == message


def test_files_that_cannot_be_read(tmp_path):
    binary, folder = tmp_path / "a.toml", tmp_path / "b.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    folder.mkdir()
    for path, reason in ((binary, "it is not UTF-8 text"), (folder, "Is a directory"),
                         (tmp_path / "c.toml", "No such file or directory")):
        with pytest.raises(UserError) as error:
            load_config(str(path))
        assert str(error.value) == f"cannot read config {str(path)!r}: {reason}"
    with pytest.raises(UserError, match="no preset or file named 'nope'; presets: "):
        load_config("nope")
    with pytest.raises(UserError, match="CONFIG must be a preset or a file, not ''"):
        load_config("")


def test_bits_with_broken_layers_is_still_one_line(file):
    with pytest.raises(UserError) as error:
        load_config(file("layers = 5"), bits=4)
    assert str(error.value) == LAYERS_RULE


def test_bits_replaces_every_format(file):
    path = file("inputs = 4\nlayers = [{size = 3, formats = {weight = 's9.7'}}]\n"
                "formats.delta = 's9.8'")
    formats = Network(load_config(path, bits=4)).output.formats
    assert (str(formats.operand), str(formats.weight), str(formats.delta)) == (
        "s4.4", "s12.10", "p4.6")


@pytest.mark.parametrize(("setting", "get", "value"), [
    ("lanes=3", lambda c: c.lanes, 3),
    ("layers=[17, 9, 5, 3]", lambda c: [c.inputs, *(x.size for x in c.layers)], [17, 9, 5, 3]),
    ("rounding.update=floor", lambda c: c.rounding.update.value, "floor"),
    ("formats.weight='s9.7'", lambda c: str(c.formats.weight), "s9.7"),
    ("layers.1.activation=identity", lambda c: c.layers[1].activation.value, "identity"),
    ("zero_skip=false", lambda c: c.zero_skip, False),
])
def test_set(file, setting, get, value):
    path = file("inputs = 4\nlayers = [{size = 3}, {size = 2}]\n")
    assert get(load_config(path, settings=(setting,))) == value


def test_long_and_short_form_are_the_same(file):
    short = load_config(file(NET))
    long = load_config(file("inputs = 4\nlayers = [{size = 3}, {size = 2}]"))
    assert short == long


@pytest.mark.parametrize("bits", range(2, 17))
@pytest.mark.parametrize("name", preset_names())
def test_every_preset_at_every_width(name, bits):
    config = load_config(name, bits=bits)
    if config.edge.arithmetic == "compatibility" and bits < 7:
        with pytest.raises(UserError, match="at least 3 fraction bits"):
            make_plan(config)
        return
    plan = make_plan(config)
    sizes = re.search(r"(\d+)-", name)  # lenet-mnist has none in its name
    assert plan.n_inputs == (int(sizes[1]) if sizes else prod(plan.config.input_shape))


def test_hash_knows_what_shapes_the_hardware():
    def of(**keys):
        return config_hash(config_from_dict({"layers": [4, 3, 2], **keys}))

    assert of() == of(name="other") == of(data="random") == of(epochs=9) == of(lanes=16)
    different = [of(), of(lanes=8), of(seed=2), of(layers=[4, 3, 3]), of(zero_skip=False),
                 of(formats={"weight": "s12.9"}), of(rounding={"update": "floor"})]
    assert len(set(different)) == len(different)
    assert all(0 <= value < 1 << 32 for value in different)


def test_canonical_config_rebuilds_the_config():
    config = load_config("digits-64-48-32-10-tables", settings=("formats.delta=p4.6",))
    plain = canonical_config(config)
    assert isinstance(config, Config) and config_from_dict(plain) == config


EDGE_BROKEN = [
    ({"engine": "edge", "edge": {"fan_out": [2]}},
     "edge.fan_out takes 2 values, one a junction, not 1"),
    ({"edge": {"fan_out": [2, 2]}}, "table edge belongs to engine edge, not to taxonn"),
    ({"engine": "edge", "output": "softmax"}, "engine edge has no softmax"),
    ({"engine": "edge", "batch": 2}, "batch belongs to engine taxonn, not to edge"),
    ({"engine": "edge", "weight_decay": 2}, "weight_decay belongs to engine taxonn, not to edge"),
    ({"engine": "edge", "edge": {"fan_out": [2, 2], "density": [0.5, 0.5]}},
     "edge: give fan_out or density, not both"),
    ({"engine": "edge", "edge": {"cycles": 4, "z": [2, 2]}}, "edge: give cycles or z, not both"),
    ({"engine": "edge", "edge": {"density": [0.5, 0]}},
     "edge.density.1: must be greater than 0, not 0"),
    ({"learning_rate_schedule": [[2, 3]]},
     ("learning_rate_schedule takes [first epoch, exponent] pairs from epoch 1 upwards, "
     "not epochs [2]")),
    ({"learning_rate_schedule": [[1, 3]], "learning_rate_range": [4, 7]},
     "learning_rate_schedule has exponent 3, outside learning_rate_range [4, 7]"),
]


@pytest.mark.parametrize(("keys", "message"), EDGE_BROKEN, ids=range(len(EDGE_BROKEN)))
def test_broken_edge_or_schedule(keys, message):
    with pytest.raises(UserError) as error:
        config_from_dict({"layers": [8, 4, 2], **keys})
    assert str(error.value) == message


def test_learning_rate_schedule():
    config = config_from_dict({"layers": [8, 2], "learning_rate_exponent": 3,
                               "learning_rate_schedule": [[1, 3], [3, 4], [7, 6]]})
    assert config.rate_range == (3, 6)
    assert [config.rate_in(epoch) for epoch in (1, 2, 3, 6, 7, 20)] == [3, 3, 4, 4, 6, 6]


def test_compatibility_arithmetic_means_sigmoids():
    edge = {"engine": "edge", "layers": [8, 4, 2]}
    published = config_from_dict({**edge, "edge": {"arithmetic": "compatibility"}})
    assert {published.activation, published.output} == {Activation.SIGMOID}
    assert config_from_dict(edge).activation is Activation.RELU
    quadratic = config_from_dict({**edge, "output": "sigmoid", "loss": "mean_square"})
    assert quadratic.loss is Loss.MEAN_SQUARE


def test_an_empty_list_takes_back_what_a_preset_says():
    given = {"engine": "edge", "layers": [8, 4, 2], "edge": {"z": [], "cycles": 4}}
    assert config_from_dict(given).edge.z is None
