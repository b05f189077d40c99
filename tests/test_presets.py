"""Presets are found in a checkout."""

import pytest

from taxonn_hw.presets import preset_dir, preset_names, preset_path


def test_every_preset_has_a_file():
    assert preset_dir().parts[-2:] == ("generators", "presets")
    for name in preset_names():
        assert preset_path(name).is_file()


def test_an_unknown_preset():
    with pytest.raises(ValueError, match="no preset is named 'no-such-net'"):
        preset_path("no-such-net")
