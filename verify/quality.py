"""How good the reconstruction is, next to the observation: relative error, PSNR, SSIM (images), SNR (1-D signals)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from numerics import metrics

if TYPE_CHECKING:
    from .run import RunResult

Floats = NDArray[np.float64]


def reconstruction_index(result: RunResult) -> int:
    """The stored time whose signal is shown: the first at or after the discrepancy time, else the last.

    It is a choice that a user without the truth can make; where the noise is unknown or zero, the end of the run.
    """
    constants, trajectory = result.instance.constants, result.trajectory
    if "eps" in constants and constants["eps"].value > 0:
        level = result.problem.tau * constants["eps"].value
        below = np.flatnonzero(trajectory.residual <= level * (1 + 1e-9))
        if below.size:
            return int(below[0])
    return len(trajectory.t) - 1


def as_seen(result: RunResult) -> Floats | None:
    """The observation in the space of the signal, flat, if it lives there; None for data of another kind.

    Data of the signal's own shape (blur, identity) are shown as they are; data of a mask at their places, zero elsewhere.
    """
    problem = result.problem
    operator = problem.operator
    if problem.observation_shape == problem.signal_shape and problem.spec.operator.kind in ("blur", "identity"):
        return problem.y
    if problem.spec.operator.kind == "subsample":
        return np.asarray(operator.rmatvec(problem.y), dtype=np.float64)
    return None


def least_norm(result: RunResult) -> Floats:
    """R y, the right inverse of the operator applied to the data: the least-norm fit, without any network.

    With a synthesis operator R contains the same prior. What a network is worth is what it does better than this.
    """
    instance = result.instance
    M, P = instance.right_inverse
    return np.asarray(M @ (P.T @ result.problem.y), dtype=np.float64)


def compare(result: RunResult) -> dict[str, dict[str, float]]:
    """Figures of merit of the observation and of the reconstruction; empty if the truth is not known, or zero."""
    problem = result.problem
    if problem.truth is None or not problem.truth.any():
        return {}
    index = reconstruction_index(result)
    seen = as_seen(result)
    found = {} if seen is None else {"observation": seen}
    found["least_norm"] = least_norm(result)
    found["reconstruction"] = result.instance.signal(result.trajectory, index)
    shape = problem.signal_shape
    truth = problem.truth.reshape(shape)
    span = float(truth.max() - truth.min())
    out: dict[str, dict[str, float]] = {}
    for name, flat in found.items():
        signal = flat.reshape(shape)
        row = {"relative_error": metrics.relative_error(signal, truth)}
        if span > 0:
            row["psnr_db"] = metrics.psnr(signal, truth, data_range=span)
            if truth.ndim == 2 and min(shape) >= 11:
                row["ssim"] = metrics.ssim(signal, truth, data_range=span)
            row["data_range"] = span
        if truth.ndim == 1:
            row["snr_db"] = metrics.snr(signal, truth)
        out[name] = row
    out["reconstruction"]["time"] = float(result.trajectory.t[index])
    return out
