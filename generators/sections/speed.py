"""Evidence of speed: designs on their devices, what a computer does instead, and simulators.

The row of a GPU is made where there is one: ``taxonn bench --part software --torch cuda --json``,
its output kept as ``generators/evidence/speed-gpu.json``.
"""

import json
from pathlib import Path

from taxonn_hw.performance.designs import DESIGNS
from taxonn_hw.report.performance import performance_picture

__all__ = ["experiments", "pictures", "tables"]

SEEDS = 3
GPU = Path(__file__).resolve().parent.parent / "evidence" / "speed-gpu.json"
#: The design whose network computers train too.
COMPARED = "dense-85f-4bit"


def experiments(data: str) -> dict[str, list[str]]:
    """Return name -> arguments of ``taxonn``; ``data`` holds MNIST."""
    found = {design.name: ["bench", "--part", "hardware", "--design", design.name, "--seeds",
                           str(SEEDS), "--jobs", "1", "--data", data] for design in DESIGNS}
    for part in ("software", "simulation"):
        found[part] = ["bench", "--part", part, "--data", data]
    return found


def pictures(folder: Path, results: dict[str, dict]) -> None:
    """Draw everything measured on one axis."""
    (folder / "speed.png").write_bytes(performance_picture(
        {"hardware": _designs(results), "software": _computers(results),
         "simulation": results["simulation"]["simulation"]}))


def tables(results: dict[str, dict], commands: dict[str, list[str]]) -> str:
    """Return the Markdown of README's evidence section."""
    rows = _designs(results)
    parts = [
        ("**On devices**: the whole top level of a board, with serial link and, where the command "
         "says so, resident samples; samples/s of the array at the median fmax, MNIST with "
         "zero-skipping (`edge` and digits: their own data)."), "",
        ("| design | device | lanes | LUT | FF | RAM | DSP | fmax MHz (min, median, max) | seeds "
         "| clocks per sample | useful MAC/clock | training samples/s | inferences/s |"),
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        used = row["resources"]
        cells = [str(used[name]["used"]) if name in used else "-"
                 for name in ("lut", "ff", "ram", "dsp")]
        fmax = row["fmax_mhz"]
        parts.append(
            f"| {row['name']} | {row['device']} | {row['lanes']} | {' | '.join(cells)} | "
            f"{fmax['min']:.1f}, {fmax['median']:.1f}, {fmax['max']:.1f} | {len(row['seeds'])} | "
            f"{row['clocks_per_sample']:.1f} | {row['useful_macs_per_clock']:.1f} | "
            f"**{row['samples_per_s']:,.0f}** | {row['inferences_per_s']:,.0f} |")
    parts += ["", *_instead(_computers(results), results[COMPARED]["hardware"][0]), "",
              *_simulators(results["simulation"]["simulation"]), "",
              ("![Training samples a second of designs, computers and simulators]"
               "(generators/evidence/speed.png)")]
    return "\n".join(parts)


def _designs(results: dict[str, dict]) -> list[dict]:
    return [results[design.name]["hardware"][0] for design in DESIGNS]


def _computers(results: dict[str, dict]) -> list[dict]:
    """The rows of this computer, and those of a GPU."""
    rows = results["software"]["software"]
    if GPU.exists():
        rows = rows + [row for row in json.loads(GPU.read_text(encoding="utf-8"))["software"]
                       if not row["device"].startswith("CPU")]
    return rows


def _instead(rows: list[dict], design: dict) -> list[str]:
    """The same network on computers, and how many times as fast the design is at batch 1."""
    lines = [
        (f"**What one would do instead**: SGD of 784-128-10; `{design['name']}` takes a step after "
         "every sample, so batch 1 is the same work, larger batches take fewer steps."), "",
        f"| way | on | batch | samples/s | `{design['name']}` is |", "|---|---|---|---|---|"]
    for row in rows:
        times = design["samples_per_s"] / row["samples_per_s"]
        ratio = f"{times:.1f} times as fast" if row["batch"] == 1 else "-"
        name = f"{row['way']} {row['version']}" if "version" in row else row["way"]
        lines.append(f"| {name} | {row['device']} | {row['batch']} | "
                     f"{row['samples_per_s']:,.0f} | {ratio} |")
    return lines


def _simulators(rows: list[dict]) -> list[str]:
    """How fast the RTL trains in simulators."""
    lines = ["**Simulators** train the RTL:", "",
             "| simulator | network | samples | samples/s | clocks/s | mismatches |",
             "|---|---|---|---|---|---|"]
    return lines + [
        f"| {row['simulator']} | {row['network']} | {row['samples']} | {row['samples_per_s']:.1f} "
        f"| {row['clocks_per_s']:,.0f} | {row['mismatches']} |" for row in rows]
