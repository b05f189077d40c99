"""Sizes that fit together: admissible fan-outs, junction cycles C and processors z.

Junction ``i`` has ``W_i = N_{i-1} fo_i = N_i fi_i`` edges and ``z_i = W_i / C`` processors.  All
junctions take the same ``C`` clocks, so that one sample moves on a junction a junction cycle.

* left: the sweep of ``D_i = C / fo_i`` clocks reads each of ``z_i`` memories of ``D_i`` rows once,
  so ``fo_i`` divides ``C`` and ``D_i`` divides ``N_{i-1}``;
* right: in a clock either whole neurons end (``C`` divides ``N_i``) or a neuron takes whole clocks
  (``N_i`` divides ``C``: fewer processors than fan-in, partial sums).
"""

from itertools import pairwise
from math import gcd

from ...errors import UserError

__all__ = [
    "admissible_cycles",
    "admissible_fan_outs",
    "choose_cycles",
    "choose_fan_outs",
    "cycles_fit",
    "processors",
]


def admissible_fan_outs(n_left: int, n_right: int) -> range:
    """Return the fan-outs that give every right neuron the same whole fan-in."""
    step = n_right // gcd(n_left, n_right)
    return range(step, n_right + 1, step)


def choose_fan_outs(sizes, fan_out=None, density=None) -> tuple[int, ...]:
    """Return the fan-out of every junction.

    Parameters
    ----------
    sizes : sequence of int
        Neurons of every layer, inputs first.
    fan_out : sequence of int, optional
        As the user gave them.
    density : sequence of float, optional
        Wanted share of the edges of a full connection, 0 to 1: the nearest admissible is taken.

    Raises
    ------
    UserError
        When a fan-out is not admissible.
    """
    chosen = []
    for i, (n_left, n_right) in enumerate(pairwise(sizes)):
        options = admissible_fan_outs(n_left, n_right)
        if fan_out is not None:
            if fan_out[i] not in options:
                raise UserError(f"junction {i + 1}: fan_out must be a multiple of {options.step} "
                                f"up to {n_right}, so that {n_right} neurons share {n_left} x "
                                f"fan_out edges evenly, not {fan_out[i]}")
            chosen.append(fan_out[i])
        elif density is not None:
            wanted = round(density[i] * n_right / options.step) * options.step
            chosen.append(min(max(wanted, options.step), n_right))
        else:
            chosen.append(n_right)
    return tuple(chosen)


def cycles_fit(sizes, fan_outs, cycles: int) -> str | None:
    """Return the rule that ``cycles`` clocks of a junction cycle break, or None."""
    for i, fan_out in enumerate(fan_outs, 1):
        n_left, n_right = sizes[i - 1], sizes[i]
        if cycles % fan_out:
            return f"junction {i}: a multiple of the fan-out {fan_out}"
        if n_left % (cycles // fan_out):
            return (f"junction {i}: sweeps of {cycles // fan_out} clocks must divide the {n_left} "
                    "left neurons")
        if n_right % cycles and cycles % n_right:
            return f"junction {i}: a divisor or a multiple of the {n_right} right neurons"
    return None


def admissible_cycles(sizes, fan_outs) -> list[int]:
    """Return every admissible number of clocks of a junction cycle, ascending."""
    n_left, fan_out = sizes[0], fan_outs[0]
    sweeps = (depth for depth in range(1, n_left + 1) if n_left % depth == 0)
    return [depth * fan_out for depth in sweeps
            if cycles_fit(sizes, fan_outs, depth * fan_out) is None]


def processors(sizes, fan_outs, cycles: int) -> tuple[int, ...]:
    """Return the processors ``z`` of every junction."""
    return tuple(n_left * fan_out // cycles
                 for n_left, fan_out in zip(sizes[:-1], fan_outs, strict=True))


def choose_cycles(sizes, fan_outs, *, cycles=None, z=None, lanes: int) -> int:
    """Return C: as given, from ``z``, or the smallest with at most ``lanes`` processors in all.

    Raises
    ------
    UserError
        When the given values are not admissible, or no admissible C has so few processors.
    """
    if z is not None:
        cycles = _cycles_of(sizes, fan_outs, z)
    options = admissible_cycles(sizes, fan_outs)
    if not options:
        raise UserError(f"no junction cycle fits layers {list(sizes)} with fan_out "
                        f"{list(fan_outs)}: C must be a multiple of every fan-out, with sweeps "
                        "C / fan_out that divide the left neurons, and divide the right neurons "
                        "or be a multiple of them")
    if cycles is not None:
        if cycles not in options:
            rule = cycles_fit(sizes, fan_outs, cycles) or "at most a clock for each edge"
            nearest = ", ".join(map(str, _nearest(options, cycles)))
            raise UserError(f"edge.cycles must be {nearest} or another admissible number, not "
                            f"{cycles} ({rule})")
        return cycles
    for option in options:
        if sum(processors(sizes, fan_outs, option)) <= lanes:
            return option
    fewest = sum(processors(sizes, fan_outs, options[-1]))
    raise UserError(f"lanes must be at least {fewest} for layers {list(sizes)} with fan_out "
                    f"{list(fan_outs)}, not {lanes}")


def _cycles_of(sizes, fan_outs, z) -> int:
    """Return the C that every junction's ``z`` stands for."""
    found = []
    for i, (n_left, fan_out, lanes) in enumerate(zip(sizes[:-1], fan_outs, z, strict=True), 1):
        edges = n_left * fan_out
        if edges % lanes:
            raise UserError(f"junction {i}: z must divide the {edges} edges, not {lanes}")
        found.append(edges // lanes)
    if len(set(found)) > 1:
        raise UserError(f"edge.z must give every junction the same number of clocks, {list(z)} "
                        f"gives {found}")
    return found[0]


def _nearest(options: list[int], cycles: int) -> list[int]:
    """Return up to three options around ``cycles``, ascending."""
    return sorted(sorted(options, key=lambda option: abs(option - cycles))[:3])
