"""Our own contenders against the references, in this process: the calls that the benchmarks make still mean what they did."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from benchmarks import problems
from benchmarks.comparisons import descent, flow
from benchmarks.contenders import descent as descents
from benchmarks.contenders import flow as flows
from benchmarks.contenders import limits, phase, sigma_min
from numerics.flow import gradient_flow

CASE: dict[str, Any] = {"name": "tiny", "n": 8, "m": 4, "k": 40, "d": 6, "seed": 1}
LANDED = "method" in inspect.signature(gradient_flow).parameters


@pytest.mark.parametrize("options", [{}, {"from_weights": True}, {"method": "svd"}])
def test_sigma_min(options: dict[str, Any]) -> None:
    pytest.importorskip("numerics.spectrum.jacobian")
    ours = sigma_min.Ours(**options)
    ours.prepare(CASE)
    assert ours.answer(ours.run()) == pytest.approx(problems.sigma_min(problems.make(CASE)), rel=1e-12)


@pytest.fixture(scope="module")
def reference() -> flow.Reference:
    return flow.Reference(CASE)


@pytest.mark.parametrize(
    ("contender", "bound"),
    [
        (flows.Ours, 1e-5),
        (lambda: flows.Ours(reduce=True), 1e-5),
        (lambda: flows.Ours(error_estimate=True), 1e-5),
        (lambda: flows.Ours("DOP853"), 1e-5),
        (flows.OursToLoss, 1e-5),
        (lambda: flows.Scipy("DOP853"), 1e-4),
    ],
)
def test_flow(contender: Any, bound: float, reference: flow.Reference) -> None:
    it = contender()
    if isinstance(it, flows.Ours) and not LANDED:
        pytest.skip("the flow engine has no methods yet")
    it.prepare({**CASE, "t_end": reference.t_end})
    it.configure(tolerance=1e-7, t_end=reference.t_end)
    assert reference.error(1.0, it.answer(it.run())) < bound


def test_descent() -> None:
    pytest.importorskip("numerics.descent")
    ours = descents.Ours(100, "numpy")
    ours.prepare(CASE)
    ours.configure(iterations=30)
    exact = descent.reference(CASE, 30)
    assert np.linalg.norm(ours.answer(ours.run()) - exact) < 1e-11 * np.linalg.norm(exact)


def test_phase() -> None:
    pytest.importorskip("numerics.phase")
    ours = phase.Ours("both", "descent", "numpy")
    ours.prepare({"rows": [4, 6], "ks": [20, 30, 40], "replicas": 2, "m": 2, "cap": 50, "kappa": 3.0, "seed": 0})
    ours.configure(whole=True, where="serial")
    found = ours.answer(ours.run())
    assert found["iterations"].shape == (2, 3)
    assert found["converged"].shape == (2, 3, 2)
    assert np.all(found["iterations"] <= 100)
    assert np.all(found["iterations"][~found["converged"].all(axis=2)] >= 50)


@pytest.mark.parametrize("what", ["gemv", "gram", "tanh"])
def test_limits_run(what: str) -> None:
    limit = limits.Limit(what)
    limit.prepare({**CASE, "rows": 4})
    limit.run()
    assert {
        "gemv": np.allclose(limit.down, limit.V @ limit.t),
        "gram": np.allclose(limit.square, limit.V @ limit.V.T),
    }.get(what, np.allclose(limit.across, np.tanh(limit.t)))
