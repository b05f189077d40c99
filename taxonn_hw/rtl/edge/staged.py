"""Values on their way through a pipeline, and choices that cost one multiplexer tree."""

from amaranth.hdl import Const, Module, Mux, Signal, Value

__all__ = ["Staged", "pick"]


class Staged:
    """A value and its registers, one a stage, made when they are asked for.

    Parameters
    ----------
    m : Module
        Takes the registers.
    value : Value or View
        What is there at ``stage``.
    stage : int
        Stage of ``value``, may be negative.
    name : str
        Registers are called ``name_<stage>`` (``m`` for minus).
    reset_less : bool
        Data; control signals say ``False``.
    """

    def __init__(self, m: Module, value, stage: int, name: str, *, reset_less: bool = True) -> None:
        self._m, self._name, self._reset_less = m, name, reset_less
        self._first, self._values = stage, [value]

    def at(self, stage: int):
        """Return the value at ``stage``.

        Raises
        ------
        ValueError
            When the value comes later than that.
        """
        if stage < self._first:
            raise ValueError(f"{self._name} is there from stage {self._first} on, not at {stage}")
        while self._first + len(self._values) <= stage:
            last = self._values[-1]
            number = str(self._first + len(self._values)).replace("-", "m")
            register = Signal(last.shape(), name=f"{self._name}_{number}",
                              reset_less=self._reset_less)
            self._m.d.sync += register.eq(last)
            self._values.append(register)
        return self._values[stage - self._first]


def pick(index: Value, values: list) -> Value:
    """Return ``values[index]`` as a tree of two-way multiplexers; equal values take none.

    An index beyond the list is never asked for.
    """
    if all(value is values[0] for value in values):
        return values[0]
    if len(values) == 1:
        return values[0]
    size = 1 << (len(values) - 1).bit_length()
    padded = list(values) + [values[-1]] * (size - len(values))
    level = 0
    while len(padded) > 1:
        padded = [low if low is high else Mux(index[level], high, low)
                  for low, high in zip(padded[::2], padded[1::2], strict=True)]
        level += 1
    return padded[0] if isinstance(padded[0], Value) else Const(padded[0])
