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
    """The observation in the space of the signal, flat: Aᵀy rescaled to fit y best (A x ≈ y); None if it vanishes.

    For a mask this is the image with its holes at zero; for a blur, the blurred image (blurred once more).
    """
    problem = result.problem
    operator = problem.operator
    if problem.y.shape[0] == operator.shape[1] and problem.observation_shape == problem.signal_shape:
        return problem.y
    back = np.asarray(operator.rmatvec(problem.y), dtype=np.float64)
    image = np.asarray(operator.matvec(back), dtype=np.float64)
    size = float(image @ image)
    return None if size == 0 else back * (float(image @ problem.y) / size)


def compare(result: RunResult) -> dict[str, dict[str, float]]:
    """Figures of merit of the observation and of the reconstruction; empty if the truth is not known, or zero."""
    problem = result.problem
    if problem.truth is None or not problem.truth.any():
        return {}
    index = reconstruction_index(result)
    found = {"reconstruction": result.instance.signal(result.trajectory, index)}
    seen = as_seen(result)
    if seen is not None:
        found = {"observation": seen, **found}
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
