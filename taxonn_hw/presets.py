"""Where the ready-made configurations lie: ``generators/presets`` of a checkout, else the wheel.

A wheel carries the same folder as the package ``taxonn_hw.preset_files`` (setup.py).
"""

from pathlib import Path

__all__ = ["preset_dir", "preset_names", "preset_path"]

_PACKAGE = Path(__file__).resolve().parent


def preset_dir() -> Path:
    """Return the folder of the preset files."""
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "generators" / "presets").is_dir():
        return checkout / "generators" / "presets"
    return _PACKAGE / "preset_files"


def preset_names() -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(path.stem for path in preset_dir().glob("*.toml"))


def preset_path(name: str) -> Path:
    """Return the file of the preset ``name``; raise ValueError when there is none."""
    names = preset_names()
    if name not in names:
        raise ValueError(f"no preset is named {name!r}; there are {', '.join(names) or 'none'}")
    return preset_dir() / f"{name}.toml"
