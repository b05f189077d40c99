"""Evidence of convolutional nets: golden against float by data set and bitwidth, paired seeds."""

from math import sqrt
from statistics import mean, stdev

__all__ = ["experiments", "tables"]

SEEDS = (1, 2, 3)
BITS = (16, 12, 8, 6, 5, 4, 3)
#: preset -> heading of its table
NETS = {
    "lenet-mnist": "MNIST, conv5x5x8, pool, conv5x5x16, pool, dense 64, dense 10",
    "conv-cifar10": "CIFAR-10, conv3x3x16, pool, conv3x3x32, pool, dense 64, dense 10",
}


def experiments(data: str) -> dict[str, list[str]]:
    """Return name -> arguments of ``taxonn``."""
    return {f"{net}, {bits} bit, seed {seed}": [
                "golden", net, "--data", data, "--bits", str(bits), "--seed", str(seed), "--float"]
            for net in NETS for bits in BITS for seed in SEEDS}


def tables(results: dict[str, dict], commands: dict[str, list[str]]) -> str:
    """Return the Markdown of README's evidence section."""
    parts = []
    for net, heading in NETS.items():
        runs = {bits: [results[f"{net}, {bits} bit, seed {seed}"] for seed in SEEDS]
                for bits in BITS}
        any_run = runs[BITS[0]][0]
        parts += [
            (f"**{heading}** (`{net}`), batch 1, {any_run['epochs']} epochs, "
            f"{any_run['samples'] // any_run['epochs']} training samples, test %; loss is float "
            "less golden of the same seed, mean and standard error:"), "",
            "| operands | golden, seeds 1, 2, 3 | mean | float, same seeds | loss |",
            "|---|---|---|---|---|"]
        for bits in BITS:
            golden = [run["test_accuracy"] for run in runs[bits]]
            floats = [run["float_accuracy"] for run in runs[bits]]
            loss, error = paired_loss(golden, floats)
            parts.append(f"| {bits} bit | {_list(golden)} | **{mean(golden):.2f}** "
                         f"| {_list(floats)} | {loss:.2f} +- {error:.2f} |")
        parts.append("")
    speeds = [run["samples_per_s"] for name, run in results.items() if name.startswith("lenet")]
    parts.append(f"The golden model trained `lenet-mnist` at {min(speeds):.0f} to "
                 f"{max(speeds):.0f} samples/s.")
    return "\n".join(parts)


def paired_loss(golden: list[float], floats: list[float]) -> tuple[float, float]:
    """Return the mean of float less golden over the seeds, and its standard error."""
    losses = [f - g for g, f in zip(golden, floats, strict=True)]
    return mean(losses), stdev(losses) / sqrt(len(losses))


def _list(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)
