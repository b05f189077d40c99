"""Builds that load their network at run time: the union of what several networks need.

Every memory, container and range of shifts is as large as the network that needs most of it asks
for.  What runs on such a build runs as kernels over images (:mod:`.conv_program`).
"""

from functools import cached_property

from ..config import SETTLED, Config, on_build
from ..errors import UserError
from ..fixed import Pow2Format
from .conv_program import ConvProgram
from .network import Network
from .unbuilt import unbuilt_part

__all__ = ["Build", "LoadedNetwork", "UnionProgram", "load_plan"]


class LoadedNetwork(Network):
    """A network on a build: lanes, streams and words are those of the build."""

    def __init__(self, config: Config, build: "Build") -> None:
        self.build = build
        super().__init__(on_build(config, build.config))

    runs_as_kernels = True

    @property
    def samples_per_clock(self) -> int:
        """Elements of a sample beat."""
        return self.build.samples_per_clock

    @property
    def word(self) -> int:
        """Bits of one lane of the weight memory."""
        return self.build.word

    @cached_property
    def program(self) -> ConvProgram:
        """Its passes."""
        return ConvProgram(self)

    def facts(self) -> dict:
        """Return what a network has, and what its build has room for."""
        return {**super().facts(), "build": self.build.facts()}


class Build:
    """Hardware for several networks; in place of a ``Network`` where hardware is made.

    Parameters
    ----------
    config : Config
        With a table ``loadable``.

    Members
    -------
    config : Config
        Of the build; the range of the learning rate holds those of all networks.
    networks : tuple of LoadedNetwork
        Its own, then those of ``loadable.networks``.
    layers : tuple
        The layers of all of them.
    spare_bits : int
        How much further apart than in any of them binary points may lie.
    word, n_rows, n_inputs, n_neurons, n_layers : int
        The most of any.

    Raises
    ------
    UserError
        When the networks cannot share hardware, or have something that no loadable build has.
    """

    build = None
    runs_as_kernels = True

    def __init__(self, config: Config) -> None:
        configs = [config.model_copy(update={"loadable": None}), *config.loadable.networks]
        rates = [each.rate_range for each in configs]
        low, high = min(low for low, _ in rates), max(high for _, high in rates)
        if high - low > 7:
            raise UserError(f"the learning rates of a build must span at most 8 exponents, not "
                            f"{high - low + 1} ({low} to {high})")
        self.config = config.model_copy(update={"learning_rate_range": (low, high)})
        self.lanes = config.lanes
        self.samples_per_clock = config.samples_per_clock
        self.single_port = config.weight_memory == "single_port"
        self.decays = config.training and config.weight_decay is not None
        self.word, self.networks = 0, ()
        self.spare_bits = config.loadable.spare_bits
        self.networks = tuple(LoadedNetwork(each, self) for each in configs)
        for network in self.networks:
            check_kind(network, self)
        first = self.networks[0]
        self.weight_group = first.weight_group
        self.layers = tuple(layer for network in self.networks for layer in network.layers)
        self.inputs = tuple(network.input for network in self.networks)
        self.outputs = tuple(network.output for network in self.networks)
        self.output = first.output
        self.word = max(layer.formats.weight.width for layer in self.layers)
        self.n_rows = max(network.n_rows for network in self.networks)
        self.n_inputs = max(network.n_inputs for network in self.networks)
        self.n_neurons = max(network.n_neurons for network in self.networks)
        self.n_layers = max(network.n_layers for network in self.networks)
        self._home = {id(layer): network for network in self.networks for layer in network.layers}

    @cached_property
    def program(self) -> "UnionProgram":
        """The passes of all networks."""
        return UnionProgram(self)

    @cached_property
    def element_width(self) -> int:
        """Bits of an element of the sample stream: a code of any input or target."""
        return max(_container(self.inputs)[0], self.result_shape[0])

    @cached_property
    def result_shape(self) -> tuple[int, bool]:
        """Bits of an output code of any network, and whether it is signed."""
        return _container(layer.formats.a for layer in self.outputs)

    def facts(self) -> dict:
        """Return what there is room for, as JSON values."""
        p = self.program
        return {"name": self.config.name, "layers": self.n_layers, "inputs": self.n_inputs,
                "outputs": max(layer.n_out for layer in self.outputs), "weight_rows": self.n_rows,
                "neurons": p.image_depth, "delta_rows": p.vector_rows, "tap_rows": p.tap_depth,
                "lane_groups": p.groups,
                "networks": [network.config.name for network in self.networks]}

    def delta_kind(self, network: LoadedNetwork):
        """The format of deltas that those of ``network`` must be like: the build's first."""
        return (self.networks or (network,))[0].layers[0].formats.delta

    def home(self, layer) -> LoadedNetwork:
        """The network that ``layer`` belongs to."""
        return self._home[id(layer)]

    def above(self, layer):
        """The layer that reads the output of ``layer``."""
        return self.home(layer).above(layer)

    def below(self, layer):
        """The layer whose output ``layer`` reads."""
        return self.home(layer).below(layer)


class UnionProgram:
    """What the hardware needs to know of the programs of all networks; see ``ConvProgram``."""

    loadable = True

    def __init__(self, build: Build) -> None:
        self.network = build
        programs = self.programs = [network.program for network in build.networks]
        for name in ("walks", "forward", "backward", "passes"):
            setattr(self, name, tuple(each for p in programs for each in getattr(p, name)))
        for name in ("groups", "image_depth", "vector_rows", "slope_depth", "tap_depth",
                     "n_lines", "n_columns", "x_rows"):
            setattr(self, name, max(getattr(p, name) for p in programs))
        for name in ("lists", "a_base", "d_base"):
            setattr(self, name, {k: v for p in programs for k, v in getattr(p, name).items()})
        self.n_passes = max(len(p.passes) for p in programs)

    def walk(self, layer):
        """Return the walk of a layer."""
        return self.network.home(layer).program.walk(layer)


def check_kind(network: Network, build: Build) -> None:
    """Raise UserError where ``network`` has what a loadable build has not, or not this one."""
    config, name = network.config, network.config.name
    if (part := unbuilt_part(network)) is not None:
        raise UserError(f"{name}: a loadable build has no hardware for {part}")
    if not all(layer.by_outputs for layer in network.layers):
        raise UserError(f"{name}: a loadable build has no hardware for mapping inputs")
    if network.output.activation.value == "softmax" or any(
            layer.activation.is_table for layer in network.layers):
        raise UserError(f"{name}: a loadable build has relu, leaky_relu, hard_sigmoid and "
                        "identity, no tables and no softmax")
    for key in (*SETTLED, "rounding"):
        own, settled = getattr(config, key), getattr(build.config, key)
        if own != settled:
            if key == "rounding":
                key, own, settled = next(
                    (f"rounding.{k}", getattr(own, k).value, getattr(settled, k).value)
                    for k in type(own).model_fields if getattr(own, k) != getattr(settled, k))
            raise UserError(f"{name} does not fit {build.config.name}: {key} is {_said(own)}, the "
                            f"build has {_said(settled)}")
    (low, high), (least, most) = config.rate_range, build.config.rate_range
    if low < least or high > most:
        raise UserError(f"{name} does not fit {build.config.name}: its learning rates are 2^-{low} "
                        f"to 2^-{high}, the build has 2^-{least} to 2^-{most}")
    for layer in network.layers:
        kinds = layer.formats.delta, build.delta_kind(network)
        if _kind(kinds[0]) != _kind(kinds[1]):
            raise UserError(f"{name} does not fit {build.config.name}: layer {layer.index} has "
                            f"deltas {kinds[0]}, the build has {kinds[1]} (powers of two of one "
                            "width, or none)")


def load_plan(config: Config, build: Config | None = None) -> LoadedNetwork:
    """Return the plan of ``config`` on ``build``; without, of the network of a build itself.

    Raises
    ------
    UserError
        When the build has no table ``loadable``, or the network does not fit it.
    """
    if build is None:
        return Build(config).networks[0]
    if build.loadable is None:
        raise UserError(f"{build.name} is no loadable build: it has no table [loadable]")
    if config.loadable is not None:
        config = config.model_copy(update={"loadable": None})
    if config.engine != "taxonn":
        raise UserError(f"{config.name} does not fit {build.name}: engine {config.engine} loads "
                        "no networks")
    whole = Build(build)
    network = LoadedNetwork(config, whole)
    check_kind(network, whole)
    return network


def _kind(delta) -> int | None:
    return delta.width if isinstance(delta, Pow2Format) else None


def _said(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _container(formats) -> tuple[int, bool]:
    """Bits that hold the codes of all ``formats``, and whether one is a sign."""
    formats = list(formats)
    signed = any(q.signed for q in formats)
    return max(q.width + (signed and not q.signed) for q in formats), signed
