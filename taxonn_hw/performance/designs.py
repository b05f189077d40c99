"""The designs of the performance table: networks worth comparing, each on a board."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..config import load_config
from ..errors import UserError

__all__ = ["DESIGNS", "QUICK", "Design", "choose_designs"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """A preset on a board.

    Members
    -------
    name : str
    preset, board : str
    bits : int, optional
        As ``--bits``.
    settings : tuple of str
        As ``--set``.
    mhz : float, optional
        Clock asked of place and route; by default the board's.
    """

    name: str
    preset: str
    board: str
    bits: int | None = None
    settings: tuple[str, ...] = ()
    mhz: float | None = None

    def config(self):
        """Return the configuration."""
        return load_config(self.preset, bits=self.bits, settings=self.settings)

    @property
    def command(self) -> str:
        """The command that builds it."""
        words = ["taxonn", "build", self.preset, "--board", self.board]
        if self.bits is not None:
            words += ["--bits", str(self.bits)]
        for setting in self.settings:
            words += ["--set", setting]
        if self.mhz is not None:
            words += ["--freq", f"{self.mhz:g}"]
        return " ".join(words)


#: Takes seconds; shows that the whole way works.
QUICK = (Design(name="xor", preset="xor-2-4-1", board="hx8k-evn"),)

#: What the block RAM of a 45F holds: 10-bit weights, and 128 samples of 64 words.
_ON_45F = ("lanes=64", "formats.weight=s10.9", "resident=128", "resident_sample_words=64")

#: Clocks asked of the large ones are a tenth above those that are hoped for: the placer then tries.
DESIGNS = (
    Design(name="dense-85f-4bit", preset="mnist-784-128-10", board="ulx3s-85f", bits=4,
           settings=("resident=256", "resident_sample_words=64"), mhz=110),
    Design(name="dense-45f-4bit", preset="mnist-784-128-10", board="ulx3s-45f", bits=4,
           settings=_ON_45F, mhz=115),
    Design(name="dense-45f-8bit", preset="mnist-784-128-10", board="ulx3s-45f", bits=8,
           settings=_ON_45F, mhz=115),
    Design(name="edge-85f-4bit", preset="edge-1024-64-32", board="ulx3s-85f", bits=4,
           settings=("formats.input=u8.8", "formats.activation=u8.7"), mhz=95),
    Design(name="dense-up5k", preset="mnist-784-128-10-up5k", board="icebreaker", mhz=24),
    Design(name="digits-up5k", preset="digits-64-32-10", board="icebreaker"),
    Design(name="digits-hx8k", preset="digits-64-32-10", board="hx8k-evn", settings=("lanes=4",)),
    Design(name="dense-hx8k", preset="mnist-784-16-10", board="hx8k-evn"),
)


def choose_designs(names: Sequence[str], *, quick: bool) -> tuple[Design, ...]:
    """Return the designs called ``names``; all, or the quick ones, without names.

    Raises
    ------
    UserError
        When there is no such design.
    """
    if not names:
        return QUICK if quick else DESIGNS
    known = {design.name: design for design in (*DESIGNS, *QUICK)}
    for name in names:
        if name not in known:
            raise UserError(f"--design: no design is named {name!r}; there are "
                            f"{', '.join(known)}")
    return tuple(known[name] for name in names)
