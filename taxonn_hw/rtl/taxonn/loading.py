"""From a network to the words that a loadable build runs it by, and whether it fits.

The numbers are those that a build of this one network has as constants
(:mod:`taxonn_hw.plan.conv_tables`, :mod:`taxonn_hw.plan.layer_numbers`); here they are fitted into
the tables of the build.  A network fits when every number does, and every code and sum of its
arithmetic fits the container that the build has for it.
"""

from functools import lru_cache

from amaranth.hdl import Shape
from amaranth.lib import data

from ...config_hash import config_hash
from ...errors import UserError
from ...fixed.random import initial_state
from ...plan.conv_tables import descriptors, spans, taps
from ...plan.layer_numbers import network_numbers
from ...plan.loadable import Build, LoadedNetwork
from ...plan.program import Finish
from ..random import lane_start
from .conv_slot import conv_slot
from .loaded_view import CHUNK, LoadedView, Table
from .loader import code_shape
from .numerics import Numerics

__all__ = ["FIRST_WORD", "build_view", "network_hash", "network_rows", "network_words",
           "pack_words", "program_writes"]

#: The word in which the first row of a table lies, where it is not 0.
FIRST_WORD = {"layers": 1}
_ROW = {"network": "the network", "layers": "layer", "passes": "pass", "taps": "tap row",
        "lines": "line", "columns": "column"}
#: Numbers that a run-time shift goes by.
_ZEROS = ("product_zeros", "bias_zeros", "operand_zeros", "zeros_below", "zeros_above",
          "mean_zeros", "step_zeros", "delta_zeros", "delta_random_zeros")


def build_view(build: Build) -> LoadedView:
    """Return the tables of a build."""
    return _hardware(build).view


def network_rows(network: LoadedNetwork) -> dict[str, list]:
    """Return the words of every table as numbers by field, first word first."""
    program, view = network.program, build_view(network.build)
    state, _ = initial_state(network.config.seed, network.lanes)
    whole = network_numbers(network) | {
        "last_pass": len(program.passes) - 1, "row_state": state,
        "lane_bits": lane_start(network.config.seed, network.lanes)}
    return {
        "network": [whole],
        "layers": [view.points.numbers(program, layer) for layer in network.layers],
        "passes": descriptors(program), "taps": taps(program, network.build.program.groups),
        "lines": spans(program, "lines"), "columns": spans(program, "columns"),
    }


def network_words(network: LoadedNetwork) -> dict[str, list[list[int]]]:
    """Return the words of every table for ``network`` on its build, each in chunks.

    Raises
    ------
    UserError
        When it does not fit; names what it needs and what the build has.
    """
    numerics = _hardware(network.build)
    name = f"{network.config.name} does not fit {network.build.config.name}"
    for what, need, has in _depths(network):
        if need > has:
            raise UserError(f"{name}: it has {need} {what}, the build {has}")
    rows = network_rows(network)
    _check_zeros(rows["layers"], numerics.view, name)
    words = {key: pack_words(numerics.view.tables[key], rows[key], f"{name}: {_ROW[key]}")
             for key in rows}
    own = Numerics(network, like=numerics)
    _check_layout(conv_slot(own), conv_slot(numerics), name)
    _check_containers(own, numerics, name)
    return words


def pack_words(table: Table, rows: list, where: str = "") -> list[list[int]]:
    """Return ``rows`` of a table in chunks; raises UserError for a number without room."""
    words = (_pack(table.layout, row, f"{where} {i}") for i, row in enumerate(rows, 1))
    return [[bits >> start & (1 << CHUNK) - 1 for start, _ in table.chunks] for bits in words]


def program_writes(network: LoadedNetwork) -> list[tuple[str, int]]:
    """Return the register writes that load ``network``: register and value, in order.

    Its hash comes last; the network may run when the status shows that nothing moves any more.
    Raises as :func:`network_words`.
    """
    tables, writes = build_view(network.build).tables, []
    for name, words in network_words(network).items():
        first = tables[name].number << 16 | FIRST_WORD.get(name, 0)
        writes.append(("program_address", first))
        writes += [("program_data", chunk) for word in words for chunk in word]
    return [*writes, ("network", network_hash(network))]


def network_hash(network: LoadedNetwork) -> int:
    """Return what the register ``network`` shows when it is loaded, never 0."""
    return config_hash(network.config) or 1


@lru_cache(maxsize=4)
def _hardware(build: Build) -> Numerics:
    return Numerics(build)


def _depths(network: LoadedNetwork):
    """What memories hold: name, what the network needs, what the build has."""
    build, own, all_ = network.build, network.program, network.build.program
    yield "layers", network.n_layers, build.n_layers
    yield "inputs", network.n_inputs, build.n_inputs
    yield "outputs", network.output.n_out, max(layer.n_out for layer in build.outputs)
    yield "rows of weights", network.n_rows, build.n_rows
    yield "neurons in hidden layers", own.image_depth, all_.image_depth
    yield "lane groups", own.groups, all_.groups
    yield "rows of deltas", own.vector_rows, all_.vector_rows
    yield "derivatives", own.slope_depth, all_.slope_depth
    yield "tap rows", own.tap_depth, all_.tap_depth
    yield "lines of images", own.n_lines, all_.n_lines
    yield "columns of images", own.n_columns, all_.n_columns
    for what, of in (("positions in a pooling window", lambda w: w.window),
                     ("deltas of a mean", lambda w: w.deltas),
                     ("layers pooled by the largest", lambda w: w.chooses)):
        yield what, max(of(walk) for walk in own.walks), max(of(walk) for walk in all_.walks)
    yield "as largest derivative", *(
        max(layer.derivative_bound * layer.mean_factor for layer in plan.layers)
        for plan in (network, build))


def _pack(shape, value, where: str) -> int:
    """Return ``value`` as the bits of ``shape``; every number is checked against its field."""
    if isinstance(shape, data.Layout):
        bits = 0
        for key, field in shape:
            part = _pack(field.shape, value[key], f"{where}, {key}")
            bits |= (part & (1 << field.width) - 1) << field.offset
        return bits
    low, high = _ends(shape)
    if not low <= value <= high:
        raise UserError(f"{where} is {value}, the build has room for {low} to {high}")
    return value


def _ends(shape) -> tuple[int, int]:
    """Lowest and highest number of a shape."""
    shape = Shape.cast(shape)
    return (-(1 << shape.width - 1) if shape.signed else 0,
            (1 << shape.width - shape.signed) - 1)


def _check_zeros(layers: list[dict], view: LoadedView, name: str) -> None:
    """Raise UserError where a layer needs a shift that the build cannot do."""
    for i, numbers in enumerate(layers, 1):
        for key in _ZEROS:
            if key in numbers and not 0 <= numbers[key] <= view.most(key):
                raise UserError(f"{name}: layer {i} has formats too far apart: {key} is "
                                f"{numbers[key]}, the build does 0 to {view.most(key)}")


def _check_layout(own, has, where: str) -> None:
    """Raise UserError where a member of a slot's layout needs more bits than the build has."""
    for key, field in own:
        member = has[key]
        if isinstance(field.shape, data.Layout):
            _check_layout(field.shape, member.shape, f"{where}: {key}")
        elif field.width > member.width:
            raise UserError(f"{where}: {key} takes {field.width} bits, the build has "
                            f"{member.width}")


def _check_containers(own: Numerics, numerics: Numerics, name: str) -> None:
    """Raise UserError where a code or a sum does not fit that of the build."""
    pairs = [(what, getattr(own, what), getattr(numerics, what)) for what in (
        "operand", "word", "vector_activation", "delta", "scalar", "vector", "factor",
        "multiplied", "gathered", "accumulator", "total")]
    for kinds, what in (((Finish.TREE,), "backward sum"), ((Finish.DRAIN,), "forward sum")):
        pairs.append((what, own.sum_shape(kinds), numerics.sum_shape(kinds)))
    nets = own.network, numerics.network
    pairs.append(("input", *(code_shape(net.inputs) for net in nets)))
    pairs.append(("output", *(code_shape(layer.formats.a for layer in net.outputs)
                              for net in nets)))
    if numerics.batch > 1:
        pairs.append(("gradient of a batch", own.gradient, numerics.gradient))
    for what, need, has in pairs:
        (low, high), (least, most) = _ends(need), _ends(has)
        if low < least or high > most:
            raise UserError(f"{name}: {what} takes codes from {low} to {high}, the build {least} "
                            f"to {most}")
