"""Standard cells: area and power of inference, training and references, by width and lanes."""

import os
from pathlib import Path

__all__ = ["experiments", "shown", "tables"]

NET = "mnist-784-128-10"
BITS = (8, 4)
LANES = (16, 64)
_VARIANTS = ("inference", "training", "separate", "separate_same_width")
_RATIOS = {"training/inference": "(b)/(a)", "training/inference_narrow": "(b)/(a narrow)",
           "separate/training": "(c at 16 bit)/(b)",
           "separate_same_width/training": "(c at the width of (b))/(b)"}


def _liberty() -> str:
    """Return the library: ``TAXONN_LIBERTY``, else the one beside the checkout."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "pdk" / "sky130hd_tt.lib.gz"
    return os.environ.get("TAXONN_LIBERTY", str(beside))


def shown() -> dict[str, str]:
    """Return what commands show in place of paths."""
    return {_liberty(): "FILE"}


def experiments(data: str) -> dict[str, list[str]]:
    """Return name -> arguments of ``taxonn``."""
    return {f"{bits} bit, {lanes} lanes": [
                "asic", NET, "--bits", str(bits), "--set", f"lanes={lanes}", "--data", data,
                "--liberty", _liberty()]
            for bits in BITS for lanes in LANES}


def tables(results: dict[str, dict], commands: dict[str, list[str]]) -> str:
    """Return the Markdown of README's evidence section."""
    any_run = next(iter(results.values()))
    parts = [
        (f"**Cells**: `{NET}` on {any_run['library']} (`taxonn asic`), without the words of "
        "memories. (a) inference only; (b) with training; (c) the plain reference, in which "
        "forward, backward and update have multipliers, sums and adder trees of their own, at 16 "
        "bit and with the formats of (b), whose powers of two at 4 bit are shifts there too. All "
        "run the same passes on the same mapping, with the forward adder tree in each. (a) stores "
        "the weights of (b), 12 bit, and computes the same outputs; (a narrow) stores weights and "
        "biases as wide as operands, which bounds what inference alone can save. Area in thousands "
        "of um2:"), "",
        "| operands, lanes | (a) | (a narrow) | (b) | (c), 16 bit | (c), same width | "
        + " | ".join(f"**{label}**" for label in _RATIOS.values()) + " |",
        "|---|" + "---|" * (len(_VARIANTS) + 1 + len(_RATIOS))]
    for name, run in results.items():
        areas = [f"{run['variants'][v]['area_um2'] / 1e3:.1f}" for v in _VARIANTS]
        areas.insert(1, f"{run['inference_narrow']['area_um2'] / 1e3:.1f}")
        ratios = [f"{run['ratios'][key]:.2f}" for key in _RATIOS]
        parts.append(f"| {' | '.join([name, *areas, *ratios])} |")
    parts += ["", _power(results), "", _units(results), "", _clocks(results)]
    return "\n".join(parts)


def _power(results: dict[str, dict]) -> str:
    measured = {name: run for name, run in results.items() if run["power_note"] is None}
    if not measured:
        return next(iter(results.values()))["power_note"] + "."
    any_run = next(iter(measured.values()))
    version = any_run["versions"]["opensta"]
    rows = [
        (f"Power in mW at {any_run['clock_mhz']:g} MHz (OpenSTA {version}), from the toggles of "
        f"{any_run['samples']} samples that the mapped cells trained, (a) inferred, every weight "
        "and output as golden's. No glitches, no clock tree, no wires, no clock gating:"), "",
        "| operands, lanes | (a) | (b) | (c), 16 bit | (c), same width | "
        + " | ".join(f"**{label}**" for label in list(_RATIOS.values())[2:]) + " |",
        "|---|" + "---|" * (len(_VARIANTS) + len(_RATIOS) - 2)]
    for name, run in measured.items():
        powers = [f"{run['variants'][v]['power_mw']:.1f}" for v in _VARIANTS]
        ratios = [f"{run['power_ratios'][key]:.2f}" for key in list(_RATIOS)[2:]]
        rows.append(f"| {' | '.join([name, *powers, *ratios])} |")
    return "\n".join(rows)


def _units(results: dict[str, dict]) -> str:
    """Return the table of the largest units of one experiment."""
    name, run = f"8 bit, {LANES[-1]} lanes", results[f"8 bit, {LANES[-1]} lanes"]
    variants = run["variants"]
    units = sorted(variants["training"]["units"], reverse=True,
                   key=lambda unit: variants["training"]["units"][unit])[:8]
    rows = [f"Area by unit, {name}, thousands of um2 (the eight largest of (b)):", "",
            "| unit | (a) | (b) | (c), 16 bit | (c), same width |", "|---|---|---|---|---|"]
    for unit in units:
        areas = [variants[v]["units"].get(unit, 0) for v in _VARIANTS]
        rows.append(f"| {unit} | {' | '.join(f'{area / 1e3:.1f}' for area in areas)} |")
    return "\n".join(rows)


def _clocks(results: dict[str, dict]) -> str:
    clocks = "; ".join(
        f"{name}: " + ", ".join(
            f"{run['variants'][v]['forward_clocks_per_sample']:.1f}" for v in (
                "inference", "training")) for name, run in results.items())
    return f"Forward clocks of a sample, (a) and (b), predicted: {clocks}."
