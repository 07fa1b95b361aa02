"""A run in sentences: does it converge, when to stop, how wrong can it be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from . import quality
from .verdict import Verdict

if TYPE_CHECKING:
    from .guarantees import Guarantee
    from .run import RunResult


def conclusion(result: RunResult) -> list[str]:
    """What a user wants to know, in sentences: does it converge, when to stop, how wrong can it be."""
    lines = []
    strongest, restart = result.strongest, result.restart.first
    if strongest is not None:
        promise = "the loss goes to zero" if strongest.zero_loss else "the residual reaches the noise level"
        lines.append(
            f"Guarantee in force from t = 0: {promise} by {strongest.statement} ({strongest.title}; {strongest.reason})."
        )
    else:
        lines.append(
            "No a-priori guarantee of convergence is in force (hypotheses not met: see the table of guarantees)."
        )
    if restart is not None and (restart.t > 0 or strongest is None):
        text = (
            f"Restart certificate: from t = {restart.t:.4g} (ρ = {restart.rho:.3g}) the rest of the flow provably "
            f"reaches zero loss, by {restart.certified_by} at that checkpoint"
        )
        lines.append(f"{text}, with ρ decaying at rate {restart.rate:.3g} or faster, within {restart.ell:.3g} of it.")
    elif strongest is None:
        lines.append(
            _hopeless(result) or "No checkpoint of the run is certified either: train longer, or widen the network."
        )
    lines.append(_integration(result))
    lines += _stopping(result)
    lines += _quality(result)
    if result.scale is not None:
        lines += _scale_line(result)
    counts = {str(v): sum(c.verdict is v for c in result.checks) for v in Verdict}
    counted = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
    lines.append(f"Comparisons of the run with the bounds: {counted or 'none'}. Verdict: {result.verdict}.")
    return lines


def _hopeless(result: RunResult) -> str | None:
    """The proof that zero loss is out of reach, where there is one (`wonly.threshold`)."""
    gap = next((g.quantities.get("inf_gap") for g in result.convergence if g.statement == "wonly.threshold"), None)
    if not gap:
        return None
    return (
        f"Zero loss is out of reach (wonly.threshold): the residual stays above {gap:.4g} for ever. Widen the network."
    )


_ENDED = {
    "loss_stop": "ended at its loss goal",
    "t_max": "ended at t_max",
    "max_seconds": "was ended by max_seconds",
    "max_steps": "was ended by max_steps",
    "interrupted": "was interrupted",
    "stationary": "ended where nothing moves any more",
    "failed": "failed (the step size underflowed)",
}


def _integration(result: RunResult) -> str:
    """How the run ended, and how far it can be trusted."""
    trajectory = result.trajectory
    error, drift = trajectory.error_theta[-1], trajectory.conserved_drift
    size = f"estimated error of the parameters {error:.1g}" if math.isfinite(error) else "no error estimate"
    kept = "" if drift is None else f", conserved quantities kept to {drift:.1g}"
    start, end = float(trajectory.loss[0]), float(trajectory.loss[-1])
    fraction = f", loss {end / start:.2g} of its start" if start > 0 else ""
    return f"The run {_ENDED[trajectory.status]}, t = {trajectory.t[-1]:.4g}{fraction}; {size}{kept}."


def _stopping(result: RunResult) -> list[str]:
    strongest, constants = result.strongest, result.instance.constants
    timed = [g for g in result.convergence if g.in_force and g.stop_time is not None]
    if not timed:
        if "eps" not in constants:
            return ["Stopping time: not evaluable, the noise level is not known."]
        return [] if constants["eps"].value == 0 else ["Stopping time: none is guaranteed."]
    best = strongest if strongest is not None and strongest.stop_time is not None else timed[0]
    assert best.stop_time is not None
    assert best.stop_level is not None
    eps = constants["eps"].value
    if best.stop_time == 0:
        return [
            f"When to stop: at once. The residual is below {best.stop_level:.4g} = {_times(best.stop_level / eps)}‖ε‖ at t = 0 "
            "already: at this noise level there is nothing to fit."
        ]
    lines = [
        f"When to stop: at t = {best.stop_time:.4g} the residual is guaranteed to be below {best.stop_level:.4g} = "
        f"{_times(best.stop_level / eps)}‖ε‖, so ‖y(t) − ȳ‖ ≤ {1 + best.stop_level / eps:.3g}‖ε‖ ({best.statement})."
    ]
    horizon = result.problem.spec.flow.t_max
    if best.stop_time > horizon:
        lines.append(f"That is beyond t_max = {horizon:.4g}: too late to be of use.")
    reached = {level: t for level, t in result.trajectory.events.items() if level <= best.stop_level * (1 + 1e-12)}
    if reached:
        level = max(reached)
        if reached[level] > 0:
            lines.append(
                f"The run itself got there at t = {reached[level]:.4g}: the guarantee comes "
                f"{best.stop_time / reached[level]:.3g} × later."
            )
    return [*lines, *_earlier(timed, best, eps)]


# An earlier guarantee is worth a line from this factor on.
_MUCH_EARLIER = 10.0


def _earlier(timed: list[Guarantee], best: Guarantee, eps: float) -> list[str]:
    """The guarantee with the earliest stopping time, where that is much earlier than that of the strongest one."""
    first = min(timed, key=lambda g: math.inf if g.stop_time is None else g.stop_time)
    if first.stop_time is None or first.stop_level is None or best.stop_time is None:
        return []
    if not first.stop_time * _MUCH_EARLIER <= best.stop_time:
        return []
    return [
        f"Guaranteed earlier: at t = {first.stop_time:.4g} the residual is below {_times(first.stop_level / eps)}‖ε‖, so "
        f"‖y(t) − ȳ‖ ≤ {1 + first.stop_level / eps:.3g}‖ε‖ ({first.statement}). Where A is ill-conditioned the noise enters the "
        "signal late: the earlier time is usually the better one then."
    ]


_NAMES = {
    "observation": "Observation",
    "least_norm": "Least-norm inverse R y, no network",
    "reconstruction": "Reconstruction",
}


def _quality(result: RunResult) -> list[str]:
    rows = result.quality()
    lines = []
    for name, row in rows.items():
        parts = [f"relative error {row['relative_error']:.4g}"]
        if "psnr_db" in row:
            parts.append(f"PSNR {row['psnr_db']:.2f} dB")
        if "ssim" in row:
            parts.append(f"SSIM {row['ssim']:.3f}")
        if "psnr_db" in row:
            parts.append(f"data range {row['data_range']:.3g}")
        if "snr_db" in row:
            parts.append(f"SNR {row['snr_db']:.2f} dB")
        at = f" at t = {row['time']:.4g}" if "time" in row else ""
        lines.append(f"{_NAMES[name]}{at}: {', '.join(parts)}.")
    return lines + _signal_error(result)


def _times(factor: float) -> str:
    """A factor in front of ‖ε‖: nothing for 1."""
    return "" if abs(factor - 1) < 1e-6 else f"{factor:.3g}"


def _signal_error(result: RunResult) -> list[str]:
    """Error of the reconstruction: the tightest bound in force, what the data guarantee, and what they do not see."""
    if "signal_error" not in result.observed:
        return []
    assert result.problem.truth is not None
    size = float(np.linalg.norm(result.problem.truth))
    index = quality.reconstruction_index(result)

    def share(value: float) -> str:
        return f"{value:.4g} ({value / size:.1%} of ‖x̄‖)" if size > 0 else f"{value:.4g}"

    lines = []
    best: tuple[float, str] | None = None
    for guarantee in result.recovery:
        for curve in guarantee.curves if guarantee.in_force else ():
            bound = float(curve.evaluate(result.observed)[1][index])
            if math.isfinite(bound) and (best is None or bound < best[0]):
                best = (bound, curve.statement)
    error = share(float(result.observed["signal_error"].value[index]))
    if best is not None:
        vacuous = "" if best[0] < size else "; vacuous, above ‖x̄‖"
        lines.append(f"How wrong: ‖x − x̄‖ = {error}, guaranteed at most {share(best[0])} by {best[1]}{vacuous}.")
    split = next((g for g in result.recovery if g.statement == "recover.split" and "R_norm" in g.quantities), None)
    if split is None:
        return lines or [f"How wrong: ‖x − x̄‖ = {error}; no bound is evaluable."]
    seen = split.quantities["R_norm"] * (
        float(result.observed["residual"].value[index]) + result.instance.constants["eps"].as_upper()
    )
    unseen = float(result.observed["unseen_error"].value[index])
    start = "The same split" if lines else f"How wrong: ‖x − x̄‖ = {error}, split"
    lines.append(
        f"{start} along what the data see: bound {share(seen + unseen)} = ‖R‖(‖y(t) − y‖ + ‖ε‖) = {share(seen)} for the part "
        f"that they determine, plus {share(unseen)} for the part that they do not, measured with the truth (recover.split)."
    )
    return lines


def _scale_line(result: RunResult) -> list[str]:
    scale = result.scale
    assert scale is not None
    if not scale.applies:
        return [f"Output scale: {scale.reason} (dip2.output_scale)."]
    parts = [f"sharp.condition from s = {scale.sharp:.4g}"] if math.isfinite(scale.sharp) else []
    if scale.amgm is not None and math.isfinite(scale.amgm):
        parts.append(f"dip2.amgm from s = {scale.amgm:.4g}")
    if not parts:
        return ["Output scale: none certifies this instance (σF > 0 or σ0 > 0 is not proved)."]
    return [
        f"Output scale: this instance is certified a priori by {', by '.join(parts)} (now s = {scale.current:.4g})."
    ]
