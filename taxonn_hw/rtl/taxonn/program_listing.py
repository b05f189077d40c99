"""What ``taxonn check --program`` prints of a network on a loadable build: passes, and words."""

from textwrap import wrap

from ...plan.conv_program import conv_listing
from ...plan.loadable import LoadedNetwork
from .loading import FIRST_WORD, build_view, network_rows, network_words

__all__ = ["loaded_listing"]

_WIDTH = 100


def loaded_listing(network: LoadedNetwork) -> str:
    """Return the program of ``network`` as text: the passes, then every table word by word.

    Of a word its numbers by name, those that are not 0, and what the host writes: chunks of 32
    bits, the lowest first.
    """
    tables, rows = build_view(network.build).tables, network_rows(network)
    lines = [conv_listing(network)]
    for name, words in network_words(network).items():
        table, first = tables[name], FIRST_WORD.get(name, 0)
        lines += ["", (f"{name}: table {table.number}, {len(words)} of "
                       f"{table.depth - first} words of {table.layout.size} bits")]
        for i, (row, chunks) in enumerate(zip(rows[name], words, strict=True), first):
            lines += _block(f"{i:4}  ", ", ".join(_numbers(row)) or "all 0")
            lines += _block("      = ", " ".join(f"{chunk:08x}" for chunk in chunks))
    return "\n".join(lines)


def _numbers(row, prefix: str = ""):
    """Yield the numbers of a row that are not 0, by name."""
    items = enumerate(row) if isinstance(row, list) else row.items()
    for key, value in items:
        where = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _numbers(value, f"{where}.")
        elif value:
            yield f"{where} {value:#x}" if abs(value) >= 1 << 31 else f"{where} {value}"


def _block(head: str, text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head),
                break_long_words=False, break_on_hyphens=False)
