"""Evidence of convolutional nets: golden against float by data set and bitwidth, paired seeds."""

from math import sqrt
from pathlib import Path
from statistics import mean, stdev

__all__ = ["experiments", "tables"]

SEEDS = (1, 2, 3)
#: preset -> folder of its data beside that of MNIST, operand widths, seeds of FLOAT_BITS beside
#: SEEDS, heading of its table
NETS = {
    "lenet-mnist": ("mnist", (16, 12, 8, 6, 5, 4, 3), (),
                    "MNIST, conv5x5x8, pool, conv5x5x16, pool, dense 64, dense 10"),
    # 2,000 test images: a seed alone is good for a point
    "conv-cifar10": ("cifar10", (16, 12, 8, 6, 4, 3), (4, 5, 6, 7, 8, 9),
                     "CIFAR-10, conv5x5x8, pool, conv5x5x16, pool, dense 64, dense 10"),
}
#: simulator -> samples of lenet-mnist through the RTL
SIMULATED = {"verilator": 32, "icarus": 2}
SCHEDULE = "lenet-schedule.png"
#: The run that also trains the float reference: its pixels and initial weights are exact.
FLOAT_BITS = 8


def experiments(data: str) -> dict[str, list[str]]:
    """Return name -> arguments of ``taxonn``; ``data`` holds MNIST, a sibling folder CIFAR-10."""
    found = {}
    for net, (folder, widths, more, _) in NETS.items():
        source = data if folder == "mnist" else str(Path(data).parent / folder)
        for bits in widths:
            for seed in (*SEEDS, *(more if bits == FLOAT_BITS else ())):
                found[_name(net, bits, seed)] = [
                    "golden", net, "--data", source, "--bits", str(bits), "--seed", str(seed),
                    *(["--float"] if bits == FLOAT_BITS else [])]
    lenet = ["lenet-mnist", "--data", data]
    found["schedule"] = ["check", *lenet, "--schedule", f"generators/evidence/{SCHEDULE}"]
    for simulator, samples in SIMULATED.items():
        found[simulator] = ["simulate", *lenet, "--sim", simulator, "--samples", str(samples)]
    return found


def tables(results: dict[str, dict], commands: dict[str, list[str]]) -> str:
    """Return the Markdown of README's evidence section."""
    parts = []
    for net, (_, widths, more, heading) in NETS.items():
        floats = [results[_name(net, FLOAT_BITS, seed)]["float_accuracy"] for seed in SEEDS]
        run = results[_name(net, FLOAT_BITS, SEEDS[0])]
        parts += [
            (f"**{heading}** (`{net}`), batch 1, {run['epochs']} epochs of "
            f"{run['samples'] // run['epochs']} training samples; test %, seeds "
            f"{_list(SEEDS, 0)}. Float, same seeds: {_list(floats)}, mean "
            f"**{mean(floats):.2f}**. Loss is float less golden of the same seed, mean and "
            "standard error."), "",
            "| operands | golden | mean | loss |", "|---|---|---|---|"]
        for bits in widths:
            golden = [results[_name(net, bits, seed)]["test_accuracy"] for seed in SEEDS]
            parts.append(_row(f"{bits} bit", golden, floats))
        if more:
            every = [results[_name(net, FLOAT_BITS, seed)] for seed in (*SEEDS, *more)]
            parts.append(_row(f"{FLOAT_BITS} bit, {len(every)} seeds",
                              [run["test_accuracy"] for run in every],
                              [run["float_accuracy"] for run in every]))
        parts.append("")
    check = results["schedule"]
    runs = "; ".join(
        f"{name}, {run['samples']} samples, {run['mismatches']} mismatches, "
        f"{run['clocks_per_sample']:.1f} clocks per sample"
        for name, run in ((name, results[name]) for name in SIMULATED))
    parts += [
        (f"**The RTL** of `lenet-mnist`, {check['lanes']} lanes, every weight, bias and output "
         f"compared: {runs}; predicted {check['clocks_per_sample']:.1f}, utilisation "
         f"{check['utilisation']:.3f}, useful multiplications {check['useful']:.3f}. Where the "
         "clocks of a sample go:"), "",
        ("![Which unit is busy when in a training sample of lenet-mnist]"
         f"(generators/evidence/{SCHEDULE})")]
    return "\n".join(parts)


def _row(title: str, golden: list[float], floats: list[float]) -> str:
    loss, error = paired_loss(golden, floats)
    return (f"| {title} | {_list(golden)} | **{mean(golden):.2f}** | {loss:.2f} ± {error:.2f} |")


def paired_loss(golden: list[float], floats: list[float]) -> tuple[float, float]:
    """Return the mean of float less golden over the seeds, and its standard error."""
    losses = [f - g for g, f in zip(golden, floats, strict=True)]
    return mean(losses), stdev(losses) / sqrt(len(losses))


def _name(net: str, bits: int, seed: int) -> str:
    return f"{net}, {bits} bit, seed {seed}"


def _list(values, digits: int = 2) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)
