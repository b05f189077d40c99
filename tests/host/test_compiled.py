"""CompiledModel on the dummy design: sums, weights, registers, with stalls and time limits."""

import numpy as np
import pytest

from taxonn_hw.host.compiled import CompiledModel
from tests.dummy import BIAS, COUNT, DEPTH, DONE, READ, generate

BITS = {32: (32, 72), 1: (1, 8), 40: (40, 33), 64: (64, 64), 1024: (1024, 1000)}
N = 50


@pytest.fixture(scope="module", params=BITS)
def design(request, tmp_path_factory, require_tool):
    require_tool("verilator")
    sample_bits, weight_bits = BITS[request.param]
    folder = tmp_path_factory.mktemp("dummy")
    return generate(folder, sample_bits=sample_bits, weight_bits=weight_bits)


@pytest.fixture(scope="module")
def small(tmp_path_factory, require_tool):
    require_tool("verilator")
    return generate(tmp_path_factory.mktemp("dummy"))


def beats(rng, n, bits):
    """Return n random beats of so many bits, with the extreme ones first."""
    words = rng.integers(0, 2**32, (n, -(-bits // 32)), dtype=np.uint32)
    words[:2] = np.array([[0], [0xFFFF_FFFF]], np.uint32)[: len(words)]
    words[:, -1] >>= -bits % 32
    return words


@pytest.mark.parametrize("stall", [0, 0.5])
def test_sums_and_weights(design, stall):
    path, sidecar = design
    rng = np.random.default_rng(1)
    with CompiledModel(path, sidecar) as model:
        model.reset()
        model.write(BIAS, 1000)
        samples = beats(rng, N, model.widths["i_samples"])
        cycles, out = model.run(
            10_000, {"i_samples": samples}, {"o_results": N},
            stall_in=stall, stall_out=stall, seed=3)
        sums = (samples.sum(axis=1, dtype=np.uint64) + 1000).astype(np.uint32)
        np.testing.assert_array_equal(out["o_results"], sums[:, np.newaxis])
        # two clocks a beat, and with stalls two more for each of the two waits on average
        assert cycles == 2 * N if stall == 0 else 3 * N < cycles < 6 * N

        weights = beats(rng, DEPTH, model.widths["i_weights"])
        model.run(1000, {"i_weights": weights}, stall_in=stall, seed=4)
        assert model.read(COUNT) == DEPTH
        model.write(READ, 1)
        _, out = model.run(2000, drain={"o_weights": DEPTH}, stall_out=stall, seed=5)
        np.testing.assert_array_equal(out["o_weights"], weights)


def test_stalls_are_seeded(small):
    lengths = []
    for seed in (1, 1, 2, 3):
        with CompiledModel(*small) as model:
            model.reset()
            cycles, _ = model.run(
                5000, {"i_samples": np.arange(N, dtype=np.uint32)}, {"o_results": N},
                stall_in=0.3, stall_out=0.3, seed=seed)
            lengths.append(cycles)
    assert lengths[0] == lengths[1]
    assert len(set(lengths)) > 1


def test_registers(small):
    with CompiledModel(*small) as model:
        assert model.cycles == 0
        model.reset(cycles=3)
        assert model.cycles == 3
        assert model.read(BIAS) == 0
        model.write(BIAS, 0xFEDC_BA98)
        assert model.read(BIAS) == 0xFEDC_BA98
        assert model.read(99) == 0xDEAD
        model.step(5)
        assert model.cycles == 3 + 2 + 1 + 2 + 2 + 5
        model.reset()
        assert model.read(BIAS) == 0


def test_run_until(small):
    with CompiledModel(*small) as model:
        model.reset()
        model.write(BIAS, 1)  # DONE reads 0 for 200 clocks from here
        start = model.cycles
        with pytest.raises(TimeoutError, match=(
                r"register 0x3 & 0x1 is 0x0, awaited 0x1 for 50 clocks \(.* 0x00000010\)")):
            model.run_until(DONE, 1, 1, 50)
        assert 50 <= model.cycles - start <= 52
        assert model.run_until(DONE, 1, 1, 1000, interval=10) == 0x11
        assert 200 <= model.cycles - start <= 212


def test_timeout_names_what_was_awaited_and_leaves_the_model_usable(small):
    samples = np.arange(10, dtype=np.uint32)
    with CompiledModel(*small) as model:
        model.reset()
        with pytest.raises(TimeoutError, match=(
                "after 100 clocks: i_samples took 10 of 10 beats, o_results gave 10 of 12 beats")):
            model.run(100, {"i_samples": samples}, {"o_results": 12})
        _, out = model.run(100, {"i_samples": samples}, {"o_results": 10})
        np.testing.assert_array_equal(out["o_results"][:, 0], samples)


def test_nothing_to_do_takes_no_clock(small):
    with CompiledModel(*small) as model:
        cycles, out = model.run(10, {"i_samples": np.zeros(0, np.uint32)}, {"o_results": 0})
        assert cycles == 0 and out["o_results"].shape == (0, 1)


def test_two_models_do_not_share_state(small):
    with CompiledModel(*small) as one, CompiledModel(*small) as two:
        one.reset()
        two.reset()
        one.write(BIAS, 11)
        two.write(BIAS, 22)
        assert (one.read(BIAS), two.read(BIAS)) == (11, 22)


def test_a_mutated_design_differs(tmp_path, require_tool):
    require_tool("verilator")
    samples = np.arange(N, dtype=np.uint32)
    with CompiledModel(*generate(tmp_path, mutate=True)) as model:
        model.reset()
        _, out = model.run(1000, {"i_samples": samples}, {"o_results": N})
    wrong = np.flatnonzero(out["o_results"][:, 0] != samples)
    np.testing.assert_array_equal(wrong, np.flatnonzero(samples % 8 == 5))


def test_trace(small, tmp_path):
    waves = tmp_path / "run.vcd"
    with CompiledModel(*small, trace=waves) as model:
        model.reset()
        model.run(100, {"i_samples": np.arange(5, dtype=np.uint32)}, {"o_results": 5})
    text = waves.read_text()
    assert "o_results__payload" in text and "#10" in text


@pytest.mark.parametrize(("feed", "drain", "message"), [
    ({"i_samples": np.zeros((3, 2), np.uint32)}, {}, r"uint32 \[n, 1\], not uint32 \[3, 2\]"),
    ({"i_samples": np.zeros(3, np.int64)}, {}, r"not int64 \[3, 1\]"),
    ({"i_weights": np.full((1, 3), 256, np.uint32)}, {}, "i_weights has 72 bits"),
    ({"nothing": np.zeros(3, np.uint32)}, {}, "no such stream: nothing"),
    ({"o_results": np.zeros(3, np.uint32)}, {}, "no such stream: o_results"),
    ({}, {"i_samples": 3}, "no such stream: i_samples"),
])
def test_bad_arguments(small, feed, drain, message):
    with CompiledModel(*small) as model, pytest.raises(ValueError, match=message):
        model.run(10, feed, drain)


def test_bad_stall_and_closed_model(small):
    model = CompiledModel(*small)
    with pytest.raises(ValueError, match=r"must be in \[0, 1\), not 1"):
        model.run(10, stall_in=1)
    model.close()
    with pytest.raises(ValueError, match="the model is closed"):
        model.read(0)
