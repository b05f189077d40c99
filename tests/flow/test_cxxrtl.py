"""The library that CXXRTL makes behaves as Verilator's, ports of every width."""

import numpy as np
import pytest

from taxonn_hw.host.compiled import CompiledModel
from tests.dummy import BIAS, generate


@pytest.mark.parametrize(("sample_bits", "weight_bits"), [(1, 8), (40, 33), (64, 1000)])
def test_same_results_in_the_same_clocks(sample_bits, weight_bits, tmp_path, require_tool):
    require_tool("verilator")
    path, sidecar = generate(tmp_path, sample_bits=sample_bits, weight_bits=weight_bits)
    rng, runs = np.random.default_rng(1), []
    words = rng.integers(0, 2**32, (30, -(-sample_bits // 32)), dtype=np.uint32)
    words[:, -1] >>= -sample_bits % 32
    for simulator in ("verilator", "cxxrtl"):
        with CompiledModel(path, sidecar, simulator=simulator) as model:
            model.reset()
            model.write(BIAS, 77)
            cycles, out = model.run(10_000, {"i_samples": words}, {"o_results": 30},
                                    stall_in=0.3, stall_out=0.3, seed=5)
            runs.append((cycles, out["o_results"], model.read(BIAS)))
    assert runs[0][0] == runs[1][0] and runs[0][2] == runs[1][2]
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
