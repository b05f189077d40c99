"""The packages, with the presets, boards and cocotb benches of the checkout beside them.

The rest is in pyproject.toml.
"""

from setuptools import find_namespace_packages, setup

packages = find_namespace_packages(include=["taxonn_hw", "taxonn_hw.*"])
folders = {"taxonn_hw.preset_files": "generators/presets", "taxonn_hw.sim_files": "sim",
           "taxonn_hw.board_files": "fpga"}
setup(
    packages=[*packages, *folders],
    package_dir=folders,
)
