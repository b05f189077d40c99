"""Small modules around a unit that state what must always hold."""

from amaranth.hdl import Assert, Module, Signal, Value
from amaranth.lib.wiring import In

from taxonn_hw.flow.formal import Method, Verdict, prove

__all__ = ["contract", "implies", "inputs_of", "verdict"]


def implies(condition, conclusion) -> Value:
    return ~condition.bool() | conclusion


def inputs_of(component) -> list[Value]:
    """All inputs of a component, arbitrary in every cycle when they are ports of the top."""
    return [Value.cast(value) for _, member, value in component.signature.flatten(component)
            if member.flow == In]


def contract(m: Module, valid, ready, payload, released=0) -> None:
    """Assert that a beat that waits stays valid and holds still, unless ``released``."""
    payload = Value.cast(payload)
    waits, held = Signal(name="contract_waits"), Signal(len(payload), name="contract_held")
    m.d.sync += [waits.eq(valid & ~ready & ~released), held.eq(payload)]
    m.d.comb += [Assert(implies(waits, valid)), Assert(implies(waits, payload == held))]


def verdict(m: Module, ports, *, method: Method = Method.PROVE, depth: int) -> Verdict:
    return prove(m, method=method, depth=depth, ports=ports)
