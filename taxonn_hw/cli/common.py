"""What the verbs share: the options of CONFIG, results as text or JSON, progress."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps

import click

from ..config import Config, load_config
from ..errors import UserError

__all__ = ["Request", "config_options", "console", "emit", "json_option", "note",
           "on_option", "progress"]

_NOTE_S = 10  # seconds between two lines of progress where there is no terminal

json_option = click.option("--json", "as_json", is_flag=True,
                           help="One JSON object on standard output, nothing else there.")


@dataclass(frozen=True, kw_only=True)
class Request:
    """CONFIG and the common options, read and checked."""

    config: Config
    data: str | None
    samples: int | None
    as_json: bool
    build: Config | None = None

    def network(self):
        """Return the plan of the network, with all sizes and formats derived; with ``--on``, on
        that build, which it must fit."""
        from ..engines import make_plan

        plan = make_plan(self.config, self.build)
        if plan.build is not None:
            from ..rtl.taxonn.loading import network_words

            network_words(plan)
        return plan

    def dataset(self, network, *, samples: int | None = None):
        """Return the data set, cut or repeated to the samples asked for."""
        from ..data import load_for

        return load_for(network, data=self.data, samples=self.samples or samples)


def config_options(function: Callable) -> Callable:
    """Add CONFIG and its options to a verb; the verb gets a :class:`Request` first."""

    @wraps(function)
    def verb(source, bits, settings, data, samples, seed, as_json, **options):
        if samples is not None and samples < 1:
            raise UserError(f"--samples must be at least 1, not {samples}")
        config = load_config(source, bits=bits, settings=settings, seed=seed)
        on = options.pop("on_build", None)
        return function(Request(config=config, data=data, samples=samples, as_json=as_json,
                                build=None if on is None else load_config(on)), **options)

    for option in reversed([
        click.argument("source", metavar="CONFIG"),
        click.option("--bits", type=int, metavar="N",
                     help="Derive all formats for N bits (2 to 16)."),
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
                     help="Override a key of CONFIG; dots reach into tables. Repeatable."),
        click.option("--data", metavar="DIR|random|digits",
                     help="Folder of the data, or a built-in set. Default: what CONFIG names."),
        click.option("--samples", type=int, metavar="N",
                     help="Use the first N training samples; more than there are wrap around."),
        click.option("--seed", type=int, metavar="N", help="Replace the seed of CONFIG."),
        json_option,
    ]):
        verb = option(verb)
    return verb


#: Option of the verbs that run a network: on a loadable build, in place of hardware of its own.
on_option = click.option("--on", "on_build", metavar="BUILD",
                         help="Run CONFIG on this loadable build: a preset or TOML file with a "
                              "table [loadable].")


def emit(request_json: bool, result: dict, text: Callable[[], None]) -> None:
    """Write ``result`` as JSON, or let ``text`` print it for people."""
    if request_json:
        click.echo(json.dumps(result, indent=1, allow_nan=False))
    else:
        text()


def console():
    """Return a console on standard output."""
    from rich.console import Console

    # Into a pipe, tables are as wide as they need to be.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 1000)


def note(text: str) -> None:
    """Write a line of log to standard error."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def progress(what: str, unit: str = "samples") -> Iterator[Callable[[int, int], None]]:
    """Yield ``update(done, total)``: a bar on a terminal, else a line every ten seconds."""
    if not sys.stderr.isatty():
        yield _lines(what, unit)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TextColumn(unit), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(what: str, unit: str) -> Callable[[int, int], None]:
    start = last = time.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _NOTE_S and 0 < done < total:
            last = now
            left = (now - start) * (total - done) / done
            note(f"{what}: {done} of {total} {unit}, {left:.0f} s left")

    return update
