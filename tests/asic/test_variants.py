"""The variants of a configuration, and what there is none of."""

import pytest

from taxonn_hw.asic.variants import make_variants, narrow_inference
from taxonn_hw.config import config_from_dict, load_config
from taxonn_hw.errors import UserError
from taxonn_hw.fixed import Pow2Format, QFormat

NAMES = ["inference", "training", "separate", "separate_same_width"]


def formats(variant):
    return [layer.formats for layer in variant.plan.layers]


@pytest.mark.parametrize("training", [True, False])
def test_formats_and_mapping(training):
    config = config_from_dict({
        "layers": [{"size": 5}, {"size": 3, "formats": {"weight": "s11.9"}}], "inputs": 7,
        "lanes": 4, "bits": 4, "resident": 9, "formats": {"activation": "u4.1"},
        "training": training})
    found = make_variants(config)
    assert list(found) == NAMES
    a, b, c, d = found.values()
    assert formats(a) == formats(b) == formats(d)
    assert isinstance(formats(b)[0].delta, Pow2Format)
    assert formats(c)[0].operand == formats(c)[0].weight == QFormat(16, 13)
    assert formats(c)[1].delta == QFormat(16, 15)
    assert a.plan.mapping == b.plan.mapping == c.plan.mapping == d.plan.mapping
    assert [v.plan.config.training for v in found.values()] == [False, True, True, True]
    assert [v.separate for v in found.values()] == [False, False, True, True]
    assert not any(v.plan.config.resident for v in found.values())
    assert c.component().separate and not b.component().separate


def test_narrow_inference_stores_operands():
    config = load_config("digits-64-32-10", bits=4)
    plan = narrow_inference(config).plan
    for layer, wide in zip(plan.layers, make_variants(config)["inference"].plan.layers,
                           strict=True):
        f = layer.formats
        assert f.weight == f.operand == wide.formats.operand and f.bias.width == 4
        assert (f.x, f.a) == (wide.formats.x, wide.formats.a)
    assert plan.word == 4 and not plan.config.training


@pytest.mark.parametrize(("preset", "message"), [
    ("edge-64-16-4", "asic compares builds of engine taxonn; engine edge has no"),
    ("lenet-mnist", "asic has no reference with separate multipliers for conv layers"),
    ("loadable-8", "asic has no reference with separate multipliers for loadable builds"),
])
def test_what_is_refused(preset, message):
    with pytest.raises(UserError, match=message):
        make_variants(load_config(preset))
