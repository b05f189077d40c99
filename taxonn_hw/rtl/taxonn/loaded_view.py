"""What depends on the layer in a loadable build: tables that the host writes.

=========  ==============================================  ========================================
table      a word                                          kept in
=========  ==============================================  ========================================
network    numbers of the whole network, start of the      registers
           random generator
layers     numbers of a layer; word 0 is what the host     registers
           stores rows as, and is not written
passes     a descriptor                                    memory; word 0 in registers too
taps       a tap row, the tap of every lane group          memory
lines,     span of a line, of a column                     memory, read in the same cycle
columns
=========  ==============================================  ========================================

A word is written in chunks of 32 bits, the lowest first.
"""

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Array, Cat, Const, Module, Mux, Shape, Signal, unsigned
from amaranth.lib import data
from amaranth.lib.memory import Memory

from ...fixed.random import initial_state
from ...plan.layer_numbers import Points, network_numbers
from ..select import common_shape

__all__ = ["CHUNK", "LoadedView", "Table"]

#: Bits of a word that are written at once.
CHUNK = 32


@dataclass(frozen=True)
class Table:
    """A table: its number on the bus, the layout of a word, and how many words there are."""

    number: int
    layout: data.Layout
    depth: int

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """First and last bit (exclusive) of every chunk."""
        size = self.layout.size
        return [(start, min(start + CHUNK, size)) for start in range(0, size, CHUNK)]


class LoadedView:
    """The numbers of the layers of the network that is loaded; see :class:`.layer_view.FixedView`.

    Parameters
    ----------
    numerics : Numerics
        Of a build.

    Members
    -------
    write : Signal({valid, table, word, chunk, data})
        A chunk that the host writes.
    loaded : Signal
        All tables are written: a network may run.
    clear : Signal({valid, row})
        A row of deltas to set to zero: lanes without a neuron hold zeros, whoever ran before.
    points : Points
        Where numbers are rounded.
    delta : Format
        Of a delta; of powers of two the only one.
    """

    loadable = True
    stored = 0

    def __init__(self, numerics) -> None:
        self.numerics, self.build = numerics, numerics.network
        self.points = Points(self.build, numerics.alignment)
        self.delta = self.build.layers[0].formats.delta
        self._numbers = [self.points.numbers(network.program, layer)
                         for network in self.build.networks for layer in network.layers]
        self.write = Signal(data.StructLayout({
            "valid": 1, "table": 3, "word": 16, "chunk": 8, "data": CHUNK}), name="table_write")
        self.loaded = Signal(name="network_loaded")
        self.clear = Signal(data.StructLayout(
            {"valid": 1, "row": range(max(numerics.program.vector_rows, 2))}), name="clear_row")
        self._layers = [Signal(self.tables["layers"].layout, name=f"layer_{i}", reset_less=True)
                        for i in range(1, self.build.n_layers + 1)]
        self._network = Signal(self.tables["network"].layout, name="network", reset_less=True)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """All tables, by name."""
        # Here, for these layouts are made of a Numerics, and that has a view.
        from .conv_descriptor import descriptor_layout, span_layout, tap_layout

        n, p = self.numerics, self.numerics.program
        taps = data.ArrayLayout(tap_layout(n), p.groups)
        found = {
            "network": (self._network_layout(), 1),
            "layers": (data.StructLayout({name: self._shape(name) for name in self._numbers[0]}),
                       self.build.n_layers + 1),
            "passes": (descriptor_layout(n), p.n_passes), "taps": (taps, p.tap_depth),
            "lines": (span_layout(n, "lines"), p.n_lines),
            "columns": (span_layout(n, "columns"), p.n_columns),
        }
        return {name: Table(number, *what) for number, (name, what) in enumerate(found.items())}

    def _network_layout(self) -> data.StructLayout:
        numbers = [network_numbers(network) for network in self.build.networks]
        most = {name: max(each[name] for each in numbers) for name in numbers[0]}
        _, bits = initial_state(0, self.build.lanes)
        return data.StructLayout({
            **{name: unsigned(max(value.bit_length(), 1)) for name, value in most.items()},
            "last_pass": range(max(self.numerics.program.n_passes, 2)),
            "row_state": 32, "lane_bits": len(bits)})

    def _shape(self, name: str) -> Shape:
        n = self.numerics
        match name:  # codes that saturate_below clips to: one bit less than their container
            case "operand_high":
                return unsigned(max(n.operand.width - 1, 1))
            case "weight_high" | "bias_high":
                return unsigned(max(n.word.width - 1, 1))
            case "delta_high":
                return unsigned(max(n.delta.width - 1, 1))
            case "image_base" | "rows_base":  # anywhere in their memories
                depth = n.program.image_depth if name == "image_base" else n.program.vector_rows
                return Shape.cast(range(max(depth, 2)))
        values, most = [numbers[name] for numbers in self._numbers], self.most(name)
        return common_shape((min(0, *values), most))

    def most(self, name: str) -> int:
        """Return the largest number ``name`` that a layer may have: of those that the build is
        for, but binary points may lie ``spare_bits`` further apart."""
        found, spare = max(numbers[name] for numbers in self._numbers), self.build.spare_bits
        if name == "operand_zeros":
            return min(found + spare, self.points.operand)
        if (name.endswith("_zeros") and name != "mean_zeros") or name.startswith("zeros_"):
            return found + spare
        return found << spare if name == "offset" else found

    @property
    def most_zeros(self) -> int:
        """Zeros that a product gets at most: of a forward sum, or of a step."""
        low, high = self.build.config.rate_range
        steps = self.most("step_zeros") + high - low if self.numerics.training else 0
        return max(self.most("product_zeros"), steps)

    def value(self, index, name: str, shape=None):
        """Return the number ``name`` of layer ``index``."""
        whole = (1 << self.numerics.word.width - 1) - 1 if name.endswith("t_high") else 0
        rows = [layer[name] for layer in self._layers]
        return Array([Const(whole, rows[0].shape()), *rows])[index]

    def times(self, index, name: str, value):
        """Return that number times ``value``."""
        return value * self.value(index, name)

    def by_groups(self, index, of, shape=None):
        """Return ``of(groups)`` for the number of lane groups of layer ``index``."""
        codes = range(self.numerics.program.groups.bit_length())
        choices = [of(1 << code) for code in codes]
        return choices[0] if len(choices) == 1 else Array(choices)[
            self.value(index, "group_code")]

    def is_output(self, index):
        """Whether layer ``index`` is the last."""
        return self.value(index, "is_output")

    def is_hidden(self, index):
        """Whether it is not."""
        return ~self.value(index, "is_output")

    def total(self, name: str):
        """Return a number of the whole network."""
        return self._network[name]

    def read(self, m: Module, name: str, address, *, domain: str = "sync"):
        """Add the memory of table ``name``; return its word at ``address``, in ``comb`` at once,
        else one cycle later."""
        table, words, at = self.tables[name], [], Signal(16, name=f"{name}_address")
        depth = max(table.depth, 2)
        m.d.comb += at.eq(address)
        for chunk, (start, end) in enumerate(table.chunks):
            memory = Memory(shape=unsigned(end - start), depth=depth, init=[])
            m.submodules[f"{name}_{chunk}"] = memory
            write, read = memory.write_port(), memory.read_port(domain=domain)
            m.d.comb += [write.addr.eq(self.write.word), write.data.eq(self.write.data),
                         write.en.eq(self._writes(table, chunk)), read.addr.eq(at)]
            words.append(read.data)
        return data.View(table.layout, Cat(*words))

    def read_passes(self, m: Module, load, restarts, fresh):
        """Read into ``fresh`` the pass that follows the one that was last ``load``-ed, the first
        again where the sample ``restarts``; return what goes on to the next."""
        table = self.tables["passes"]
        following, ahead = Signal(range(max(table.depth, 2))), Signal(
            range(max(table.depth, 2)), name="pass_ahead")
        now = Mux(restarts, 0, following)
        m.d.comb += ahead.eq(following)
        after = Mux(now == self._network.last_pass, 0, now + 1)
        m.d.comb += ahead.eq(Mux(load, after, following))
        first = Signal(table.layout, name="first_pass", reset_less=True)
        self.keep(m, "passes", 0, first)
        word = self.read(m, "passes", ahead)
        m.d.comb += fresh.eq(Mux(restarts, first.as_value(), word.as_value()))
        return following.eq(after)

    def keep(self, m: Module, name: str, word: int, register: Signal) -> None:
        """Keep ``word`` of table ``name`` in ``register``."""
        table = self.tables[name]
        for chunk, (start, end) in enumerate(table.chunks):
            with m.If(self._writes(table, chunk) & (self.write.word == word)):
                m.d.sync += register.as_value()[start:end].eq(self.write.data)

    def keep_all(self, m: Module) -> None:
        """Drive the tables that are kept in registers."""
        self.keep(m, "network", 0, self._network)
        for i, layer in enumerate(self._layers, 1):
            self.keep(m, "layers", i, layer)

    def _writes(self, table: Table, chunk: int):
        return (self.write.valid & (self.write.table == table.number)
                & (self.write.chunk == chunk))
