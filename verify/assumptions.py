"""The assumptions of the theorems as predicates on an instance: holds, fails or unknown, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from theory.symbols import sym

from .instance import Instance

Answer = Literal["holds", "fails", "unknown"]


@dataclass(frozen=True)
class Assumption:
    """One assumption (`A.*` of the registry) on one instance."""

    id: str
    answer: Answer
    evidence: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return dict(self.__dict__)


def check_all(instance: Instance) -> list[Assumption]:
    """Every assumption that the theorems about an instance may need, in the order of the theory."""
    return [
        *_loss(instance),
        _activation(instance),
        _operator(instance),
        _range(instance),
        _init(instance),
        _injective(instance),
    ]


def _loss(instance: Instance) -> list[Assumption]:
    theory = instance.problem.loss.theory
    kl = instance.problem.loss.kl
    psi = str(kl.psi(sym("s")))
    answers: list[tuple[str, bool, str]] = [
        (
            "A.loss.smooth",
            theory.smooth,
            f"{theory.title}: a polynomial of the residual" if theory.smooth else theory.title,
        ),
        ("A.loss.min", True, "entrywise losses are nonnegative and vanish at y"),
        ("A.loss.unique", theory.unique, "vanishes only at v = y"),
        ("A.loss.convex", theory.convex, "sum of convex functions of the entries"),
        ("A.loss.KL", True, f"globally, with ψ(s) = {psi}"),
    ]
    return [Assumption(name, "holds" if yes else "fails", evidence) for name, yes, evidence in answers]


def _activation(instance: Instance) -> Assumption:
    activation = instance.problem.network.activation
    if not activation.theory.smooth:
        return Assumption(
            "A.activation",
            "fails",
            f"{activation.name} is not continuously differentiable: {activation.theory.B2_argument}",
        )
    b1, b2 = instance.constants["B1"].as_upper(), instance.constants["B2"].as_upper()
    return Assumption("A.activation", "holds", f"{activation.name}: |φ'| ≤ {b1:.6g}, |φ''| ≤ {b2:.6g}")


def _operator(instance: Instance) -> Assumption:
    sigma_F = instance.constants["sigma_F"].as_lower()
    kappa = instance.constants["kappa"].value
    if sigma_F > 0:
        return Assumption(
            "A.operator.nondegenerate", "holds", f"linear, σF ≥ {sigma_F:.6g} (certified), κ ≈ {kappa:.3g}"
        )
    return Assumption("A.operator.nondegenerate", "unknown", f"σF > 0 could not be proved in float64 (κ ≈ {kappa:.3g})")


def _range(instance: Instance) -> Assumption:
    problem = instance.problem
    m, _ = problem.forward.shape
    if problem.svd.rank == m:
        return Assumption("A.operator.range", "holds", "the operator is onto: Im A is the whole data space")
    removed = f"; y was projected on Im A (removed: {problem.projected:.3g})" if problem.projected > 0 else ""
    if problem.loss.name == "least_squares":
        return Assumption("A.operator.range", "holds", f"linear A and y ∈ Im A{removed}")
    if problem.loss.theory.range_radial:
        return Assumption("A.operator.range.radial", "holds", f"ψ'(L)⟨r, ∇L⟩ ≥ ‖r‖ and y ∈ Im A{removed}")
    return Assumption("A.operator.range", "fails", "A is not onto and the loss has no radial bound")


def _init(instance: Instance) -> Assumption:
    sigma_0 = instance.constants["sigma_0"].as_lower()
    where = "" if instance.U is None else " on Im Aᵀ (dip2.range_restriction)"
    if sigma_0 > 0:
        return Assumption("A.init", "holds", f"σ0 ≥ {sigma_0:.6g}{where} (certified)")
    return Assumption(
        "A.init", "unknown", f"σ0 > 0{where} could not be proved: width {instance.problem.network.k} is too small"
    )


def _injective(instance: Instance) -> Assumption:
    problem = instance.problem
    if instance.is_injective:
        mu = problem.operator.sigma_min().as_lower()
        return Assumption("A.injective", "holds", f"A is injective on all signals, μ ≥ {mu:.6g}")
    m, n_x = problem.operator.shape
    return Assumption(
        "A.injective",
        "unknown",
        f"A has a kernel of dimension {n_x - problem.svd.rank} ({m} × {n_x}): see recover.tension",
    )
