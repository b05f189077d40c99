"""What has no hardware is refused in one line; everything else is not."""

import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.engines import engine_of
from taxonn_hw.errors import UserError
from taxonn_hw.plan import Network


@pytest.mark.parametrize(("keys", "part"), [
    ({"learning_rate_multiplier": 3, "mapping": "inputs", "formats": {"delta": "p4.6"}},
     r"learning_rate_multiplier with powers of two broadcast \(mapping inputs\)"),
    ({"batch": 2, "mapping": "inputs"}, "mapping inputs with batch"),
    ({"weight_decay": 8, "inputs": 4, "layers": [{"size": 2}, {"size": 2, "mapping": "inputs"}]},
     "mapping inputs with weight_decay"),
    ({"layers": [{"kind": "conv", "channels": 1, "kernel": 2}, {"size": 2, "mapping": "inputs"}],
      "input_shape": [1, 2, 2], "batch": 2}, "mapping inputs beside conv layers"),
])
@pytest.mark.parametrize("name", ["accelerator", "predict", "listing"])
def test_refused(keys, part, name):
    network = Network(config_from_dict({"layers": [4, 3, 2], **keys}))
    with pytest.raises(UserError, match=f"engine taxonn has no hardware for {part}; such a") as e:
        engine_of(network).part(name)(network)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("keys", [
    {}, {"batch": 1024}, {"weight_decay": 16}, {"batch": 3, "weight_decay": 1},
    {"batch": 2, "mapping": "inputs", "training": False}])
def test_all_else_is_built(keys):
    network = Network(config_from_dict({"layers": [4, 3, 2], **keys}))
    assert engine_of(network).part("listing")(network)
