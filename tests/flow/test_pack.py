"""DFU files, and packers that fail."""

import zlib

import pytest

from taxonn_hw.flow import ToolError
from taxonn_hw.flow.pack import dfu_file, pack


def test_dfu_suffix():
    """The fields of DFU 1.1, appendix B: read backwards from the end of the file."""
    data = dfu_file(b"bitstream", vendor=0x1209, product=0x5AF0)
    suffix = data[:len(b"bitstream") - 1:-1]
    assert data.startswith(b"bitstream") and len(suffix) == 16
    crc, length, name = suffix[3::-1], suffix[4], suffix[5:8]
    assert int.from_bytes(crc, "little") == zlib.crc32(data[:-4]) ^ 0xFFFFFFFF
    assert length == 16 and name == b"DFU"
    words = [int.from_bytes(suffix[k:k + 2], "big") for k in (8, 10, 12, 14)]
    assert words == [0x0100, 0x1209, 0x5AF0, 0xFFFF]


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
def test_garbage_is_not_packed(family, tmp_path):
    (tmp_path / "routed.txt").write_text("this is no design\n")
    with pytest.raises(ToolError):
        pack(family, tmp_path / "routed.txt")
