"""Memory O(pk) of the reduction, and the command of the large run at a size for tests."""

from __future__ import annotations

import json
import runpy
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from numerics.activations import activation
from numerics.flow import gradient_flow
from numerics.losses import loss
from numerics.operators import from_mapping
from numerics.reduction import Streamed, reduce

ROOT = Path(__file__).resolve().parents[2]


def peak_of(function):
    tracemalloc.start()
    try:
        result = function()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "fourier", "fraction": 64 / 128**2, "lowest": 1.0},
        {"kind": "compose", "parts": [{"kind": "subsample", "every": 16}, {"kind": "blur", "std": 4.0}]},
    ],
    ids=["fourier", "every 16th pixel of a blur"],
)
def test_nothing_of_the_size_of_A_or_V_is_formed(spec, monkeypatch):
    """n = 16 384, m = 64, k = 400: V(0) would take 52 MB and A 8 MB; there and back takes a few blocks of 2 MB."""
    n, k = 128**2, 400
    monkeypatch.setattr("numerics.reduction.laws._BLOCK", 16 * n)
    T = from_mapping(spec).build((128, 128), np.random.default_rng(0))
    law = Streamed(n, k, 0, activation("tanh"), V_scale=0.5, antisymmetric=True)
    y = np.random.default_rng(1).standard_normal(64)
    reduction, there = peak_of(lambda: reduce(T, y, law, loss("least_squares")))
    problem = reduction.problem
    run = gradient_flow(problem, t_max=1.0, times=(), error_estimate=False)
    x, back = peak_of(lambda: reduction.signal(run.a[-1], run.V[-1]))
    assert max(there, back) < 8 * 64 * k + 7 * 8 * 16 * n < 8 * n * k / 3
    np.testing.assert_allclose(T.matvec(x), reduction.data(run.a[-1], run.V[-1]), rtol=0, atol=1e-12)
    hidden = problem.activation.phi(run.a[-1]) / np.sqrt(k)
    weights = np.hstack([reduction.weights(run.V[-1], j, j + 100) for j in range(0, k, 100)])
    np.testing.assert_allclose(x, weights @ hidden, rtol=0, atol=1e-12)


@pytest.mark.parametrize("operator", ["fourier", "cosine", "subsample", "blur-subsample"])
def test_the_command_at_a_small_size(operator, tmp_path, capsys):
    main = runpy.run_path(str(ROOT / "benchmarks" / "large.py"))["main"]
    target = tmp_path / "large.json"
    arguments = ["--small", "--k", "64", "--operator", operator, "--json", str(target)]
    assert main(arguments) == 0
    results = json.loads(target.read_text(encoding="utf-8"))["results"]
    assert results["status"] == "loss_stop"
    assert results["residual_over_level"] == pytest.approx(1.0, abs=1e-6)
    assert results["data_defect"] < 1e-12
    assert results["n"] == 4096
    assert results["m"] == results["p"] == 256
    if operator != "subsample":  # of a network without a prior the pixels that are not seen stay as they are
        assert results["psnr"] > 18.0
    printed = capsys.readouterr().out
    assert "rotated" in printed
    assert "× 8pk bytes" in printed


def test_a_run_that_is_cut_short_says_so(capsys):
    main = runpy.run_path(str(ROOT / "benchmarks" / "large.py"))["main"]
    assert main(["--small", "--k", "64", "--max-seconds", "0"]) == 3
    assert "max_seconds = 0.0 reached" in capsys.readouterr().out
