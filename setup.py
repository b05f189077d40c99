"""The packages, and the presets of ``generators/presets`` beside them (rest: pyproject.toml)."""

from setuptools import find_namespace_packages, setup

packages = find_namespace_packages(include=["taxonn_hw", "taxonn_hw.*"])
setup(
    packages=[*packages, "taxonn_hw.preset_files"],
    package_dir={"taxonn_hw.preset_files": "generators/presets"},
)
