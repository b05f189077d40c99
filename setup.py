"""The packages, with the presets and the cocotb benches of the checkout beside them.

The rest is in pyproject.toml.
"""

from setuptools import find_namespace_packages, setup

packages = find_namespace_packages(include=["taxonn_hw", "taxonn_hw.*"])
setup(
    packages=[*packages, "taxonn_hw.preset_files", "taxonn_hw.sim_files"],
    package_dir={"taxonn_hw.preset_files": "generators/presets", "taxonn_hw.sim_files": "sim"},
)
