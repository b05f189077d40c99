"""Functions of cells as truth tables, against Python."""

from itertools import product

import pytest

from taxonn_hw.asic.functions import read_functions
from taxonn_hw.flow.errors import ToolError

from .tiny import library


def cell(tmp_path, function, more=""):
    pins = "".join(f"pin({p}) {{ direction : input; }}" for p in "ABCD")
    text = f'cell(X) {{ area : 1; {more} {pins} pin(Y) {{ function : "{function}"; }} }}\n'
    return read_functions(library(tmp_path, more=text), {"X"})["X"]


@pytest.mark.parametrize(("function", "python"), [
    ("!A", "1-A"), ("A'", "1-A"), ("(A&B)'", "1-(A&B)"), ("!A&B", "(1-A)&B"),
    ("A B + C", "A&B|C"), ("A + B C", "A|B&C"), ("A*B|!C*D", "A&B|(1-C)&D"),
    ("A ^ B & C", "(A^B)&C"), ("(!A&!B) | (!C)", "(1-A)&(1-B)|(1-C)"), ("A B' C", "A&(1-B)&C"),
    ("!(A ^ B) C", "(1-(A^B))&C"), ("A'' | D", "A|D"),
])
def test_expressions(tmp_path, function, python):
    table = cell(tmp_path, function).outputs["Y"]
    for values in product((0, 1), repeat=len(table.inputs)):
        known = dict(zip(table.inputs, values, strict=True))
        index = sum(bit << k for k, bit in enumerate(values))
        assert table.bits >> index & 1 == eval(python, {}, known), known


def test_flip_flops(tmp_path):
    found = cell(tmp_path, "IQ", 'ff(IQ,IQN) { next_state : "(A&B) | (!A&IQ)"; '
                                 'clocked_on : "C"; }')
    assert found.state == ("IQ", "IQN") and found.clock == "C"
    assert found.next_state.inputs == ("A", "B", "IQ")
    with pytest.raises(ToolError, match="no plain flip-flop"):
        cell(tmp_path, "IQ", 'ff(IQ,IQN) { next_state : "D"; clocked_on : "!C"; }')
    with pytest.raises(ToolError, match="no plain flip-flop"):
        cell(tmp_path, "IQ", 'ff(IQ,IQN) { next_state : "D"; clocked_on : "C"; clear : "A"; }')


@pytest.mark.parametrize(("function", "message"), [
    ("A @ B", "cannot use the function 'A @ B'"),
    ("A B C D E F G", "cannot use the function 'A B C D E F G'"),
])
def test_what_cannot_be_used(tmp_path, function, message):
    with pytest.raises(ToolError, match=message):
        cell(tmp_path, function)
