"""The cocotb bench of the accelerator on both simulators: plain, stalled, reset, back to back."""

import numpy as np
import pytest

from taxonn_hw.bench import Job, Stress, make_job, run_job
from taxonn_hw.compare import first_difference
from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.export import generate
from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.plan import Network

NETS = {
    "odd": {"layers": [7, 5, 3], "lanes": 4},
    "one-lane": {"layers": [3, 2, 1], "lanes": 1, "bits": 4},
}
STRESSES = {
    "plain": Stress(),
    "stalls": Stress(stall_in=0.5, stall_out=0.5, seed=3),
    "reset in mid-run": Stress(reset_after=150, stall_out=0.3, seed=4),
    "back to back, in parts": Stress(runs=2, parts=3, stall_in=0.2, seed=5),
}


def make(keys, n=10):
    """Return network, golden model after ``n`` samples, and a function that makes the job."""
    network = Network(config_from_dict({"data": "random", "seed": 2, **keys}))
    codes = quantize_dataset(network, load_for(network, samples=n))
    start, golden = initial_weights(network), GoldenModel(network)
    if not network.config.training:
        outputs, target = golden.infer(codes.x_train), None
    else:
        target = codes.target_train
        outputs = np.array([golden.train(*pair).output
                            for pair in zip(codes.x_train, target, strict=True)])

    def job(stress=None):
        return make_job(network, start, codes.x_train, target, golden.parameters, outputs,
                        stress=stress)

    return network, golden, outputs, job


@pytest.fixture(scope="module", params=NETS, ids=str)
def design(request, tmp_path_factory):
    network, golden, outputs, job = make(NETS[request.param])
    folder = tmp_path_factory.mktemp("rtl")
    return network, golden, outputs, job, generate(network, folder).verilog


@pytest.mark.parametrize("stress", STRESSES.values(), ids=STRESSES)
def test_same_weights(design, simulator, stress, tmp_path):
    network, golden, outputs, job, verilog = design
    outcome = run_job(network, verilog, job(stress), simulator=simulator, build_dir=tmp_path)
    assert outcome.error == ""
    assert first_difference(network, golden.parameters, outcome.parameters) is None
    np.testing.assert_array_equal(outcome.results, outputs)
    assert outcome.samples == len(outputs)


def test_inference_only_build(simulator, tmp_path):
    network, golden, outputs, job = make({**NETS["odd"], "training": False})
    verilog = generate(network, tmp_path / "rtl").verilog
    outcome = run_job(network, verilog, job(Stress(stall_in=0.3, stall_out=0.3)),
                      simulator=simulator, build_dir=tmp_path / "sim")
    assert outcome.error == ""
    np.testing.assert_array_equal(outcome.results, outputs)
    assert first_difference(network, golden.parameters, outcome.parameters) is None


def test_a_wrong_result_is_found(design, simulator, tmp_path):
    network, _, _, job, verilog = design
    wrong = job()
    wrong.results[3] ^= 1
    outcome = run_job(network, verilog, wrong, simulator=simulator, build_dir=tmp_path)
    assert "run 1: 1 of" in outcome.error and "beats of outputs differ" in outcome.error
    assert outcome.parameters is not None


def test_job_round_trip(tmp_path):
    *_, job = make(NETS["odd"])
    saved = job(STRESSES["stalls"])
    saved.save(tmp_path / "job.npz")
    loaded = Job.load(tmp_path / "job.npz")
    assert loaded.stress == saved.stress and loaded.n_rows == saved.n_rows
    assert loaded.train is True
    np.testing.assert_array_equal(loaded.samples, saved.samples)
