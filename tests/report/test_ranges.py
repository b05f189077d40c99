"""The picture of a range profile is a PNG, whatever is missing in the profile."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.fixed import parse_format
from taxonn_hw.golden import GoldenModel
from taxonn_hw.golden.profile import SIGNALS, RangeProfile
from taxonn_hw.plan import Network
from taxonn_hw.report.ranges import format_span, range_picture


@pytest.mark.parametrize(("text", "low", "high"), [
    ("s8.7", -7, 0), ("u4.2", -2, np.log2(15 / 4)), ("p4.6", -6, 0), ("s1.0", 0, 0),
    ("u8.-2", 2, np.log2(255 * 4))])
def test_span_of_a_format(text, low, high):
    assert format_span(parse_format(text)) == (low, pytest.approx(high))


@pytest.mark.parametrize("samples", [0, 20])
def test_picture(tmp_path, samples):
    network = Network(config_from_dict({"layers": [6, 4, 3], "formats": {"activation": "u3.3"}}))
    model, rng = GoldenModel(network), np.random.default_rng(1)
    model.profile = RangeProfile(network)
    model.train_run(rng.integers(0, 256, (samples, 6)), np.full((samples, 3), 128))
    path = tmp_path / "ranges.png"
    range_picture(path, model.profile.facts(), signals=SIGNALS)
    assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 20000
