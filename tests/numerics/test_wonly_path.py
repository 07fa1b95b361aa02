"""One Newton path for many questions: the same answers as fresh starts, whatever was asked before."""

import math

import numpy as np
import pytest
import scipy.linalg

from numerics.activations import activation
from numerics.wonly import Path, limit, limit_of, regularized, regularized_on, stopping_time, stopping_time_on
from numerics.wonly import path as module
from numerics.wonly.path import orthonormal_rows


def instance(name: str, seed: int, m: int, k: int, condition: float = 10.0):
    """B with singular values from 1 to 1/condition, an interior y, and a0."""
    phi, rng = activation(name), np.random.default_rng(seed)
    left = scipy.linalg.qr(rng.standard_normal((m, m)))[0]
    right = scipy.linalg.qr(rng.standard_normal((k, m)), mode="economic")[0]
    B = (left * np.geomspace(1.0, 1.0 / condition, m)) @ right.T
    a0 = rng.normal(0, 0.5, k)
    return phi, B, B @ phi.phi(a0 + 0.4 * rng.standard_normal(k)), a0


@pytest.mark.parametrize("name", ["tanh", "softplus", "gelu"])
def test_a_path_gives_what_fresh_starts_give(name: str) -> None:
    phi, B, y, a0 = instance(name, 3, 4, 25)
    path = Path(phi, B, y, a0)
    level = 0.2 * float(np.linalg.norm(B @ phi.phi(a0) - y))
    fresh, warm = stopping_time(phi, B, y, a0, level), stopping_time_on(path, level)
    assert math.isclose(warm.T, fresh.T, rel_tol=1e-6)
    for t in (0.1, 50.0, 3.0, 3.0):  # up, down, and the same again
        one, other = regularized(phi, B, y, a0, t), regularized_on(path, t)
        assert math.isclose(other.residual, one.residual, rel_tol=1e-6)
        assert math.isclose(other.D_0, one.D_0, rel_tol=1e-6)
        assert np.allclose(other.h, one.h, atol=1e-7)
    assert np.allclose(limit_of(path).h, limit(phi, B, y, a0).h, atol=1e-12)


def test_large_problems_share_factors_between_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond m = 250: conjugate gradients with an old factor, a new one when it is stale, and the same solutions."""
    phi, B, y, a0 = instance("tanh", 5, 260, 520, condition=100.0)
    counts = {"factors": 0, "directions": 0}
    factor, direction = scipy.linalg.cho_factor, Path.direction

    def counted(*args, **options):
        counts["factors"] += 1
        return factor(*args, **options)

    def watched(self, *args):
        counts["directions"] += 1
        return direction(self, *args)

    monkeypatch.setattr(module.scipy.linalg, "cho_factor", counted)
    monkeypatch.setattr(Path, "direction", watched)
    path = Path(phi, B, y, a0)
    for log_t in (0.0, 2.0, 4.0, 6.0, 8.0):
        point = regularized_on(path, math.exp(log_t))
        # stationarity: H(a) = H(a0) + B^T p with p = t (y − B h)
        p = math.exp(log_t) * (y - B @ point.h)
        assert np.linalg.norm(p - point.p) <= 1e-6 * math.exp(log_t) * np.linalg.norm(y)
        assert np.allclose(phi.H(point.a), phi.H(a0) + point.p @ B, rtol=1e-9, atol=1e-9)
    assert 2 <= counts["factors"] <= counts["directions"] // 2


def test_orthonormal_rows_at_every_condition() -> None:
    for condition in (1.0, 1e2, 1e3, 1e6, 1e12):
        _, B, _, _ = instance("tanh", 7, 30, 70, condition)
        R, rows = orthonormal_rows(Path(activation("tanh"), B, np.zeros(30), np.zeros(70)))
        assert np.allclose(R, np.triu(R))
        assert np.linalg.norm(rows @ rows.T - np.eye(30)) < 1e-7
        assert np.linalg.norm(R.T @ rows - B) < 1e-13
    phi, B, y, a0 = instance("tanh", 7, 30, 70, 1e9)
    assert np.linalg.norm(B @ limit(phi, B, y, a0).h - y) < 1e-11 * np.linalg.norm(y)
    with pytest.raises(ValueError, match="full row"):
        limit(phi, np.vstack([B, B[:1]]), np.append(y, y[0] + 1.0), a0)


def test_the_callers_bound_of_the_residual_is_what_is_reported() -> None:
    phi, B, y, a0 = instance("tanh", 9, 3, 12)
    path = Path(phi, B, y, a0, residual_upper=lambda a: 0.125)
    assert regularized_on(path, 1.0).residual == 0.125
    assert limit_of(path).residual == 0.125
    assert stopping_time_on(path, 0.2).T == 0.0  # below the level from the start, by that bound
    with pytest.raises(ValueError, match="positive"):
        stopping_time_on(path, 0.0)
    with pytest.raises(ValueError, match="limit"):
        regularized_on(path, math.inf)


@pytest.mark.parametrize("m", [4, 260])
def test_paired_columns_halve_the_work_and_change_nothing(m: int) -> None:
    phi, half, _, first = instance("softplus", 11, m, 2 * m, 20.0)
    B = np.hstack([half, -half])
    a0 = np.concatenate([first, first])
    y = B @ phi.phi(a0 + 0.3 * np.random.default_rng(1).standard_normal(4 * m))
    paired = Path(phi, B, y, a0)
    plain = Path(phi, B, y, a0)
    plain._half = None
    h = np.random.default_rng(2).random(4 * m)
    assert paired._half is not None
    assert np.allclose(paired.times(h), B @ h, atol=1e-14)
    assert np.allclose(paired.back(h[:m]), B.T @ h[:m], atol=1e-14)
    assert np.allclose(paired.gram(h), (B * h) @ B.T, atol=1e-14)
    for t in (1.0, 100.0):
        one, other = regularized_on(paired, t), regularized_on(plain, t)
        assert np.allclose(one.h, other.h, atol=1e-7)
    assert np.allclose(limit_of(paired).h, limit_of(plain).h, atol=1e-10)
