"""Constants that depend on the layer, as hardware."""

from amaranth.hdl import Array, Const, Shape, Value

__all__ = ["by_index", "common_shape"]


def by_index(index: Value, values: dict[int, object], shape=None):
    """Return ``values[index]``; where all are the same the value itself, without a multiplexer.

    ``values`` maps layer indices to integers or expressions; an index that is missing is never
    asked for, so any value may stand in for it.
    """
    distinct = list(values.values())
    if all(value is distinct[0] for value in distinct) or (
            all(isinstance(value, int) for value in distinct) and len(set(distinct)) == 1):
        first = distinct[0]
        return Const(first, shape) if isinstance(first, int) and shape is not None else first
    table = [values.get(i, distinct[0]) for i in range(max(values) + 1)]
    if shape is not None:
        table = [Const(v, shape) if isinstance(v, int) else v for v in table]
    return Array(table)[index]


def common_shape(*ranges: tuple[int, int]) -> Shape:
    """Return the shape that holds every ``(lowest, highest)`` code."""
    low = min(low for low, _ in ranges)
    high = max(high for _, high in ranges)
    if low < 0:
        return Shape(max((-low - 1).bit_length(), high.bit_length()) + 1, signed=True)
    return Shape(max(high.bit_length(), 1), signed=False)
