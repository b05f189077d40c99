"""What the cells of a liberty library compute: its ``function`` and ``ff`` groups as truth tables.

Operators of liberty: ``!a`` and ``a'``, then ``^``, then ``&``, ``*`` or a blank, then ``|`` or
``+``.
"""

import re
from dataclasses import dataclass
from itertools import product

from ..flow.errors import ToolError
from .liberty import Liberty

__all__ = ["MOST_INPUTS", "Cell", "Table", "read_functions"]

#: Inputs of a truth table.
MOST_INPUTS = 6
_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01]|[!'^&*|+()])")
_PIN = re.compile(r'\bpin\s*\(\s*"?([\w\[\]]+)"?\s*\)')
_FF = re.compile(r'\bff\s*\(\s*"?(\w+)"?\s*,\s*"?(\w+)"?\s*\)\s*\{([^{}]*)\}')


@dataclass(frozen=True, kw_only=True)
class Table:
    """A truth table: bit ``i`` of ``bits`` is the value where input ``k`` is bit ``k`` of ``i``."""

    inputs: tuple[str, ...]
    bits: int


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell: the table of every output; of a flip-flop also that of its next state.

    ``state`` names what the tables of a flip-flop call its value, and its complement; None for
    gates.
    """

    outputs: dict[str, Table]
    state: tuple[str, str] | None = None
    next_state: Table | None = None
    clock: str = ""


def read_functions(liberty: Liberty, names: set[str]) -> dict[str, Cell]:
    """Return the cells ``names`` of ``liberty``.

    Raises
    ------
    ToolError
        A cell has no function, a function that is too wide, or is no plain flip-flop.
    """
    pieces = re.split(r'^\s*cell\s*\(\s*"?([\w.$:+-]+)"?\s*\)', liberty.text, flags=re.M)
    bodies = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    return {name: _cell(name, bodies[name]) for name in sorted(names)}


def _cell(name: str, body: str) -> Cell:
    flip_flop = _FF.search(body)
    outputs = {}
    for pin, text in zip(*[iter(_PIN.split(body)[1:])] * 2, strict=True):
        if function := re.search(r'\bfunction\s*:\s*"([^"]*)"', text):
            outputs[pin] = _table(name, function[1])
    if not outputs:
        raise ToolError(f"cell {name} of the library has no function")
    if flip_flop is None:
        return Cell(outputs=outputs)
    keys = dict(re.findall(r'(\w+)\s*:\s*"?([^";]*)"?\s*;', flip_flop[3]))
    if not re.fullmatch(r"\s*\(?\s*\w+\s*\)?\s*", keys.get("clocked_on", "")) or (
            {"clear", "preset"} & set(keys)):
        raise ToolError(f"cell {name} is no plain flip-flop of a rising clock")
    return Cell(outputs=outputs, state=(flip_flop[1], flip_flop[2]),
                next_state=_table(name, keys["next_state"]),
                clock=keys["clocked_on"].strip(" ()"))


def _table(name: str, text: str) -> Table:
    tokens = _TOKEN.findall(text)
    inputs = tuple(dict.fromkeys(t for t in tokens if t[0].isalpha() or t[0] == "_"))
    if len(inputs) > MOST_INPUTS or "".join(tokens) != re.sub(r"\s+", "", text):
        raise ToolError(f"cell {name}: cannot use the function {text!r}")
    bits = 0
    for number, values in enumerate(product((0, 1), repeat=len(inputs))):
        known = dict(zip(reversed(inputs), values, strict=True))
        bits |= _Parser(tokens, known).value() << number
    return Table(inputs=inputs, bits=bits)


class _Parser:
    """Evaluates one expression."""

    def __init__(self, tokens: list[str], known: dict[str, int]) -> None:
        self.tokens, self.known, self.at = [*tokens, ""], known, 0

    def value(self) -> int:
        result = self._conjunction()
        while self._next() in ("|", "+"):
            self.at += 1
            result |= self._conjunction()
        return result

    def _next(self) -> str:
        return self.tokens[self.at]

    def _conjunction(self) -> int:
        result = self._exclusive()
        while self._next() not in ("", ")", "|", "+", "^", "'"):
            self.at += self._next() in ("&", "*")
            result &= self._exclusive()
        return result

    def _exclusive(self) -> int:
        result = self._factor()
        while self._next() == "^":
            self.at += 1
            result ^= self._factor()
        return result

    def _factor(self) -> int:
        token = self._next()
        self.at += 1
        if token == "!":
            return 1 - self._factor()
        if token == "(":
            result = self.value()
            self.at += 1
        else:
            result = int(token) if token.isdigit() else self.known[token]
        while self._next() == "'":
            self.at += 1
            result = 1 - result
        return result
