"""The command line as tests call it."""

import pytest

from taxonn_hw.cli import main


@pytest.fixture
def call(capfd):
    """Return ``call(*args)`` -> (exit status, stdout, stderr)."""

    def call(*args):
        capfd.readouterr()
        status = main([str(arg) for arg in args])
        return status, *capfd.readouterr()

    return call


@pytest.fixture
def run(call, monkeypatch, tmp_path):
    """Return ``call``, from now on in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return call
