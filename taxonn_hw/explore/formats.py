"""The smallest formats of every layer and signal for an accuracy loss (TaxoNN's (I, F) per layer).

Round after round each signal gives up one bit, at the top or at the bottom, where the network still
learns well enough without it, until in a whole round none can.  "Well enough" is told on a sixth of
the training samples, on which no candidate is trained; the test set has no part in the search.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import mean

from ..config import Config, config_from_dict
from ..data import Dataset
from ..engines import make_plan
from ..errors import UserError
from ..fixed import Format, Pow2Format
from ..golden.train import train_golden
from ..plan.formats import LayerFormats

__all__ = ["SIGNALS", "FormatSearch", "held_out", "narrower", "search_formats", "with_format"]

#: Keys of ``formats`` that are searched, and what they are called in :class:`LayerFormats`; wide
#: ones come first, for they are stored for every weight.
SIGNALS = {"weight": "weight", "operand": "operand", "activation": "a", "delta": "delta"}
_EVERY = 6  # one sample of so many is held out


@dataclass(frozen=True, kw_only=True)
class FormatSearch:
    """What a search has found.

    Members
    -------
    config : Config
        The configuration with the formats that were found.
    before, after : list of LayerFormats
        Of every layer.
    loss : float
        Percentage points that golden loses to float on the samples held out, mean over the seeds.
    trainings : int
        Training runs of the golden model that it took.
    golden, reference : list of float
        Test accuracy in percent after training on all samples, golden and float, by seed.
    """

    config: Config
    before: list[LayerFormats]
    after: list[LayerFormats]
    loss: float
    trainings: int
    golden: list[float]
    reference: list[float]


def held_out(dataset: Dataset) -> Dataset:
    """Return ``dataset`` with every sixth training sample in place of the test set."""
    if len(dataset.x_train) < _EVERY:
        raise UserError(f"a search of formats needs at least {_EVERY} training samples, not "
                        f"{len(dataset.x_train)}")
    out = slice(_EVERY - 1, None, _EVERY)
    keep = [k for k in range(len(dataset.x_train)) if k % _EVERY != _EVERY - 1]
    return replace(dataset, x_train=dataset.x_train[keep], y_train=dataset.y_train[keep],
                   x_test=dataset.x_train[out], y_test=dataset.y_train[out])


def narrower(fmt: Format) -> Iterator[Format]:
    """Yield ``fmt`` without its lowest bit and without its highest; a power of two loses the lower
    or the upper half of its magnitudes."""
    lost = (fmt.n_magnitudes + 1) // 2 if isinstance(fmt, Pow2Format) else 1
    if fmt.width > (2 if isinstance(fmt, Pow2Format) or fmt.signed else 1):
        yield replace(fmt, width=fmt.width - 1, frac=fmt.frac - lost)
        yield replace(fmt, width=fmt.width - 1)


def with_format(config: Config, layer: int, key: str, fmt: Format) -> Config:
    """Return ``config`` with ``fmt`` for the signal ``key`` of ``layer`` (from 0)."""
    values = config.model_dump(mode="json", exclude_none=True)
    values["layers"][layer]["formats"][key] = str(fmt)
    return config_from_dict(values)


def search_formats(config: Config, dataset: Dataset, *, loss: float, epochs: int, seeds: int = 1,
                   progress: Callable[[int, int], None] | None = None) -> FormatSearch:
    """Narrow the formats of ``config`` until golden would lose more than ``loss`` points to float.

    Parameters
    ----------
    loss : float
        Percentage points, at least 0; mean over the seeds.
    epochs : int
        Of every training run.
    seeds : int
        Runs of every candidate, with the seed of ``config`` and those that follow it.
    progress : callable, optional
        Called with the trainings done and those that are to come at least.

    Raises
    ------
    UserError
        When the formats of ``config`` lose more already, or the engine has no such formats.
    """
    if config.engine != "taxonn":
        raise UserError(f"formats are searched for engine taxonn, not {config.engine}")
    if config.loadable is not None:
        raise UserError("formats are searched for a network, not for a loadable build")
    if not loss >= 0:
        raise UserError(f"the loss must be at least 0 points, not {loss:g}")
    search = _Search(held_out(dataset), epochs, range(config.seed, config.seed + seeds))
    golden, floats = search.accuracies(config, with_float=True)
    best = mean(floats) - mean(golden)
    if best > loss:
        raise UserError(f"the formats to start from lose {best:.2f} points to float, more than "
                        f"{loss:g}; start from more bits, or allow more")
    before, signals = search.formats(config), search.signals(config)
    waiting = len(signals)  # signals to try until each of them has been refused since the last bit
    while waiting:
        layer, key = signals[0]
        signals = [*signals[1:], signals[0]]
        if progress is not None:
            progress(search.trainings, search.trainings + 2 * waiting * seeds)
        found = search.narrow(config, layer, key, mean(floats) - loss)
        if found is None:
            waiting -= 1
        else:
            config, best, waiting = found[0], mean(floats) - found[1], len(signals)
    final = _Search(dataset, epochs, search.seeds)
    golden, reference = final.accuracies(config, with_float=True)
    return FormatSearch(config=config, before=before, after=search.formats(config), loss=best,
                        trainings=search.trainings + final.trainings, golden=golden,
                        reference=reference)


class _Search:
    """Trains candidates, and counts the runs."""

    def __init__(self, dataset: Dataset, epochs: int, seeds: range) -> None:
        self.dataset, self.epochs, self.seeds = dataset, epochs, seeds
        self.trainings = 0

    @staticmethod
    def formats(config: Config) -> list[LayerFormats]:
        return [layer.formats for layer in make_plan(config).layers]

    @staticmethod
    def signals(config: Config) -> list[tuple[int, str]]:
        """Layer and key of all that is searched; the output stays as wide as it is read."""
        last = len(config.layers) - 1
        return [(layer, key) for key in SIGNALS for layer in range(last + 1)
                if key != "activation" or layer < last]

    def accuracies(self, config: Config, *, with_float: bool = False):
        """Return the accuracies of golden by seed, and those of float or None."""
        runs = []
        for seed in self.seeds:
            plan = make_plan(config.model_copy(update={"seed": seed}))
            runs.append(train_golden(plan, self.dataset, epochs=self.epochs,
                                     with_float=with_float))
            self.trainings += 1
        return ([run.test_accuracy for run in runs],
                [run.float_accuracy for run in runs] if with_float else None)

    def narrow(self, config: Config, layer: int, key: str, least: float):
        """Return the better of the configurations with a bit less of a signal and its accuracy, or
        None where neither reaches ``least``."""
        fmt = getattr(self.formats(config)[layer], SIGNALS[key])
        found = []
        for candidate in narrower(fmt):
            try:
                narrow = with_format(config, layer, key, candidate)
                found.append((narrow, mean(self.accuracies(narrow)[0])))
            except UserError:  # a rule that ties formats together
                continue
        found = [pair for pair in found if pair[1] >= least]
        return max(found, key=lambda pair: pair[1], default=None)
