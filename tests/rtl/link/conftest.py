"""Every test of the link: a word that is read while it is written comes out wrong."""

import pytest

from taxonn_hw.rtl import memory


@pytest.fixture(autouse=True)
def poison(monkeypatch):
    monkeypatch.setattr(memory, "POISON", True)
