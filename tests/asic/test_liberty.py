"""Reading a library: packed or not, what is refused, what mapping leaves alone."""

import gzip
import itertools

import pytest

from taxonn_hw.asic.liberty import read_liberty
from taxonn_hw.errors import UserError

from .tiny import AREAS, liberty_text, library


def test_cells_without_those_in_comments(tmp_path):
    found = library(tmp_path)
    assert found.name == "tiny" and set(found.cells) == set(AREAS) and not found.left_alone


def test_packed_is_the_same(tmp_path):
    path = tmp_path / "packed"  # whatever it is called
    path.write_bytes(gzip.compress(liberty_text().encode()))
    assert read_liberty(path) == library(tmp_path)


def test_cells_between_power_domains_are_left_alone(tmp_path):
    more = ('cell ("ISO") { is_isolation_cell : "true"; area : 1; }\n'
            "cell(OLD) { dont_use : true; area : 1; }\n")
    assert library(tmp_path, more=more).left_alone == ("ISO", "OLD")


@pytest.mark.parametrize(("content", "message"), [
    (None, "cannot read 'x.lib': No such file or directory"),
    (b"module x; endmodule", "'x.lib' is no liberty library: it has no library group"),
    (b"\xff\xfe\x00", "'x.lib' is no liberty library: it is not text"),
    (gzip.compress(b"library(x) {}")[:-9], "cannot read 'x.lib': it is a damaged gzip file"),
    (b"\x1f\x8bnot gzip at all", "cannot read 'x.lib': it is a damaged gzip file"),
    (liberty_text(leave_out=["DFF"]).encode(),
     "'x.lib' has no flip-flop with an area, which mapping needs"),
    (liberty_text(leave_out=["BUF", "INV"]).encode(),
     "'x.lib' has no inverter and no buffer with an area, which mapping needs"),
    (liberty_text().replace("area : 8.0", "area : 0").encode(),
     "'x.lib' has no flip-flop with an area, which mapping needs"),
], ids=itertools.count(1))
def test_what_is_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "x.lib").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_liberty("x.lib")
    assert str(caught.value) == f"--liberty: {message}"


def test_a_folder(tmp_path):
    with pytest.raises(UserError, match="Is a directory"):
        read_liberty(tmp_path)
