"""The new weight of a lane: ``W - round(step)``, and where weights decay ``W - round(2**-d W)``."""

from amaranth.hdl import Cat, Mux, Signal

from ...fixed import RANDOM_BITS, Rounding
from ...fixed.gates import finish_step, rounding_offset, saturate
from ..select import by_index
from .loaded_lane import loaded_weight
from .numerics import Numerics

__all__ = ["add_decay", "add_update"]


def add_update(m, n: Numerics, c, word, total, stage: int, late_random=None):
    """Return the updated word, a cycle after ``stage``, where weights decay two.

    ``c`` are the controls, ``word`` is the stored weight at c4.  What lies above the point of
    ``total`` is saturated.
    """
    mode = n.network.config.rounding.update
    lsb = word[0]
    if mode is Rounding.HALF_EVEN:
        lsb = _later(m, lsb, stage, "lsb")
    result = finish_step(total, n.alignment.point, mode, lsb)
    new = loaded_weight(c, result) if n.view.loadable else _saturated(n, c, result, stage)
    updated = Signal(n.word, name=f"c{stage + 1}_updated", reset_less=True)
    if n.decay is not None and n.batch > 1:  # a weight may decay while its batch goes on
        new = Mux(c.c7_steps, new, _later(m, word, stage, "word"))
    m.d.sync += updated.eq(new)
    if n.decay is None:
        return updated
    return add_decay(m, n, word=updated, decays=c.c8_decays, row_word=c.c8_row_word,
                     lane_word=late_random)


def _saturated(n: Numerics, c, result, stage: int):
    """Clip to the format of the layer's weights or biases."""
    weights, biases = {}, {}
    for layer in n.layers:
        f = layer.formats
        weights[layer.index] = f.weight
        biases[layer.index] = f.bias if layer.by_outputs else f.weight
    formats = {*weights.values(), *biases.values()}
    clipped = {q: saturate(result, q) for q in formats}
    layer, bias = c[f"c{stage}_layer"], c[f"c{stage}_bias"]
    new = by_index(layer, {i: clipped[q] for i, q in weights.items()})
    new_bias = by_index(layer, {i: clipped[q] for i, q in biases.items()})
    return new if len(formats) == 1 else Mux(bias, new_bias, new)


def add_decay(m, n: Numerics, *, word, decays, row_word, lane_word):
    """Return ``word`` a cycle later, less its share where it ``decays``; all inputs at c8.

    What is left lies between zero and the word, so there is nothing to saturate.  The random word
    is that of the step of the same row and sample.
    """
    d, mode = n.decay, n.network.config.rounding.update
    offset = rounding_offset(d, mode, (row_word ^ lane_word)[:RANDOM_BITS])
    # Without a share the word stays: above it lies, and below it the complement of the offset.
    share = (word & decays.replicate(len(word)))[:len(word)].as_signed()
    total = Cat((~offset)[:d], word).as_signed() - share
    decayed = Signal(word.shape(), name="c9_decayed", reset_less=True)
    m.d.sync += decayed.eq(finish_step(total, d, mode, word[0]))
    return decayed


def _later(m, value, stage: int, name: str):
    """Return ``value``, which is at c4, at ``stage``."""
    for k in range(5, stage + 1):
        register = Signal(value.shape(), name=f"c{k}_{name}", reset_less=True)
        m.d.sync += register.eq(value)
        value = register
    return value
