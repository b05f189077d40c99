"""Evidence of engine ``edge``: the published point, formats, density, clocks, an epoch in RTL."""

from pathlib import Path
from statistics import mean

__all__ = ["experiments", "pictures", "tables"]

MNIST = "edge-1024-64-32"
BOARD = "ulx3s-85f"
DENSITY = "edge-1024-64-16"
SEEDS = (1, 2, 3, 4)
PUBLISHED = ["--set", "edge.arithmetic=compatibility", "--set", "activation=sigmoid",
             "--set", "output=sigmoid"]


def _steps(*schedule: tuple[int, int]) -> list[str]:
    """Arguments for steps of 2^-k from each first epoch on, and independent initial weights."""
    return ["--set", "edge.initial=independent",
            "--set", f"learning_rate_exponent={schedule[0][1]}", "--set",
            "learning_rate_schedule=[" + ",".join(f"[{e},{k}]" for e, k in schedule) + "]"]


SLOWER = _steps((1, 3), (5, 4), (9, 5), (13, 6))
#: Operands of four bits, the activations' shifted so that all eight bits of a pixel remain.
FOUR = ["--bits", "4", "--set", "formats.operand=s4.2", "--set", "formats.input=u8.8",
        "--set", "formats.activation=u8.7", *SLOWER]
#: name -> arguments, and what the table says of it
FORMATS = {
    "published 12": (["--bits", "12", *PUBLISHED],
                     "published, 12 bits (3, 8) everywhere, steps 2^-3 to 2^-7"),
    "published 10": (["--bits", "10", *PUBLISHED],
                     "published, 10 bits (2, 7) everywhere, the same steps"),
    "improved relu 12": (["--bits", "12", "--set", "activation=relu",
                          "--set", "formats.weight=s12.10", "--set", "formats.operand=s12.10",
                          *_steps((1, 4), (7, 5), (11, 6), (13, 7), (15, 8))],
                         "improved, 12 bits, relu, steps 2^-4 to 2^-8"),
    "improved hard 16": (["--bits", "16", *SLOWER], "improved, 16 bits, steps 2^-3 to 2^-6"),
    "improved hard 8": (["--bits", "8", *SLOWER],
                        "improved, 8-bit operands, 12 stored, the same steps"),
    "improved hard 4": (FOUR, "improved, 4-bit weight operands, 12 stored, power-of-two gradients"),
    "improved all 4": (["--bits", "4", "--set", "formats.operand=s4.2",
                        "--set", "formats.activation=u4.3", "--set", "formats.input=u4.4",
                        "--set", "rounding.activation=stochastic", *SLOWER],
                       "the same with activations and pixels of 4 bits too"),
}
#: fan-outs of 1024-64-16 from 1.6 % to 100 %
FAN_OUTS = ((1, 1), (1, 4), (2, 8), (4, 8), (8, 8), (16, 16), (64, 16))
#: connectivity % -> accuracy % after 3 epochs, read off the plot of the interleaver talk
TALK = {1.6: 89.6, 2.2: 90.9, 2.4: 92.0, 3.1: 92.9, 4: 93.6, 5.7: 94.6, 10: 96.1, 14.6: 96.6,
        20: 96.6, 26: 96.9, 38: 97.4, 50: 97.3, 75: 97.3, 100: 97.2}
_BUILD_COLUMNS = ("arithmetic", "z", "clocks", "MHz", "samples/s", "times 441,000", "LUT",
                  "FF", "RAM", "DSP")
PUBLISHED_RATE = 441_000  # samples/s of the published FPGA: 15 MHz, 34 clocks
SIMULATIONS = {"verilator": "40", "icarus": "4"}
#: The authors' Vivado report of 10 bits (2, 7) on the XC7A100T; block RAMs of 36 kbit, ours of 18.
_PUBLISHED_BUILD = ("the authors' RTL, 10 bits, XC7A100T", "128,32", "34", "15", "441176", "1.00",
                    "46168", "14404", "37.5", "224")
#: name -> arguments of ``taxonn build``, and what the table says of it
BUILDS = {
    "build four": ([*FOUR], "improved, 4-bit weight operands"),
    "build published": (["--bits", "12", *PUBLISHED, "--set", "edge.z=[64,16]"],
                        "published, 12 bits"),
}
PRESETS = ("edge-64-16-4", "edge-1024-64-16", "edge-1024-64-32", "edge-1024-64-32-published",
           "edge-1024-128-32", "edge-800-100-10", "edge-deep-64-40-40-20-10")


def experiments(data: str) -> dict[str, list[str]]:
    """Return name -> arguments of ``taxonn``."""
    folder, runs = ["--data", data], {}
    for name, (arguments, _) in FORMATS.items():
        for seed in SEEDS:
            runs[f"{name}, seed {seed}"] = [
                "golden", MNIST, *folder, *arguments, "--seed", str(seed)]
    for name, (arguments, _) in FORMATS.items():
        runs[f"sizes {name}"] = ["check", MNIST, *folder, *arguments]
    for preset in PRESETS:
        own = folder if preset.split("-")[1] in ("1024", "800") else []
        runs[f"check {preset}"] = ["check", preset, *own]
        for simulator, samples in SIMULATIONS.items():
            runs[f"{simulator} {preset}"] = ["simulate", preset, *own, "--sim", simulator,
                                             "--samples", samples]
    for fan_out in FAN_OUTS:
        runs[f"density {_density(fan_out):.2f}"] = [
            "golden", DENSITY, *folder, "--samples", "50000", "--epochs", "1",
            "--set", f"edge.fan_out={list(fan_out)}",
            "--set", f"edge.z={[16 * fan_out[0], fan_out[1]]}"]
    runs["train"] = ["train", MNIST, *folder, "--device", "sim", "--epochs", "1",
                     "--samples", "60000"]
    for name, (arguments, _) in BUILDS.items():
        runs[name] = ["build", MNIST, *folder, *arguments, "--board", BOARD, "--seeds", "1"]
    return runs


def tables(results: dict[str, dict], commands: dict[str, list[str]]) -> str:
    """Return the Markdown of README's evidence section."""
    return "\n\n".join([_accuracy(results), _densities(results), _clocks(results),
                        _epoch(results["train"]), _builds(results)])


def pictures(folder: Path, results: dict[str, dict]) -> None:
    """Draw accuracy against density."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    axes.plot(TALK.keys(), TALK.values(), "o--", color="0.6", label="published talk, 3 epochs")
    axes.plot([_density(f) for f in FAN_OUTS],
              [results[f"density {_density(f):.2f}"]["test_accuracy"] for f in FAN_OUTS],
              "o-", label="improved arithmetic, 8-bit operands")
    axes.set(xscale="log", xlabel="connections, % of all possible", ylabel="MNIST test accuracy, %",
             title="1024-64-16; a single epoch of 50000 images")
    axes.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "edge-density.png", dpi=110, metadata={"Software": None})
    plt.close(figure)


def _density(fan_out: tuple[int, int]) -> float:
    return 100 * (1024 * fan_out[0] + 64 * fan_out[1]) / (1024 * 64 + 64 * 16)


def _accuracy(results) -> str:
    lines = [("**Accuracy** of the bit-exact model on MNIST in original order, 1024-64-32 at 7.6 % "
              "of all connections, 15 epochs of 12544 images; mean of four "
              "seeds, lowest and highest. *Last 1000*: share of the last 1000 training inputs that "
              "were right before they were learnt, the published metric."), "",
             "| arithmetic | storage bits | last 1000 % | test % |", "|---|---|---|---|"]
    for name, (_, text) in FORMATS.items():
        runs = [results[f"{name}, seed {seed}"] for seed in SEEDS]
        bits = results[f"sizes {name}"]["memory_bits"]
        lines.append(f"| {text} | {bits} | {_range(runs, 'recent_accuracy')} "
                     f"| {_range(runs, 'test_accuracy')} |")
    return "\n".join(lines)


def _range(runs, key: str) -> str:
    values = [run[key] for run in runs]
    return f"**{mean(values):.2f}** ({min(values):.2f} to {max(values):.2f})"


def _densities(results) -> str:
    lines = [("**Density**: 1024-64-16, improved arithmetic with 8-bit operands, one epoch "
              "of 50000 images."), "",
             "| fan-outs | connections % | test % |", "|---|---|---|"]
    for fan_out in FAN_OUTS:
        density = _density(fan_out)
        accuracy = results[f"density {density:.2f}"]["test_accuracy"]
        lines.append(f"| {fan_out[0]}, {fan_out[1]} | {density:.1f} | {accuracy:.2f} |")
    lines += ["", "![Accuracy against density](generators/evidence/edge-density.png)"]
    return "\n".join(lines)


def _clocks(results) -> str:
    lines = [("**Clocks** of a training sample, C + d, and storage; `simulate` compared every "
              "weight, bias and output with the golden model, and the clocks of the whole run, "
              "filling and draining the pipe included, were those predicted where it says so."), "",
             "| preset | z | C + d | simulated: samples, mismatches | words sparse / full |",
             "|---|---|---|---|---|"]
    for preset in PRESETS:
        check = results[f"check {preset}"]
        z = ", ".join(str(layer["z"]) for layer in check["layers"])
        runs = [results[f"{simulator} {preset}"] for simulator in SIMULATIONS]
        shown = "; ".join(f"{run['simulator']} {run['samples']}, {run['mismatches']}"
                          + ", clocks as predicted" * _as_predicted(run) for run in runs)
        lines.append(f"| `{preset}` | {z} | {check['cycles']} + {check['overhead']} | {shown} "
                     f"| {check['storage_words']} / {check['storage_words_full']} |")
    return "\n".join(lines)


def _as_predicted(run) -> bool:
    return run["clocks_per_sample"] == run["predicted_clocks_per_sample"]


def _builds(results) -> str:
    lines = [("**On an FPGA**: 1024-64-32 on an LFE5U-85F, speed grade 6: the whole top level of a "
              "ULX3S with its serial link, one seed of place and route; clocks with the filling of "
              "the pipe over 100 samples. The first row is the published design."), "",
             f"| {' | '.join(_BUILD_COLUMNS)} |", "|---" * len(_BUILD_COLUMNS) + "|",
             f"| {' | '.join(_PUBLISHED_BUILD)} |"]
    for name, (arguments, text) in BUILDS.items():
        build = results[name]
        z = next((a[8:-1] for a in arguments if a.startswith("edge.z=")), "128,32")
        rate, rows = build["samples_per_s"], build["resources"]
        used = " | ".join(f"{rows[r]['used']}" for r in ("lut", "ff", "ram", "dsp"))
        lines.append(f"| {text} | {z} | {build['clocks_per_sample']:.0f} "
                     f"| {build['fmax_mhz']['median']:.1f} | {rate:.0f} "
                     f"| {rate / PUBLISHED_RATE:.2f} | {used} |")
    return "\n".join(lines)


def _epoch(trained) -> str:
    verdict = "equal to" if trained["matches_golden"] else "DIFFERENT from"
    return (f"**A whole epoch through the RTL**: {trained['samples']} samples of MNIST, "
            f"{trained['test_accuracy']:.2f} % test accuracy, every weight {verdict} the golden "
            f"model's, {trained['clocks_per_sample']:.2f} clocks per sample; the compiled model "
            f"trained {trained['samples_per_s']:.0f} samples/s on this machine.")
