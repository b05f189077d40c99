"""The cache builds once, leaves nothing half-made, and forgets what was not used for a month."""

import os
import time

import pytest

from taxonn_hw.flow import cache


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TAXONN_CACHE", str(tmp_path))
    return tmp_path


def test_builds_once():
    built = []

    def build(out):
        built.append(out)
        (out / "result").write_text("made")

    first = cache.cached("kind", "key", build)
    assert cache.cached("kind", "key", build) == first
    assert (first / "result").read_text() == "made" and len(built) == 1


def test_a_failed_build_leaves_nothing(folder):
    def build(out):
        (out / "half").write_text("")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        cache.cached("kind", "key", build)
    assert [path.name for path in (folder / "kind").iterdir()] == ["key.lock"]


def test_old_entries_go(folder):
    old = cache.cached("kind", "old", lambda out: None)
    os.utime(old, (0, time.time() - 40 * 86_400))
    new = cache.cached("kind", "new", lambda out: None)
    assert new.is_dir() and not old.exists()


def test_an_entry_may_go_while_old_ones_are_looked_for(folder):
    (folder / "kind").mkdir()
    (folder / "kind" / "building-gone").symlink_to("nowhere")  # listed, yet not there
    assert cache.cached("kind", "key", lambda out: None).is_dir()


def test_digest_knows_where_parts_end():
    assert cache.digest("ab", "c") != cache.digest("a", "bc")
    assert cache.digest("ab", b"c") == cache.digest(b"ab", "c")
