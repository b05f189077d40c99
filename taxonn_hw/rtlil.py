"""Merge modules that are equal, in the text form of RTLIL.

Amaranth writes every instance as a module of its own: 128 equal lanes are 128 modules.  Here
modules whose bodies are equal, name and ``src`` attributes aside, become one that all cells refer
to, from the leaves up; so 128 lanes of five units each leave six modules.  The text is Amaranth's:
``module`` and its ``end`` stand in column 0, everything inside is indented or a ``connect``.
"""

import re
from dataclasses import dataclass, field

__all__ = ["Port", "memories", "merge_modules", "ports"]

_CELL = re.compile(r"  cell (\\\S+) (\S+)$")
_WIRE = re.compile(r"  wire width (\d+) (input|output) (\d+)  (?:signed )?\\(\S+)$")
_MEMORY = re.compile(r"  memory width (\d+) size (\d+) \\(\S+)$")

_INDEX = re.compile(r"(?:[_$]\d+)+(?=\.|$)")  # of an instance, and of a name that was taken


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of the top module."""

    name: str
    direction: str
    width: int


@dataclass
class _Module:
    name: str
    attributes: list[str]
    body: list[str] = field(default_factory=list)
    cells: dict[int, str] = field(default_factory=dict)  # line of the body -> module it names


def merge_modules(text: str, *, top: str) -> str:
    """Return the RTLIL ``text`` with equal modules merged and modules named without dots.

    A module is named after the place of its first instance, index left out: ``top.array.lane_0``
    becomes ``top_array_lane``.  Modules that ``top`` does not reach are left out.

    Raises
    ------
    ValueError
        When there is no module ``top`` or the text is not RTLIL.
    """
    modules = _parse(text)
    if top not in modules:
        raise ValueError(f"no module {top!r} in the RTLIL")
    final: dict[str, str] = {}  # module -> the name of the one that stands for it
    by_body: dict[str, str] = {}
    taken = {top}
    written = []
    for name in _leaves_first(modules, top):
        module = modules[name]
        for line, child in module.cells.items():
            instance = _CELL.match(module.body[line])[2]
            module.body[line] = f"  cell \\{final[child]} {instance}"
        body = "\n".join(module.body)
        if name == top:
            final[name] = top
        elif body in by_body:
            final[name] = by_body[body]
            continue
        else:
            final[name] = by_body[body] = _free_name(name, taken)
        written.append("\n".join([*module.attributes, f"module \\{final[name]}", body, "end", ""]))
    return "\n".join(reversed(written))


def ports(text: str, *, top: str) -> list[Port]:
    """Return the ports of module ``top``, in order."""
    found = {}
    for line in _parse(text)[top].body:
        if match := _WIRE.match(line):
            found[int(match[3])] = Port(name=match[4], direction=match[2], width=int(match[1]))
    return [found[index] for index in sorted(found)]


def memories(text: str, *, top: str) -> list[dict]:
    """Return the memories in the hierarchy of ``top``: name, width, depth, number of copies."""
    modules, found = _parse(text), {}

    def visit(name: str, path: str) -> None:
        module = modules[name]
        for line, row in enumerate(module.body):
            if match := _MEMORY.match(row):
                place = _INDEX.sub("", f"{path}{match[3]}")
                key = place, int(match[1]), int(match[2])
                found[key] = found.get(key, 0) + 1
            elif line in module.cells:
                instance = _CELL.match(row)[2].removeprefix("\\")
                visit(module.cells[line], f"{path}{instance}.")

    visit(top, "")
    return [{"name": name, "width": width, "depth": depth, "copies": copies}
            for (name, width, depth), copies in found.items()]


def _parse(text: str) -> dict[str, _Module]:
    modules: dict[str, _Module] = {}
    attributes: list[str] = []
    current = None
    for line in text.splitlines():
        if current is None:
            if line.startswith("attribute "):
                if not line.startswith("attribute \\src "):
                    attributes.append(line)
            elif line.startswith("module "):
                current = _Module(line.removeprefix("module \\").strip(), attributes)
                attributes = []
            elif line.strip() and not line.startswith(("autoidx ", "#")):
                raise ValueError(f"unexpected RTLIL outside a module: {line[:60]!r}")
        elif line == "end":
            modules[current.name] = current
            current = None
        elif line.strip() and not line.startswith("  attribute \\src "):
            if (match := _CELL.match(line)) is not None:
                current.cells[len(current.body)] = match[1].removeprefix("\\")
            current.body.append(line)
    if current is not None:
        raise ValueError(f"module {current.name} does not end")
    for module in modules.values():  # cells of foreign primitives stay as they are
        module.cells = {line: child for line, child in module.cells.items() if child in modules}
    return modules


def _leaves_first(modules: dict[str, _Module], top: str) -> list[str]:
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in order:
            for child in modules[name].cells.values():
                visit(child)
            order[name] = None

    visit(top)
    return list(order)


def _free_name(name: str, taken: set[str]) -> str:
    stem = re.sub(r"\W", "_", _INDEX.sub("", name))
    free, count = stem, 1
    while free in taken:
        count += 1
        free = f"{stem}_v{count}"
    taken.add(free)
    return free
