"""Configuration: what a user writes in TOML, validated; every rule has a message.

:func:`load_config` reads a preset name or a file, applies ``--bits`` and ``--set`` and returns a
frozen :class:`Config`.  Derived sizes and formats are in :mod:`taxonn_hw.plan`.
"""

from .load import config_from_dict, load_config
from .loadable import SETTLED, on_build
from .model import Config, LoadableTable
from .tables import EdgeTable, FormatTable, LayerConfig, RoundingTable
from .values import MATCHED_LOSS, NEURON_KINDS, Activation, Loss

__all__ = ["MATCHED_LOSS", "NEURON_KINDS", "SETTLED", "Activation", "Config", "EdgeTable",
           "FormatTable", "LayerConfig", "LoadableTable", "Loss", "RoundingTable",
           "config_from_dict", "load_config", "on_build"]
