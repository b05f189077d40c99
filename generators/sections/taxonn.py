"""Evidence of engine ``taxonn``: accuracy, clocks, a whole epoch through the RTL."""

from statistics import mean

__all__ = ["experiments", "tables"]

MNIST = "mnist-784-128-10"


def experiments(data: str) -> dict[str, list[str]]:
    """Return name -> arguments of ``taxonn``."""
    folder = ["--data", data]
    runs = {}
    for bits in (8, 4):
        for seed in (1, 2, 3):
            runs[f"golden {bits} bit, seed {seed}"] = [
                "golden", MNIST, *folder, "--bits", str(bits), "--epochs", "3",
                "--seed", str(seed), "--float"]
        for skip in ("true", "false"):
            runs[f"check {bits} bit, zero_skip {skip}"] = [
                "check", MNIST, *folder, "--bits", str(bits), "--set", f"zero_skip={skip}"]
        runs[f"simulate {bits} bit, verilator"] = [
            "simulate", MNIST, *folder, "--bits", str(bits), "--sim", "verilator",
            "--samples", "300"]
        runs[f"simulate {bits} bit, icarus"] = [
            "simulate", MNIST, *folder, "--bits", str(bits), "--sim", "icarus", "--samples", "20"]
    runs["simulate 8 bit, no skipping"] = [
        "simulate", MNIST, *folder, "--set", "zero_skip=false", "--sim", "verilator",
        "--samples", "50"]
    runs["three hidden layers"] = [
        "simulate", "mnist-784-128-64-32-10", *folder, "--sim", "verilator", "--samples", "100"]
    runs["train 8 bit"] = ["train", MNIST, *folder, "--device", "sim", "--epochs", "1"]
    runs["speed"] = ["golden", MNIST, *folder, "--epochs", "1", "--samples", "20000"]
    return runs


def tables(results: dict[str, dict], commands: dict[str, list[str]]) -> str:
    """Return the Markdown of README's evidence section."""
    lines = [("**Accuracy** of the bit-exact model, MNIST 784-128-10, 3 epochs, batch 1, "
              "step 2^-6, test %:"), "",
             "| operands | seeds 1, 2, 3 | mean | float, same seeds | mean |",
             "|---|---|---|---|---|"]
    for bits in (4, 8):
        runs = [results[f"golden {bits} bit, seed {seed}"] for seed in (1, 2, 3)]
        ours = [r["test_accuracy"] for r in runs]
        floats = [r["float_accuracy"] for r in runs]
        lines.append(f"| {bits} bit | {_list(ours)} | **{mean(ours):.2f}** | {_list(floats)} "
                     f"| {mean(floats):.2f} |")
    lines += ["", ("**Clocks** of a training sample, 128 lanes; prediction over 300 samples, "
              "simulation as stated, every weight, bias and output identical:"), "",
              "| operands | zero-skipping | clocks per sample | utilisation | shown by |",
              "|---|---|---|---|---|"]
    for name, r in results.items():
        if name.startswith("check") or (name.startswith("simulate") and r["ok"]):
            arguments = commands[name]
            bits = arguments[arguments.index("--bits") + 1] if "--bits" in arguments else "8"
            skip = "no" if "zero_skip=false" in arguments else "yes"
            how = (f"`check`, predicted ({r['samples']} samples)" if name.startswith("check") else
                   f"`simulate`, {r['simulator']}, {r['samples']} samples, "
                   f"{r['mismatches']} mismatches")
            lines.append(f"| {bits} bit | {skip} | {r['clocks_per_sample']:.1f} "
                         f"| {r['utilisation']:.3f} | {how} |")
    deep, trained, speed = results["three hidden layers"], results["train 8 bit"], results["speed"]
    verdict = "equal to" if trained["matches_golden"] else "DIFFERENT from"
    lines += [
        "", (f"**Three hidden layers**, 784-128-64-32-10: {deep['samples']} samples, "
        f"{deep['mismatches']} mismatches, {deep['clocks_per_sample']:.1f} clocks per sample, "
        f"predicted {deep['predicted_clocks_per_sample']:.1f}."),
        "", (f"**A whole epoch through the RTL**: {trained['samples']} samples of MNIST, "
        f"{trained['test_accuracy']:.2f} % test accuracy, every weight {verdict} the golden "
        f"model's, {trained['clocks_per_sample']:.1f} clocks per sample, utilisation "
        f"{trained['utilisation']:.3f}; the compiled model trained "
        f"{trained['samples_per_s']:.0f} samples/s on this machine, the golden model "
        f"{speed['samples_per_s']:.0f}."),
    ]
    return "\n".join(lines)


def _list(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)
