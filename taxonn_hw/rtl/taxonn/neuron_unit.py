"""Neuron unit: activation, loss and delta of neurons that come one by one.

Sums from the adder tree or the drain enter; activation codes leave after :attr:`activation_latency`
cycles and deltas after :attr:`delta_latency`.  Lanes that store all at once do not pass here.

stages  s0 sum | (wait for a random word) | round | saturate | (table, 2 cycles) |
        error or sum | (times f', 2 cycles) | quantise, 2 or 3 cycles
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Rounding
from ...plan.latency import RANDOM_LATENCY, UnitLatencies
from ...plan.program import Finish
from ..neuron import round_activation, saturate_activation, slope_of_code
from ..quantize import DeltaQuantizer
from ..random import RowWord
from ..select import by_index, common_shape
from .loaded_neuron import LoadedQuantizer, loaded_activation
from .numerics import Numerics

__all__ = ["NeuronUnit", "sum_tag"]


def sum_tag(numerics: Numerics) -> data.StructLayout:
    """What travels with a sum: whose it is and whether it completes the pass.

    In conv nets also ``place``, its row of stored values, and ``lane``; ``row``, the row of deltas
    of its window; ``slope``, where its derivative lies; and which position of its window it is.
    """
    members = {
        "layer": range(numerics.network.n_layers + 1),
        "backward": 1,
        "finish": 1,
        "item": range(max(2, *(layer.n_out for layer in numerics.layers))),
    }
    if numerics.conv:
        p = numerics.program
        members |= {
            "place": range(max(2, *(w.n_blocks * w.n_positions for w in p.walks))),
            "lane": range(max(2, numerics.network.lanes)),
            "row": range(max(2, *(w.n_blocks * w.n_pooled for w in p.walks))),
            "slope": range(max(2, p.slope_depth)),
            "window": range(max(2, *(w.window for w in p.walks))), "begins": 1, "ends": 1,
        }
    return data.StructLayout(members)


class NeuronUnit(wiring.Component):
    """Serial activation, loss and delta.

    Members
    -------
    valid, total, tag : In
        A sum; ``tag.finish`` counts without ``valid`` too.  ``tag.layer`` is the layer of the pass
        (for deltas: the layer above the neuron's).
    train : In(1)
        Output deltas are made.
    target : In
        Target code of output neuron ``target_item``, asked for one cycle before.
    state, lane_word : In
        Random state of the sample, word of lane 0.
    lanes : In
        Bits of the lane sequence (conv nets).
    a_valid, a_code, a_slope, a_tag : Out
        An activation; ``a_slope``: its derivative is not zero.
    a_derivative : Out
        Its derivative code.
    slope_write : In({valid, row, code})
        Derivatives for later deltas (conv nets).
    stored : Out
        Passes whose last result is written two cycles later.
    d_valid, d_delta, d_nonzero, d_tag : Out
        A delta; ``d_tag.layer`` is the neuron's own layer.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        self.layers = [p.layer for p in n.program.forward
                       if p.finish in (Finish.TREE, Finish.DRAIN)]
        self.rounding = n.network.config.rounding
        self.hidden = n.unit_hidden
        outputs = n.network.outputs
        times = UnitLatencies(n.program)
        self.has_table, self.multiplies = times.has_table, times.multiplies
        self.round_stage, self.quantize_stage = times.round_stage, times.quantize_stage
        self.activation_latency, self.delta_latency = times.activation, times.delta
        self.value_stage = self.activation_latency + 1
        self.quantizer = self._quantizer() if n.training else None
        self.sum_shape = n.sum_shape((Finish.TREE, Finish.DRAIN))
        self.code_shape = common_shape(*((q.lo, q.hi) for q in (
            layer.formats.a for layer in self.layers)))
        self.target_shape = common_shape(*((q.lo, q.hi) for q in (
            layer.formats.a for layer in outputs)))
        tag = sum_tag(n)
        self.factor = range(max(layer.derivative_bound * layer.mean_factor
                                for layer in self.layers) + 1)
        conv = {} if not n.conv else {
            "lanes": In(n.network.lanes + RANDOM_BITS - 1), "a_derivative": Out(self.factor),
            "slope_write": In(data.StructLayout({"valid": 1, "row": tag.members["slope"],
                                                 "code": self.factor}))}
        super().__init__({
            **conv,
            "valid": In(1), "total": In(self.sum_shape), "tag": In(tag),
            "train": In(1),
            "target_item": Out(tag.members["item"]), "target": In(self.target_shape),
            "state": In(32), "lane_word": In(RANDOM_BITS),
            "a_valid": Out(1), "a_code": Out(self.code_shape), "a_slope": Out(1),
            "a_tag": Out(tag),
            "d_valid": Out(1), "d_delta": Out(n.delta), "d_nonzero": Out(1), "d_tag": Out(tag),
            "stored": Out(range(3)),
        })

    def _quantizer(self):
        n, mode, output = self.numerics, self.rounding.delta, self.numerics.network.output
        if n.view.loadable:
            return LoadedQuantizer(view=n.view, mode=mode, shape=n.delta)
        cases = {layer.index: (layer, layer.delta_frac(n.network.above(layer)))
                 for layer in self.hidden}
        cases[output.index] = (output, output.delta_frac(None))
        return DeltaQuantizer(cases=cases, mode=mode, as_pow2=n.pow2, shape=n.delta)

    def elaborate(self, platform):
        m = Module()
        valids, tags, totals = [self.valid], [self.tag], [self.total]
        for stage in range(self.delta_latency if self.numerics.training
                           else self.activation_latency):
            valid = Signal(name=f"s{stage + 1}_valid")
            tag = Signal(self.tag.shape(), name=f"s{stage + 1}_tag")
            m.d.sync += [valid.eq(valids[-1]), tag.eq(tags[-1])]
            valids.append(valid)
            tags.append(tag)
        for stage in range(max(self.round_stage, self.value_stage - 1)):
            total = Signal(self.sum_shape, name=f"s{stage + 1}_total", reset_less=True)
            m.d.sync += total.eq(totals[-1])
            totals.append(total)
        code, slope = self._activate(m, totals, tags)
        at = self.activation_latency
        m.d.comb += [
            self.a_valid.eq(valids[at] & ~tags[at].backward), self.a_code.eq(code),
            self.a_tag.eq(tags[at]),
            self.a_slope.eq(slope != 0),
        ]
        if self.numerics.conv:
            m.d.comb += self.a_derivative.eq(slope)
        # Two cycles ahead of the write: that long a slot takes from the sequencer to the array.
        view = self.numerics.view
        stored = tags[at - 2].finish & ~tags[at - 2].backward
        if self.numerics.training:
            self._deltas(m, valids, tags, totals, code, slope)
            early = tags[self.delta_latency - 2]
            stored = (stored & view.is_hidden(tags[at - 2].layer)) + (
                early.finish & (early.backward | view.is_output(early.layer)))
        m.d.comb += self.stored.eq(stored)
        return m

    def _random(self, m, kind: str, tag, stage: int) -> Value:
        """The word of the ``activation`` or ``delta`` of the neuron in ``tag``, delayed to
        ``stage`` (at least 4) after it."""
        n, name = self.numerics, f"{kind}_words"
        # A sample ends only when all of its results are stored: so long its state stays.
        m.submodules[name] = words = RowWord(holds=False)
        layer = tag.layer
        if kind == "delta":
            layer = Mux(tag.backward, tag.layer - 1, tag.layer)
        base = Signal(16, name=f"{name}_base")
        item, lane_word = tag.item, self.lane_word
        if n.conv:
            images = Signal(name=f"{name}_of_image")
            m.d.comb += images.eq(n.view.value(layer, "is_conv"))
            item = Mux(images, tag.place, tag.item)
            lane = Mux(images, tag.lane, 0)
            for delay in range(stage):
                register = Signal.like(tag.lane, name=f"{name}_lane_{delay}", reset_less=True)
                m.d.sync += register.eq(lane)
                lane = register
            lane_word = self.lanes.bit_select(lane, RANDOM_BITS)
        m.d.comb += [base.eq(n.view.value(layer, f"{kind}_base")), words.state.eq(self.state),
                     words.index.eq(base - item)]
        word = words.word
        for delay in range(stage - RANDOM_LATENCY):
            register = Signal(RANDOM_BITS, name=f"{name}_{delay}", reset_less=True)
            m.d.sync += register.eq(word)
            word = register
        return word ^ lane_word

    def _activate(self, m, totals, tags) -> tuple[Value, Value]:
        """Activation code and derivative code at :attr:`activation_latency`."""
        mode, t = self.rounding.activation, self.round_stage
        random = None
        if mode is Rounding.STOCHASTIC:
            random = self._random(m, "activation", tags[0], t)
        if self.numerics.view.loadable:
            return loaded_activation(m, self.numerics.view, totals[t - 1], tags[t - 1:], mode,
                                     random, self.code_shape)
        rounded, codes = {}, {}
        for layer in self.layers:
            value = round_activation(totals[t], layer, mode, random)
            register = Signal(value.shape(), name=f"rounded_{layer.index}", reset_less=True)
            m.d.sync += register.eq(value)
            rounded[layer.index] = register
            codes[layer.index] = saturate_activation(register, layer)
        shape = common_shape(*((q.lo, q.hi) for layer in self.layers for q in (
            (layer.table_format if layer.activation.is_table else layer.formats.a),)))
        code = Signal(shape, name="saturated", reset_less=True)
        m.d.sync += code.eq(by_index(tags[t + 1].layer, codes))
        slope_bound = max(layer.derivative_bound for layer in self.layers)
        slopes = {}
        if not self.has_table:
            for layer in self.layers:
                slopes[layer.index] = _slope_code(code, layer)
            slope = Signal(range(slope_bound + 1), name="slope")
            m.d.comb += slope.eq(by_index(tags[t + 2].layer, slopes))
            return code, slope
        s1_code = Signal(shape, name="held_code", reset_less=True)
        m.d.sync += s1_code.eq(code)
        final = Signal(self.code_shape, reset_less=True)
        slope = Signal(range(slope_bound + 1), reset_less=True)
        results, tables = {}, {}
        for layer in self.layers:
            if layer.activation.is_table:
                key = (layer.activation, layer.formats.a, layer.formats.derivative)
                if key not in tables:
                    tables[key] = self._table(m, layer, code)
                results[layer.index], slopes[layer.index] = tables[key]
            else:
                results[layer.index] = s1_code
                slopes[layer.index] = _slope_code(s1_code, layer)
        at = tags[t + 3].layer
        m.d.sync += [final.eq(by_index(at, results)), slope.eq(by_index(at, slopes))]
        return final, slope

    def _table(self, m, layer, index) -> tuple[Value, Value]:
        """Read activation and derivative at table ``index``; latency 1 cycle."""
        a, slope = layer.table
        width = layer.formats.a.width
        words = [(int(x) & (1 << width) - 1) | int(s) << width
                 for x, s in zip(a, slope, strict=True)]
        half = len(words) // 2  # a two's complement index counts 0.. then the negative ones
        memory = Memory(shape=width + layer.formats.derivative.width, depth=len(words),
                        init=words[half:] + words[:half])
        m.submodules[f"table_{layer.index}"] = memory
        port = memory.read_port()
        m.d.comb += port.addr.eq(index[:layer.table_bits])
        code = port.data[:width]
        return (code.as_signed() if layer.formats.a.signed else code), port.data[width:]

    def _deltas(self, m, valids, tags, totals, code, slope) -> None:
        n, view = self.numerics, self.numerics.view
        at = self.activation_latency
        m.d.comb += self.target_item.eq(tags[at - 1].item)
        error = Signal(signed(max(self.code_shape.width, self.target_shape.width) + 2))
        m.d.comb += error.eq(code - self.target)
        value = Signal(signed(max(error.shape().width, self.sum_shape.width
                                  if self.hidden else 0)), name="value", reset_less=True)
        m.d.sync += value.eq(Mux(tags[at].backward, totals[at], error) if self.hidden else error)
        if self.multiplies:
            value = self._times_slope(m, valids, tags, value, slope)
        first = self.value_stage + (2 if self.multiplies else 0)
        for stage in range(first, self.quantize_stage):
            held = Signal(value.shape(), name=f"value_{stage}", reset_less=True)
            m.d.sync += held.eq(value)
            value = held
        q, t = self.quantizer, self.quantize_stage
        own = [Signal.like(tag.layer, name=f"own_layer_{k}") for k, tag in enumerate(tags)]
        m.d.comb += [own[k].eq(Mux(tag.backward, tag.layer - 1, tag.layer))
                     for k, tag in enumerate(tags)]
        random = None
        if self.rounding.delta is Rounding.STOCHASTIC:
            random = self._random(m, "delta", tags[0], t + q.random_delay())
        delta = q.build(m, value, own[t:t + q.latency], random, "unit")
        end = self.delta_latency
        makes = tags[end].backward | (view.is_output(tags[end].layer) & self.train)
        m.d.comb += [
            self.d_delta.eq(delta), self.d_valid.eq(valids[end] & makes), self.d_tag.eq(tags[end]),
            self.d_tag.layer.eq(own[end]),
            self.d_tag.finish.eq(tags[end].finish & (
                tags[end].backward | view.is_output(tags[end].layer))),
            self.d_nonzero.eq((delta[:-1] if n.pow2 else delta) != 0),
        ]

    def _output_slope(self, tag, slope):
        """What an error at the output is multiplied by."""
        view = self.numerics.view
        if view.loadable:
            return Mux(view.value(tag.layer, "output_slope"), slope, 1)
        return slope if self.numerics.network.output.has_derivative_at_output else 1

    def _times_slope(self, m, valids, tags, value, slope) -> Value:
        """Multiply by f', of the output at once or of a hidden neuron from memory; 2 cycles."""
        n, at = self.numerics, self.activation_latency
        factor = Signal(self.factor, reset_less=True)
        choice = Mux(n.view.is_output(tags[at].layer), self._output_slope(tags[at], slope), 0)
        if self.hidden:
            depth = n.program.slope_depth if n.conv else n.network.n_neurons
            memory = Memory(shape=len(factor), depth=depth, init=[])
            m.submodules.slopes = memory
            write, read = memory.write_port(), memory.read_port()
            bases = {layer.index: layer.neuron_base for layer in n.layers}
            below = {layer.index: n.layers[layer.index - 2].neuron_base
                     for layer in n.layers if layer.index > 1}
            if n.conv:
                own = self.slope_write
                m.d.comb += [write.addr.eq(own.row), write.data.eq(own.code),
                             write.en.eq(own.valid), read.addr.eq(tags[at - 1].slope)]
            else:
                m.d.comb += [
                    write.addr.eq(by_index(tags[at].layer, bases) + tags[at].item),
                    write.data.eq(slope), write.en.eq(self.a_valid),
                    read.addr.eq(by_index(tags[at - 1].layer, below) + tags[at - 1].item),
                ]
            choice = Mux(tags[at].backward, read.data, choice)
        m.d.sync += factor.eq(choice)
        product = Signal(signed(len(value) + len(factor)), reset_less=True)
        result = Signal(product.shape())  # resets: two plain registers would lose the multiplier
        m.d.sync += [product.eq(value * factor), result.eq(product)]
        return result


def _slope_code(code, layer) -> Value:
    """Derivative code of a stored activation code, tables excepted."""
    live, steep = slope_of_code(code, layer)
    if isinstance(steep, Const):
        return live
    return Cat(live & ~steep, Const(0, layer.leak_exponent - 1), live & steep)

