"""The assumptions of the theorems as predicates on an instance: holds, fails or unknown, each with its evidence.

There is one for every hypothesis that a statement behind a guarantee declares (:data:`PREDICATES`), and no guarantee is in
force without them (:func:`lacking`): an evaluation cannot skip an assumption by forgetting to look at it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
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


# What a person is shown: the assumptions that an instance can fail, the rest follows from the kind of the problem.
_SHOWN = (
    "A.loss.smooth", "A.loss.min", "A.loss.unique", "A.loss.convex", "A.loss.KL", "A.activation", "A.operator.linear",
    "A.operator.nondegenerate", "A.operator.range", "A.init", "A.injective",
)  # fmt: skip
# A hypothesis that another one may replace wherever it is assumed (the text of A.operator.range says so).
_IN_ITS_PLACE: Mapping[str, str] = {"A.operator.range": "A.operator.range.radial"}


def check_all(instance: Instance) -> list[Assumption]:
    """The assumptions worth reading, in the order of the theory; all of them: :func:`all_of`."""
    noise = "A.noise.none" if _noise(instance) == 0 else "A.noise.positive"
    return [answer(instance, name) for name in (*_SHOWN, noise)]


def all_of(instance: Instance) -> list[Assumption]:
    """Every assumption that a guarantee may rest on, in alphabetical order."""
    return [PREDICATES[name](instance) for name in sorted(PREDICATES)]


def answer(instance: Instance, name: str) -> Assumption:
    """The hypothesis, or the one that may take its place if only that one holds."""
    found = PREDICATES[name](instance)
    if found.answer != "holds" and name in _IN_ITS_PLACE:
        instead = PREDICATES[_IN_ITS_PLACE[name]](instance)
        return instead if instead.answer == "holds" else found
    return found


def lacking(instance: Instance, names: Iterable[str], known: dict[str, Assumption] | None = None) -> Assumption | None:
    """The first of the hypotheses that is not answered by "holds", or None; `known` remembers answers between calls."""
    known = {} if known is None else known
    for name in names:
        if name not in known:
            known[name] = answer(instance, name)
        if known[name].answer != "holds":
            return known[name]
    return None


def _decide(name: str, yes: bool, evidence: str, otherwise: Answer = "fails", why: str = "") -> Assumption:
    return Assumption(name, "holds", evidence) if yes else Assumption(name, otherwise, why or evidence)


# --- loss
def _loss(name: str, attribute: str, evidence: str) -> Callable[[Instance], Assumption]:
    def predicate(instance: Instance) -> Assumption:
        theory = instance.problem.loss.theory
        return _decide(name, bool(getattr(theory, attribute)), evidence.format(title=theory.title), why=theory.title)

    return predicate


def _minimum(instance: Instance) -> Assumption:
    return Assumption("A.loss.min", "holds", "entrywise losses are nonnegative and vanish at y")


def _inequality(instance: Instance) -> Assumption:
    return Assumption("A.loss.KL", "holds", f"globally, with ψ(s) = {instance.problem.loss.kl.psi(sym('s'))}")


def _least_squares(instance: Instance) -> Assumption:
    loss = instance.problem.loss
    yes = loss.name in ("least_squares", "weighted_least_squares")
    return _decide("A.loss.least_squares", yes, f"{loss.theory.title}, w_min = {loss.w_min:.6g}", why=loss.theory.title)


def _plain_least_squares(instance: Instance) -> Assumption:
    loss = instance.problem.loss
    yes = loss.name == "least_squares" and loss.weights is None
    return _decide("A.loss.plain_least_squares", yes, loss.theory.title)


# --- network
def _activation(instance: Instance) -> Assumption:
    activation = instance.problem.network.activation
    if not activation.theory.smooth:
        why = f"{activation.name} is not continuously differentiable: {activation.theory.B2_argument}"
        return Assumption("A.activation", "fails", why)
    b1, b2 = instance.constants["B1"].as_upper(), instance.constants["B2"].as_upper()
    return Assumption("A.activation", "holds", f"{activation.name}: |φ'| ≤ {b1:.6g}, |φ''| ≤ {b2:.6g}")


def _two_layer(instance: Instance) -> Assumption:
    network = instance.problem.network
    evidence = f"V φ(W u)/√k with k = {network.k}, one fixed input u of norm 1"
    return Assumption("A.network.two_layer", "holds", evidence)


def _trained(name: str, layers: str) -> Callable[[Instance], Assumption]:
    def predicate(instance: Instance) -> Assumption:
        train = instance.problem.network.train
        return _decide(name, train == layers, "both layers are trained" if train == "both" else "only W is trained")

    return predicate


def _regular_start(instance: Instance) -> Assumption:
    name, network = "A.network.regular_start", instance.problem.network
    if not network.activation.theory.smooth:
        return Assumption(name, "fails", f"φ' of {network.activation.name} is not continuous")
    try:
        low, high = network.activation.interval(network.a)
    except ValueError as error:
        return Assumption(name, "unknown", str(error))
    yes = bool(((low < network.a) & (network.a < high)).all())
    return _decide(
        name, yes, "every a_i(0) lies strictly between two zeros of φ'", "unknown", "some a_i(0) is at a zero"
    )


def _generator_smooth(instance: Instance) -> Assumption:
    inner = _activation(instance)
    return Assumption("A.generator.smooth", inner.answer, f"a two-layer network with {inner.evidence}")


def _ball(instance: Instance) -> Assumption:
    name, constants = "A.generator.lipschitz", instance.constants
    if "R" not in constants:
        return Assumption(name, "fails", _activation(instance).evidence)
    R = constants["R"].as_lower()
    yes = R > 0 and constants["sigma_0"].as_lower() > 0
    evidence = f"R Lip(R) ≤ σ0/2 on the ball of radius R = {R:.6g} (dip2.lipschitz)"
    return _decide(name, yes, evidence, "unknown", "no ball: σ0 > 0 could not be proved")


def _modulus(name: str) -> Callable[[Instance], Assumption]:
    def predicate(instance: Instance) -> Assumption:
        if "Lambda" not in instance.constants:
            return Assumption(name, "fails", _activation(instance).evidence)
        slope = instance.constants["Lambda"].as_upper()
        return _decide(name, math.isfinite(slope), f"for every radius, slope Λ ≤ {slope:.6g} (dip2.modulus)", "unknown")

    return predicate


def _init(instance: Instance) -> Assumption:
    sigma_0 = instance.constants["sigma_0"].as_lower()
    where = "" if instance.U is None else " on Im Aᵀ (dip2.range_restriction)"
    if sigma_0 > 0:
        return Assumption("A.init", "holds", f"σ0 ≥ {sigma_0:.6g}{where} (certified)")
    return Assumption(
        "A.init", "unknown", f"σ0 > 0{where} could not be proved: width {instance.problem.network.k} is too small"
    )


# --- operator
def _linear(instance: Instance) -> Assumption:
    m, n = instance.problem.forward.shape
    return Assumption("A.operator.linear", "holds", f"a matrix, {m} × {n} ({instance.problem.operator.describe()})")


def _smooth_operator(instance: Instance) -> Assumption:
    return Assumption("A.operator.smooth", "holds", "linear, so its Jacobian is constant")


def _nondegenerate(instance: Instance) -> Assumption:
    sigma_F = instance.constants["sigma_F"].as_lower()
    kappa = instance.constants["kappa"].value
    if sigma_F > 0:
        return Assumption(
            "A.operator.nondegenerate", "holds", f"linear, σF ≥ {sigma_F:.6g} (certified), κ ≈ {kappa:.3g}"
        )
    return Assumption("A.operator.nondegenerate", "unknown", f"σF > 0 could not be proved in float64 (κ ≈ {kappa:.3g})")


def _removed(instance: Instance) -> str:
    projected = instance.problem.projected
    return f"; y was projected on Im A (removed: {projected:.3g})" if projected > 0 else ""


def _range(instance: Instance) -> Assumption:
    name, problem = "A.operator.range", instance.problem
    if problem.svd.rank == problem.forward.shape[0]:
        return Assumption(name, "holds", "the operator is onto: Im A is the whole data space")
    if problem.loss.name == "least_squares":
        return Assumption(name, "holds", f"linear A and y ∈ Im A{_removed(instance)}")
    return Assumption(name, "fails", "A is not onto, and the gradient of a weighted loss leaves Im A")


def _radial(instance: Instance) -> Assumption:
    name, problem = "A.operator.range.radial", instance.problem
    yes = bool(problem.loss.theory.range_radial)
    return _decide(
        name, yes, f"ψ'(L)⟨r, ∇L⟩ ≥ ‖r‖ and y ∈ Im A{_removed(instance)}", why="the loss has no radial bound"
    )


def _injective(instance: Instance) -> Assumption:
    name, problem = "A.injective", instance.problem
    if instance.is_injective:
        mu = problem.operator.sigma_min().as_lower()
        return _decide(
            name, mu > 0, f"A is injective on all signals, μ ≥ {mu:.6g}", "unknown", "σ_min(A) > 0 not proved"
        )
    m, n_x = problem.operator.shape
    if (
        problem.synthesis is not None
        and problem.svd.rank == problem.network.n
        and _nondegenerate(instance).answer == "holds"
    ):
        mu = instance.constants["sigma_F"].as_lower() / instance.signal_norm_bound * (1 - 2.0**-50)
        return Assumption(name, "holds", f"A is injective on the range of the synthesis operator, μ ≥ {mu:.6g}")
    return Assumption(
        name, "unknown", f"A has a kernel of dimension {n_x - problem.svd.rank} ({m} × {n_x}): see recover.tension"
    )


# --- noise
def _noise(instance: Instance) -> float | None:
    return instance.constants["eps"].as_upper() if "eps" in instance.constants else None


def _noisy(instance: Instance) -> Assumption:
    name, eps = "A.noise.positive", _noise(instance)
    if eps is None:
        return Assumption(name, "unknown", "the noise level ‖ε‖ is not known")
    return _decide(name, eps > 0, f"‖ε‖ ≤ {eps:.6g} (an upper bound serves)", why="the data have no noise")


def _noiseless(instance: Instance) -> Assumption:
    name, eps = "A.noise.none", _noise(instance)
    if eps is None:
        return Assumption(name, "unknown", "the noise level ‖ε‖ is not known")
    return _decide(name, eps == 0, "no noise: y is attained", why=f"the data are noisy, ‖ε‖ ≤ {eps:.6g}")


def _tau(instance: Instance) -> Assumption:
    tau = instance.constants["tau"].value
    return _decide("A.stop.tau", tau > 1, f"τ = {tau:g} > 1", why=f"τ = {tau:g} is not above 1")


PREDICATES: dict[str, Callable[[Instance], Assumption]] = {
    "A.loss.smooth": _loss("A.loss.smooth", "smooth", "{title}: a polynomial of the residual"),
    "A.loss.min": _minimum,
    "A.loss.unique": _loss("A.loss.unique", "unique", "vanishes only at v = y"),
    "A.loss.convex": _loss("A.loss.convex", "convex", "sum of convex functions of the entries"),
    "A.loss.KL": _inequality,
    "A.loss.least_squares": _least_squares,
    "A.loss.plain_least_squares": _plain_least_squares,
    "A.activation": _activation,
    "A.network.two_layer": _two_layer,
    "A.network.both": _trained("A.network.both", "both"),
    "A.network.W": _trained("A.network.W", "W"),
    "A.network.regular_start": _regular_start,
    "A.generator.smooth": _generator_smooth,
    "A.generator.lipschitz": _ball,
    "A.generator.modulus": _modulus("A.generator.modulus"),
    "A.generator.linear_modulus": _modulus("A.generator.linear_modulus"),
    "A.init": _init,
    "A.operator.linear": _linear,
    "A.operator.smooth": _smooth_operator,
    "A.operator.nondegenerate": _nondegenerate,
    "A.operator.range": _range,
    "A.operator.range.radial": _radial,
    "A.injective": _injective,
    "A.noise.positive": _noisy,
    "A.noise.none": _noiseless,
    "A.stop.tau": _tau,
}
"""Hypothesis → its answer on an instance."""
