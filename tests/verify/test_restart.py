"""A run that is not certified at the start becomes so, and the certificate is kept by the flow from the checkpoint."""

import math

import numpy as np
import pytest

from numerics.flow import ReducedProblem, gradient_flow
from verify.restart import along, rho_upper
from verify.verdict import Verdict


def far_case(lab, train, **changes):
    """No a-priori condition of zero loss by sharp or amgm holds; the run is long enough to be certified later."""
    network = {"train": train, "width": 40, "antisymmetric": False}
    size = 6.0 if train == "both" else 0.5
    signal = {"source": "values", "values": [size, -size, 0.8 * size]}
    return lab.run(lab.table(2, 3, seed=3, signal=signal, network=network, flow={"loss_tol": 1e-10}, **changes))


def continued(result, point):
    """The flow from the checkpoint to (nearly) zero loss."""
    state = result.trajectory.state(point.index)
    old = result.instance.reduced
    problem = ReducedProblem(old.C, old.y, old.loss, old.activation, old.train, state.a, state.V)
    start = old.loss.value(old.C @ state.output(), old.y)
    return gradient_flow(problem, t_max=math.inf, loss_stop=1e-9 * start, max_seconds=20.0)


@pytest.mark.parametrize("train", ["both", "W"])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0]])
def test_a_certificate_found_on_the_way_is_kept(lab, train, weights):
    loss = None if weights is None else {"kind": "weighted_least_squares", "weights": weights}
    result = far_case(lab, train, loss=loss)
    assert not [g for g in result.convergence if g.in_force and g.statement in ("sharp.condition", "dip2.amgm")]
    first = result.restart.first
    assert first is not None
    assert first.t > 0
    assert first is result.restart.checkpoints[-1]
    assert all(p.certified_by is None for p in result.restart.checkpoints[:-1])
    assert result.restart.checkpoints[0].t == 0
    run = continued(result, first)
    assert run.status == "loss_stop"
    assert run.length[-1] < first.ell
    decay = first.rho * np.exp(-first.rate * run.t)
    assert (run.rho[1:] <= decay[1:] * (1 + 1e-9)).all()
    assert first.rate > 0
    # neither is the bound so loose that a wrong factor would not be seen
    assert run.length[-1] > 0.02 * first.ell
    assert result.verdict is Verdict.HOLDS


def test_the_number_of_the_sharp_condition_at_a_checkpoint(lab):
    result = far_case(lab, "W")
    first, instance = result.restart.first, result.instance
    state = result.trajectory.state(first.index)
    sigma = np.linalg.svd(state.V * state.activation.dphi(state.a) / math.sqrt(state.k))[1][-1]
    modulus = instance.constants["B2"].value * np.linalg.norm(state.V, axis=0).max() / math.sqrt(state.k)
    sigma_F = np.linalg.svd(instance.reduced.C)[1][-1]
    h = modulus * result.trajectory.rho[first.index] / (sigma_F * sigma**2)
    assert first.h == pytest.approx(h, rel=1e-6)
    assert first.h < 0.5 <= result.restart.checkpoints[-2].h
    assert first.ell == pytest.approx(sigma / modulus * (1 - math.sqrt(1 - 2 * h)), rel=1e-6)


@pytest.mark.parametrize("train", ["both", "W"])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0]])
def test_rho_upper_bounds_the_residual_along_the_run(lab, train, weights):
    from mpmath import mp, mpf, sqrt, tanh

    loss = None if weights is None else {"kind": "weighted_least_squares", "weights": weights}
    result = far_case(lab, train, loss=loss)
    mp.dps = 50
    reduced, w = result.instance.reduced, weights or [1.0, 1.0]
    for i in (0, len(result.trajectory) // 2, len(result.trajectory) - 1):
        state = result.trajectory.state(i)
        C, V = ([[mpf(float(x)) for x in row] for row in M] for M in (reduced.C, state.V))
        hidden = [tanh(mpf(float(x))) / sqrt(mpf(state.k)) for x in state.a]
        g = [sum(v * h for v, h in zip(row, hidden, strict=True)) for row in V]
        r = [
            sum(c * x for c, x in zip(row, g, strict=True)) - mpf(float(b)) for row, b in zip(C, reduced.y, strict=True)
        ]
        exact = sqrt(sum(a * x**2 for a, x in zip(w, r, strict=True)) / min(w))
        bound = rho_upper(result.instance, state)
        assert exact <= bound <= exact * (1 + mpf(10) ** -6) + mpf(10) ** -12


def test_a_run_that_is_never_certified_says_so(lab):
    network = {"train": "W", "width": 6, "antisymmetric": False}
    far = {"source": "values", "values": [40.0, -30.0, 20.0]}
    result = lab.run(lab.table(3, 3, seed=2, signal=far, network=network, flow={"t_max": 50.0}))
    assert result.restart.first is None
    assert len(result.restart.checkpoints) >= 8
    assert all(p.certified_by is None and p.h >= 0.5 for p in result.restart.checkpoints)
    plain = result.restart.to_json()
    assert plain["first"] is None
    assert len(plain["checkpoints"]) == len(result.restart.checkpoints)


def test_an_instance_certified_a_priori_is_certified_at_once(lab):
    result = lab.run(lab.with_margin("sharp", 0.5, seed=3))
    first = along(result.instance, result.trajectory).first
    assert (first.t, first.index) == (0.0, 0)
    assert first.h == pytest.approx(0.25, rel=1e-6)
