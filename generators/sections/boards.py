"""The boards: each with a preset worth running, three seeds, timing and utilisation."""

import json

from taxonn_hw.boards import board_names, load_board
from taxonn_hw.boards.load import board_dir

__all__ = ["experiments", "pictures", "tables"]

_SEEDS = 3
_COLUMNS = ("board", "device", "preset", "lanes", "LUT", "FF", "RAM", "DSP", "clock MHz",
            "fmax MHz (min, median, max)", "seeds", "clocks per sample", "samples/s, array",
            "samples/s, line", "resident samples", "of them the line asks for")
#: Boards that no accelerator with its link fits.
_TOO_SMALL = ("icestick",)
#: What of a build goes into the board's own ``results.json``.
_KEPT = ("config", "device", "lanes", "clock_mhz", "fmax_mhz", "seeds", "timing_met", "resources",
         "worst_path", "clocks_per_sample", "samples_per_s", "samples_per_s_at_clock",
         "bytes_per_sample", "baud", "samples_per_s_link", "resident_words", "resident_samples",
         "samples_per_s_link_resident", "bitstream_bytes", "versions")


def experiments(data: str) -> dict[str, list[str]]:
    """Return board -> arguments of ``taxonn``."""
    found = {}
    for name in board_names():
        if name in _TOO_SMALL:
            continue
        preset = load_board(name).preset
        from_folder = ["--data", data] if preset.startswith("mnist") else []
        found[name] = ["build", preset, "--board", name, "--seeds", str(_SEEDS), *from_folder]
    return found


def tables(results: dict[str, dict], commands: dict[str, list[str]]) -> str:
    """Return the table of all boards as Markdown."""
    rows = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for board, result in results.items():
        used = {name: f"{row['used']} of {row['available']}"
                for name, row in result["resources"].items()}
        memory = used.get("ram", "0")
        if result["resources"].get("spram", {}).get("used"):
            memory += f" + {used['spram']} SPRAM"
        fmax = ", ".join(f"{result['fmax_mhz'][key]:.1f}" for key in ("min", "median", "max"))
        rows.append("| " + " | ".join([
            board, result["device"], commands[board][1], str(result["lanes"]), used["lut"],
            used["ff"], memory, used.get("dsp", "-"), f"{result['clock_mhz']:.4g}", fmax,
            str(len(result["seeds"])),
            f"{result['clocks_per_sample']:.1f}", f"{result['samples_per_s']:.0f}",
            f"{result['samples_per_s_link']:.0f} at {result['baud'] / 1e6:g} Mbaud",
            *_resident(result)]) + " |")
    versions = next(iter(results.values()))["versions"]
    return ("**Boards**; every bitstream meets its clock. LUT, FF, RAM and DSP as nextpnr counts "
            "them, used of available (on an iCE40 logic cells for LUT). Samples/s of the array at "
            "the median fmax, in training; of the line with the frames of the serial link around "
            "real samples. Resident samples are on the chip, and train as fast as the array can "
            "while the line only asks for them. "
            f"Nothing that trains fits {' or '.join(_TOO_SMALL)} together with the link.\n\n"
            + "\n".join(rows) + "\n\nMade with "
            + ", ".join(f"{k} {v}" for k, v in sorted(versions.items())) + ".")


def _resident(result: dict) -> tuple[str, str]:
    if not result["resident_words"]:
        return "-", "-"
    return str(result["resident_samples"]), f"{result['samples_per_s_link_resident']:.0f}/s"


def pictures(folder, results: dict[str, dict]) -> None:
    """Write what was measured beside each board's definition."""
    for board, result in results.items():
        kept = {key: result[key] for key in _KEPT}
        text = json.dumps(kept, indent=1, sort_keys=True) + "\n"
        (board_dir() / board / "results.json").write_text(text, encoding="utf-8")
