"""A run that no dense matrix would survive: a 256 × 256 image, 4096 of its Fourier coefficients, 2000 neurons.

    python benchmarks/large.py            n = 65 536, m = 4096, k = 2000, both layers, 5% noise, discrepancy stop
    python benchmarks/large.py --small    n = 4096, m = 256, k = 128: the same in a second

A (m × n) would take 2.1 GB and V (n × k) 1.0 GB; neither is formed.  The state of the flow is p × k + k numbers, p = m.
Printed: the time of each stage, the peak of the resident memory, also in units of 8pk bytes, and the reconstruction.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from numerics.activations import activation
from numerics.flow import gradient_flow
from numerics.losses import loss
from numerics.operators import ForwardOperator, from_mapping, product
from numerics.operators.identity import IdentityOperator
from numerics.reduction import Streamed, reduce
from numerics.signals import Mri

OPERATORS = ("fourier", "cosine", "subsample", "blur-subsample")


@dataclass(frozen=True)
class Setting:
    """What is run.  side: of the image (a divisor of 256); m of its side² coefficients are measured."""

    side: int = 256
    m: int = 4096
    k: int = 2000
    train: str = "both"
    operator: str = "fourier"
    lowest: float = 0.75
    synthesis: float = 0.0  # omega0 of a smooth synthesis behind the network, x = S g; 0: none
    noise: float = 0.05
    tau: float = 1.1
    scale: float = 1.0
    V_scale: float = 0.1  # what A does not see is V(0)φ(a)/√k, noise: small weights keep it small
    rtol: float = 1e-6
    error_estimate: bool = False
    method: str | None = None
    max_seconds: float = 300.0
    seed: int = 0


@dataclass
class Report:
    """What came out.  seconds: of each stage; memory in bytes, ‖·‖ relative."""

    setting: Setting
    seconds: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)


def resident() -> float:
    """Peak of the resident memory of this process so far, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)


def make_operator(setting: Setting, rng: np.random.Generator) -> ForwardOperator:
    """Part of the spectrum (fourier, cosine), pixels (subsample), or every e-th pixel of a blur (blur-subsample)."""
    shape = (setting.side, setting.side)
    fraction = setting.m / math.prod(shape)
    if setting.operator == "blur-subsample":
        every = round(math.sqrt(1 / fraction))
        parts = [{"kind": "subsample", "every": every}, {"kind": "blur", "std": 0.5 * every}]
        return from_mapping({"kind": "compose", "parts": parts}).build(shape, rng)
    if setting.operator == "subsample":
        return from_mapping({"kind": "subsample", "fraction": fraction}).build(shape, rng)
    spec = {"kind": "fourier", "fraction": fraction, "lowest": setting.lowest, "transform": setting.operator}
    return from_mapping(spec).build(shape, rng)


def run(setting: Setting, say: Any = lambda text: None) -> Report:
    """The whole of it; `say` gets a line after every stage."""
    report = Report(setting)

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        report.seconds[name], report.peak[name] = time.perf_counter() - start, resident()
        say(f"{name:<34} {report.seconds[name]:9.2f} s   peak {report.peak[name] / 1e6:8.0f} MB")

    report.peak["start"] = resident()
    say(f"{'start':<34} {'':>9}     peak {report.peak['start'] / 1e6:8.0f} MB")
    with stage("image, operator, data"):
        draw_operator, draw_noise = np.random.default_rng(setting.seed).spawn(2)
        truth = Mri(size=setting.side, crop="full").load().reshape(-1)
        measure = make_operator(setting, draw_operator)
        S: ForwardOperator = IdentityOperator(measure.input_shape)
        if setting.synthesis:
            S = from_mapping({"kind": "fourier_synthesis", "omega0": setting.synthesis}).build(
                measure.input_shape, draw_operator
            )
        A = product(measure, scale=setting.scale)
        clean = A.matvec(truth)
        noise = draw_noise.standard_normal(clean.size)
        noise *= setting.noise * np.linalg.norm(clean) / np.linalg.norm(noise)
        y = clean + noise
    with stage("reduction: a(0), QᵀV(0)"):
        law = Streamed(
            truth.size,
            setting.k,
            setting.seed,
            activation("tanh"),
            "both" if setting.train == "both" else "W",
            V_scale=setting.V_scale,
            antisymmetric=True,
        )
        reduction = reduce(product(A, S), y, law, loss("least_squares"))
    problem = reduction.problem
    say(f"  {reduction.describe()}")
    level = setting.tau * float(np.linalg.norm(noise))
    options: dict[str, Any] = {} if setting.method is None else {"method": setting.method}
    with stage("flow to the discrepancy level"):
        flow = gradient_flow(
            problem,
            t_max=math.inf,
            loss_stop=reduction.loss_level(0.5 * level**2),
            times=(),
            rtol=setting.rtol,
            atol=1e-3 * setting.rtol,
            error_estimate=setting.error_estimate,
            max_seconds=setting.max_seconds,
            **options,
        )
    a, V = flow.a[-1], None if flow.V is None else flow.V[-1]
    with stage("x(t) in signal space"):
        x = S.matvec(reduction.signal(a, V))
    unit = 8.0 * problem.p * problem.k

    def psnr(estimate: np.ndarray) -> float:
        return 10 * math.log10(float(truth.max() - truth.min()) ** 2 / float(np.mean((estimate - truth) ** 2)))

    basis = A.factorization()
    least_norm = basis.synthesize(basis.left_adjoint(y) / basis.singular_values())
    report.results = {
        "n": truth.size,
        "m": int(y.size),
        "p": problem.p,
        "k": problem.k,
        "status": flow.status,
        "message": flow.message,
        "t": float(flow.t[-1]),
        "steps": flow.steps,
        "evaluations": flow.nfev,
        "seconds_per_step": report.seconds["flow to the discrepancy level"] / max(1, flow.steps),
        "residual_over_level": float(flow.residual[-1]) / level,
        "data_defect": float(np.linalg.norm(A.matvec(x) - reduction.data(a, V)) / np.linalg.norm(y)),
        "distance": reduction.distance(a, V),
        "relative_error": float(np.linalg.norm(x - truth) / np.linalg.norm(truth)),
        "psnr": psnr(x),
        "least_norm_relative_error": float(np.linalg.norm(least_norm - truth) / np.linalg.norm(truth)),
        "least_norm_psnr": psnr(least_norm),
        "peak_bytes": resident(),
        "unit_bytes": unit,
        "peak_in_units": resident() / unit,
        "peak_above_start_in_units": (resident() - report.peak["start"]) / unit,
        "n_times_k_in_units": truth.size / problem.p,
        "seconds": sum(report.seconds.values()),
    }
    return report


def lines(report: Report) -> list[str]:
    """The results, for a reader."""
    r = report.results
    return [
        f"{r['message']}",
        f"t = {r['t']:.6g}: {r['steps']} steps, {r['evaluations']} gradients, {r['seconds_per_step']:.3g} s a step; "
        f"‖v − y‖ = {r['residual_over_level']:.6f} of the level; ‖A x − v‖/‖y‖ = {r['data_defect']:.1e}",
        f"reconstruction: relative error {r['relative_error']:.4f}, PSNR {r['psnr']:.2f} dB "
        f"(least-norm inverse: {r['least_norm_relative_error']:.4f}, {r['least_norm_psnr']:.2f} dB)",
        f"memory: peak {r['peak_bytes'] / 1e6:.0f} MB = {r['peak_in_units']:.1f} × 8pk bytes "
        f"({r['peak_above_start_in_units']:.1f} above the start; V(0) alone would be {r['n_times_k_in_units']:.1f}); "
        f"8pk = {r['unit_bytes'] / 1e6:.1f} MB",
        f"total {r['seconds']:.1f} s",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="n = 4096, m = 256, k = 128")
    parser.add_argument("--json", type=Path, help="write setting, seconds, memory and results to this file")
    default = Setting()
    for name, value in asdict(default).items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            parser.add_argument(option, action="store_true")
            continue
        choices = {"train": ("both", "W"), "operator": OPERATORS}.get(name)
        kind = str if value is None else type(value)
        parser.add_argument(option, type=kind, choices=choices, help=f"default {value}")
    given = vars(parser.parse_args(arguments))
    target, small = given.pop("json"), given.pop("small")
    chosen: dict[str, Any] = {"side": 64, "m": 256, "k": 128} if small else {}
    chosen |= {name: value for name, value in given.items() if value is not None}
    report = run(Setting(**chosen), lambda text: print(text, flush=True))
    print("\n".join(lines(report)))
    if target is not None:
        target.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    return 0 if report.results["status"] == "loss_stop" else 3


if __name__ == "__main__":
    sys.exit(main())
