"""``formats = "auto"``: the most fraction bits with which nothing in the profile overflows."""

import json
from math import floor

import pytest

from taxonn_hw.config import config_from_dict, load_config
from taxonn_hw.data import load_for
from taxonn_hw.errors import UserError
from taxonn_hw.fixed import Pow2Format
from taxonn_hw.golden import train_golden
from taxonn_hw.plan import Network


def signal(low, high, **log2):
    return {"format": "s8.7", "min": low, "max": high, "zeros": 0, "saturated": 0,
            "log2": {key.removeprefix("e").replace("m", "-"): share for key, share in log2.items()}}


def profile(**changes):
    first = {"weight": signal(-0.7, 0.4), "bias": signal(-0.1, 0.2), "activation": signal(0, 6.1),
             "delta": signal(-0.12, 0.1), "step": signal(-0.1, 0.1)}
    last = {"weight": signal(-1.2, 3.7), "bias": signal(-0.3, 1.9), "activation": signal(0, 1),
            "delta": signal(-1, 0.9), "step": signal(-0.1, 0.1)}
    return {"name": "net", "samples": 1, "layers": [
        {"index": 1, "label": "3", "operand": "s8.7", "signals": {**first, **changes}},
        {"index": 2, "label": "2", "operand": "s8.7", "signals": last}]}


@pytest.fixture
def auto(tmp_path):
    def make(data=None, **keys):
        (tmp_path / "net-profile.json").write_text(json.dumps(data or profile()))
        return config_from_dict({"name": "net", "layers": [4, 3, 2], "formats": "auto", **keys},
                                tmp_path)
    return make


def formats(config, *names):
    return [[str(getattr(layer.formats, name)) for name in names]
            for layer in Network(config).layers]


def test_by_hand(auto):
    names = ("weight", "operand", "bias", "a", "delta")
    assert formats(auto(), *names) == [
        ["s12.11", "s8.7", "s12.11", "u8.5", "s8.10"],  # |w| < 1, a < 8, |delta| < 1/8
        ["s12.9", "s8.5", "s12.9", "u8.7", "s8.7"]]     # |w| < 4; -1 is the lowest code of s8.7
    assert formats(auto(bits=4), *names) == [
        ["s12.11", "s4.3", "s12.11", "u4.1", "p4.9"],   # 2**6 2**-9 = 1/8
        ["s12.9", "s4.1", "s12.9", "u8.7", "p4.6"]]


@pytest.mark.parametrize("bits", range(2, 17))
def test_nothing_overflows_and_one_bit_more_would(auto, bits):
    for layer, seen in zip(Network(auto(bits=bits)).layers, profile()["layers"], strict=True):
        f, signals = layer.formats, seen["signals"]
        pairs = [("weight", f.weight), ("weight", f.operand), ("bias", f.bias), ("delta", f.delta)]
        if layer.index == 1:
            pairs.append(("activation", f.a))
        for name, q in pairs:
            low, high = signals[name]["min"], signals[name]["max"]

            def fits(frac, low=low, high=high, q=q):
                codes = [floor(value * 2.0**frac + 0.5) for value in (low, high)]
                return q.lo <= codes[0] and codes[1] <= q.hi

            assert fits(q.frac), f"{name} of layer {layer.index} in {q}"
            if isinstance(q, Pow2Format):
                assert max(-low, high) * 2.0 ** (q.frac + 1) > q.hi
            elif name != "bias":  # a bias has the fraction bits of the weight
                assert not fits(q.frac + 1), f"{name} of layer {layer.index} in {q}"


def test_a_share_may_overflow(auto):
    """One weight in a thousand above 1/4: with that share allowed, the format ends there."""
    wide = profile(weight=signal(-0.7, 0.4, em1=0.001, em3=0.5, em4=0.499))
    assert formats(auto(wide), "operand")[0] == ["s8.7"]
    assert formats(auto(wide, profile_overflow=0.0005), "operand")[0] == ["s8.7"]
    assert formats(auto(wide, profile_overflow=0.001), "operand")[0] == ["s8.8"]  # +-0.25 in +-0.5


def test_formats_of_a_layer_win(auto):
    config = auto(layers=[{"size": 3, "formats": {"weight": "s14.9"}}, {"size": 2}], inputs=4)
    assert formats(config, "weight", "operand")[0] == ["s14.9", "s8.7"]


def test_coarse_activations_keep_the_rule_of_biases(auto):
    """Activations up to 50 in 3 bits have -3 fraction bits; a bias then needs 3 more than a weight,
    and 10 are the most that hold 1.9."""
    data = profile(activation=signal(0, 50.0))
    (_, a), (x, _) = formats(auto(data, bits=3), "x", "a")
    assert a == x == "u3.-3"
    weight, bias = formats(auto(data, bits=3), "weight", "bias")[1]
    assert weight == "s12.7" and bias == "s12.10"


def test_the_file(tmp_path, monkeypatch, auto):
    text = 'layers = [4, 3, 2]\nformats = "auto"\nname = "net"\n'
    (tmp_path / "net.toml").write_text(text)
    path = str(tmp_path / "net.toml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        load_config(path)
    assert str(error.value) == (
        'formats = "auto" needs the profile \'net-profile.json\'; make it with taxonn golden '
        "CONFIG --set formats={} --set bits=16 --profile")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "net-profile.json").write_text(json.dumps(profile()))
    monkeypatch.chdir(tmp_path / "elsewhere")  # found beside the configuration
    assert str(load_config(path).layers[0].formats.operand) == "s8.7"
    assert str(load_config(path, bits=5).layers[0].formats.operand) == "s5.4"
    assert load_config(path, settings=("formats={}",)).layers[0].formats.operand is None


@pytest.mark.parametrize(("content", "message"), [
    ("no json", "is no profile of ranges"), ("[]", "is no profile of ranges"),
    ('{"layers": [{"signals": {"weight": {}}}]}', "is no profile of ranges"),
    ('{"layers": []}', "the profile is of a network , not 3-2"),
])
def test_wrong_profiles(tmp_path, content, message):
    (tmp_path / "p.json").write_text(content)
    with pytest.raises(UserError, match=message):
        config_from_dict({"layers": [4, 3, 2], "formats": "auto", "profile": "p.json"}, tmp_path)


@pytest.mark.parametrize(("keys", "message"), [
    ({"profile": "x.json"}, 'profile belongs to formats = "auto"'),
    ({"profile_overflow": 0.1}, 'profile_overflow belongs to formats = "auto"'),
    ({"formats": "auto", "profile": 3}, "profile must be the name of a file, not 3"),
    ({"formats": "auto", "profile_overflow": 2},
     "profile_overflow must be a share from 0 to below 1, not 2"),
    ({"formats": "auto", "engine": "edge"}, 'engine edge has no formats = "auto"'),
])
def test_rules(keys, message):
    with pytest.raises(UserError) as error:
        config_from_dict({"layers": [4, 3, 2], **keys})
    assert str(error.value) == message


def test_digits_train_in_formats_from_their_own_profile(tmp_path):
    keys = {"name": "net", "layers": [64, 24, 10], "learning_rate_exponent": 4}
    wide = Network(config_from_dict({**keys, "bits": 16}))
    data = load_for(wide)
    reference = train_golden(wide, data, epochs=3, with_profile=True)
    (tmp_path / "net-profile.json").write_text(json.dumps(reference.profile))
    network = Network(config_from_dict({**keys, "formats": "auto", "bits": 8}, tmp_path))
    result = train_golden(network, data, epochs=3, with_profile=True)
    assert result.test_accuracy > reference.test_accuracy - 2
    for layer in result.profile["layers"]:
        for name in ("weight", "bias", "activation"):
            assert layer["signals"][name]["saturated"] < 1e-3
