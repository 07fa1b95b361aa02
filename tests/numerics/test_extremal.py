"""The extremal scalar family: `sharp.optimal` attained by the engine that integrates networks; a mutant refuted."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from numerics import compile as compiled
from numerics.activations import activation
from numerics.extremal import ExtremalFamily
from numerics.flow import ReducedProblem, gradient_flow
from numerics.integrator import Settings, integrate
from numerics.losses import loss

MEMBERS = [
    ExtremalFamily.with_h(h, sigma_F, sigma_0, Lambda)
    for h in (0.05, 0.25, 0.45, 0.499)
    for sigma_F, sigma_0, Lambda in ((1.0, 1.0, 1.0), (0.3, 2.0, 5.0))
]
STOPPED = [ExtremalFamily.with_h(h, 0.5, 2.0, 3.0) for h in (0.501, 0.75, 2.0)]


def simulate(member, horizon=12.0, points=40):
    """The flow to `horizon` initial time constants with the tightest tolerances of float64."""
    scale = (member.sigma_F * member.sigma_0) ** -2
    times = np.linspace(0, horizon * scale, points + 1)[1:]
    return integrate(member, Settings(t_max=float(times[-1]), times=times, rtol=1e-13, atol=1e-16))


@pytest.mark.parametrize("member", MEMBERS)
def test_the_run_attains_sharp_logistic_and_sharp_length(member):
    run = simulate(member)
    constants = {"sigma_F": member.sigma_F, "sigma_0": member.sigma_0, "Lambda": member.Lambda}
    checked = 0
    for i in range(len(run.t)):
        if run.residual[i] < 1e-5 * member.rho_0:
            continue  # rounding of y − g leaves fewer than nine digits
        values = {**constants, "rho_0": member.rho_0}
        bound = compiled.evaluate("sharp.logistic", "bound", {**values, "w_min": 1.0, "t": run.t[i]})
        assert run.residual[i] == pytest.approx(bound, rel=1e-9)
        assert float(member.residual(run.t[i])) == pytest.approx(bound, rel=1e-12)
        length = compiled.evaluate("sharp.length", "bound", {**values, "rho": run.rho[i]})
        assert run.length[i] == pytest.approx(length, rel=1e-9, abs=1e-300)
        assert float(member.length(run.t[i])) == pytest.approx(run.length[i], rel=1e-9, abs=1e-300)
        assert run.length[i] == pytest.approx(run.displacement[i, 0], rel=1e-11, abs=1e-300)
        checked += 1
    assert checked >= 20
    ell_star = compiled.evaluate("sharp.length", "ell_star", {**constants, "rho_0": member.rho_0})
    assert run.length[-1] < ell_star


def test_a_constant_slightly_better_than_sharp_is_violated():
    """1 − 2h → 1 − 1.99h in the logistic bound: the extremal run is above it."""
    member = ExtremalFamily.with_h(0.3)
    run = simulate(member)
    a = 1 - 1.99 * member.h
    b = 2.0
    wrong = a * member.rho_0 * np.exp(-a * run.t) / (a + b * member.rho_0 * -np.expm1(-a * run.t))
    assert np.any(run.residual[1:] > wrong[1:] * (1 + 1e-4))


@pytest.mark.parametrize("member", STOPPED)
def test_beyond_one_half_the_flow_stops_with_positive_loss(member):
    run = simulate(member, horizon=400.0 if member.h < 0.6 else 60.0)
    assert run.status == "t_max"
    limit = member.residual_limit
    assert limit == pytest.approx(member.rho_0 - member.sigma_F * member.sigma_0**2 / (2 * member.Lambda), rel=1e-9)
    assert np.all(run.residual >= limit * (1 - 1e-12))
    np.testing.assert_allclose(run.residual, member.residual(run.t), rtol=1e-9)
    np.testing.assert_allclose(run.length[1:], member.length(run.t[1:]), rtol=1e-9)
    if member.h > 0.6:
        assert run.residual[-1] == pytest.approx(limit, rel=1e-9)
        assert run.length[-1] == pytest.approx(member.sigma_0 / member.Lambda, rel=1e-6)


def test_at_one_half_the_loss_vanishes_but_not_exponentially():
    member = ExtremalFamily(rho_0=0.5)
    assert member.h == 0.5
    run = simulate(member, horizon=1e4)
    np.testing.assert_allclose(run.residual, 0.5 / (1 + run.t), rtol=1e-9)
    np.testing.assert_allclose(member.residual(run.t), 0.5 / (1 + run.t), rtol=1e-15)


@pytest.mark.parametrize("member", [*MEMBERS[:4], *STOPPED])
def test_the_closed_form_solves_the_equation(member):
    """Against the flow of s integrated by mpmath's Taylor method, which knows nothing of the logistic equation."""
    with mpmath.workdps(20):
        sf, s0, lam, y = (mpmath.mpf(x) for x in (member.sigma_F, member.sigma_0, member.Lambda, member.rho_0))
        solution = mpmath.odefun(lambda t, s: sf * (s0 - lam * s) * (y - sf * s * (s0 - lam * s / 2)), 0, 0)
        for t in (0.1, 0.5, 2.0):
            t *= float((sf * s0) ** -2)
            s = solution(t)
            assert float(member.length(t)) == pytest.approx(float(s), rel=1e-13)
            assert float(member.residual(t)) == pytest.approx(float(y - sf * s * (s0 - lam * s / 2)), rel=1e-13)


def test_the_closed_form_does_not_overflow_and_keeps_its_digits():
    for member in (ExtremalFamily.with_h(0.1), ExtremalFamily.with_h(0.9)):
        t = np.array([0.0, 1e-300, 1e-12, 1.0, 1e3, 1e8, 1e300])
        residual, length = member.residual(t), member.length(t)
        assert residual[0] == member.rho_0
        assert length[0] == 0.0
        assert length[1] == pytest.approx(1e-300 * member.rho_0, rel=1e-12)
        assert length[2] == pytest.approx(1e-12 * member.rho_0, rel=1e-11)
        assert np.all(np.diff(residual) <= 0)
        assert residual[-1] == member.residual_limit or abs(residual[-1] / member.residual_limit - 1) < 1e-13
    assert float(ExtremalFamily.with_h(0.9).length(1e9)) == pytest.approx(1.0, rel=1e-15)


def test_bad_constants_are_refused():
    with pytest.raises(ValueError, match="positive"):
        ExtremalFamily(rho_0=0.0)
    with pytest.raises(ValueError, match="nonnegative"):
        ExtremalFamily().residual(-1.0)


def test_the_misplaced_bracket_of_the_stopping_time_is_refuted():
    """`baseline.early_stop` with 4Ψ(ψ^{-1}(‖ε‖))/(σ_F²σ0²) − Ψ(L(0)) fails on g = θ; with the bracket right it holds.

    g(θ) = θ, σ_F² = 0.1, σ0 = 1, ρ0 = 100, ‖ε‖ = 1: the wrong time is 18.1, when the error is still 17.3 > 2‖ε‖.
    """
    squares = loss("least_squares")
    # W only, identity, k = 1, V = 1: g(a) = a; F = √0.1, y = 100, ε points away from the run
    problem = ReducedProblem(
        np.array([[math.sqrt(0.1)]]),
        np.array([100.0]),
        squares,
        activation("identity"),
        "W",
        np.zeros(1),
        np.ones((1, 1)),
    )
    eps, clean = 1.0, 101.0
    Psi = lambda loss: -0.5 * math.log(loss)  # noqa: E731
    level = 0.5 * eps**2
    wrong = 4 / 0.1 * Psi(level) - Psi(0.5 * 100.0**2)
    right = compiled.evaluate(
        "baseline.early_stop",
        "t_stop",
        {"sigma_F": math.sqrt(0.1), "sigma_0": 1.0, "eps": eps, "loss_0": 0.5 * 100.0**2},
        kl=squares.kl,
    )
    assert wrong == pytest.approx(18.1, abs=0.05)
    assert right == pytest.approx(184.2, abs=0.05)
    run = gradient_flow(problem, t_max=250.0, times=[wrong, right], rtol=1e-12)
    observed = {t: 100.0 + d for t, d in zip(run.t, [-r for r in run.residual], strict=True)}
    error = {t: abs(v - clean) for t, v in observed.items()}
    margin = dict(zip(run.t, run.error_residual, strict=True))
    assert error[wrong] == pytest.approx(17.3, abs=0.05)
    assert error[wrong] - margin[wrong] > 2 * eps  # refuted, and not by the integrator's error
    assert error[right] + margin[right] <= 2 * eps
