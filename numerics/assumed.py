"""Which assumptions of the theory a small world satisfies: one answer for each, None where it is not known.

An assumption that is not answered here is an error: a statement is never checked on instances of which nobody has asked
whether they are its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from numerics import compile as compiled
from numerics.scene import Scene
from numerics.worlds.claimed import claims
from numerics.worlds.record import gradient_constant
from theory.losses import LOSSES

__all__ = ["ANSWERS", "SUBJECTS", "UNANSWERED", "assumed", "speaks_of"]

Answer = Callable[[Scene], bool | None]

_STAR_SHAPED = ("tanh", "erf", "identity")
_QUADRATIC = ("least_squares", "weighted_least_squares")
_ALONG = ("least_squares", "p_power", "lojasiewicz")  # functions of ‖v − y‖
_ANALYTIC = ("least_squares", "weighted_least_squares", "pseudo_huber", "log_cosh")
_FULL_RANK = 1e-9  # a smallest singular value below this is not told from zero


def _loss(scene: Scene, attribute: str) -> bool:
    """A property of a loss of the library; those outside it say which assumption they violate."""
    theory = getattr(scene.loss, "theory", None)
    return True if theory is None else bool(getattr(theory, attribute))


def _fine(name: str) -> Answer:
    """True unless the loss is one made to violate this assumption."""
    return lambda scene: name not in getattr(scene.loss, "violates", ())


def _promised(name: str, answer: Answer) -> Answer:
    """False for a generator made to violate this assumption."""
    return lambda scene: answer(scene) if claims(scene.world.generator, name) else False


def _smooth(scene: Scene) -> bool:
    return _loss(scene, "smooth")


def _range(scene: Scene) -> bool | None:
    """By a surjective J_F; for linear A by y in its range, where the gradient of the loss is a multiple of the residual.

    For other losses an attainable y is not enough (None): there `A.operator.range.radial` may take its place, together with
    `A.loss.KL`, which is a matter of the statement (:func:`verify.claims.hypotheses_met`).
    """
    world = scene.world
    if world.operator.onto:
        return True
    if not world.operator.linear:
        return None
    if not world.attainable:
        return False
    return True if scene.loss.name in _ALONG or getattr(scene.loss, "along_residual", False) else None


def _radial(scene: Scene) -> bool | None:
    if not hasattr(scene.loss, "theory"):  # nothing is claimed of losses outside the library
        return None
    return scene.world.operator.linear and scene.world.attainable and _loss(scene, "range_radial")


def _linear_modulus(scene: Scene) -> bool | None:
    """For moduli that hold everywhere; else up to ell_star, with ν for gradient descent."""
    world = scene.world
    if math.isinf(world.generator.reach):
        return True
    nu = 1.0 if scene.record.step is None else scene.record.step.nu
    return _keeps_to(scene, nu, world.generator.reach)


def _keeps_to(scene: Scene, nu: float, radius: float) -> bool | None:
    """Whether the length bound, with ν for gradient descent (1 for the flow), is at most this radius; None if there is none."""
    world = scene.world
    given = {
        "sigma_F": nu * world.operator.sigma_F,
        "sigma_0": world.sigma_0,
        "Lambda": world.generator.modulus,
        "rho_0": world.rho_0,
    }
    if not compiled.evaluate("sharp.condition", "h", given) < 0.5:
        return None
    return bool(compiled.evaluate("sharp.length", "ell_star", given) <= radius)


def _lipschitz(scene: Scene) -> bool | None:
    try:
        return bool(scene.radius > 0)
    except LookupError:
        return None


def _gradient_lipschitz(scene: Scene) -> bool | None:
    """Whether the ball on which M was bounded is at least as large as the length bound; an M that is claimed is looked into."""
    step = scene.record.step
    if step is None:
        return None
    return _claimed(scene) if step.claimed else _keeps_to(scene, step.nu, step.radius)


def _claimed(scene: Scene) -> bool | None:
    """Whether a claimed M is right: False if two iterates next to each other show that it is too small.

    True for a quadratic objective with an M that large, and where M is known to hold on a ball that the whole path keeps to
    (then the length bound has no say: it need not exist).
    """
    world, record = scene.world, scene.record
    assert record.step is not None
    for i in np.flatnonzero(np.diff(record.t) == 1):
        change = np.linalg.norm(world.velocity(record.d[i + 1]) - world.velocity(record.d[i]))
        if change > record.step.M * np.linalg.norm(record.d[i + 1] - record.d[i]) * (1 + 1e-9):
            return False
    if not hasattr(scene.loss, "theory"):
        return None
    if not (world.generator.modulus == 0 and world.operator.linear and scene.loss.name in _QUADRATIC):
        inside = float(np.max(np.linalg.norm(record.d, axis=1))) <= record.step.radius
        try:
            known = gradient_constant(world, record.step.radius) * (1 - 1e-12) <= record.step.M
        except LookupError:
            return None
        return True if inside and known else None
    return bool(gradient_constant(world, 1.0) * (1 - 1e-12) <= record.step.M)


def _noise(scene: Scene) -> float | None:
    return None if scene.clean is None else float(np.linalg.norm(scene.world.y - scene.clean))


def _noisy(scene: Scene) -> bool | None:
    noise = _noise(scene)
    return None if noise is None else noise > 0


def _noiseless(scene: Scene) -> bool | None:
    noise = _noise(scene)
    return None if noise is None or scene.truth is None else noise == 0


def _two_layer(scene: Scene) -> bool:
    return scene.world.generator.kind == "two_layer"


def _activation(scene: Scene) -> Any:
    generator: Any = scene.world.generator
    return getattr(generator, "activation", None)


def _regular(scene: Scene) -> bool | None:
    if not _two_layer(scene):
        return None
    net = scene.neurons
    return bool(np.all(np.abs(net.activation.dphi(net.a)) > 1e-9))


def _trains(which: str) -> Callable[[Scene], bool]:
    return lambda scene: _two_layer(scene) and scene.neurons.train == which


def _unknown(scene: Scene) -> None:
    return None


ANSWERS: Mapping[str, Answer] = MappingProxyType(
    {
        "A.loss.smooth": _smooth,
        "A.loss.min": _fine("A.loss.min"),
        "A.loss.unique": _fine("A.loss.unique"),
        "A.loss.convex": lambda s: _loss(s, "convex") and _fine("A.loss.convex")(s),
        "A.loss.KL": _fine("A.loss.KL"),
        "A.loss.least_squares": lambda s: s.loss.name in _QUADRATIC,
        "A.loss.plain_least_squares": lambda s: s.loss.name == "least_squares",
        "A.loss.analytic": lambda s: s.loss.name in _ANALYTIC and getattr(_activation(s), "name", "") != "relu",
        # every ψ of the library is concave: tests/numerics/test_worlds.py; those outside carry that of least squares
        "A.loss.concave_psi": lambda s: True,
        "A.activation": lambda s: None if _activation(s) is None else bool(_activation(s).theory.smooth),
        "A.activation.star_shaped": lambda s: _activation(s) is not None and _activation(s).name in _STAR_SHAPED,
        "A.operator.smooth": lambda s: True,
        "A.operator.linear": lambda s: s.world.operator.linear,
        "A.operator.nondegenerate": lambda s: s.world.operator.sigma_F > 0,
        "A.operator.range": _range,
        "A.operator.range.radial": _radial,
        "A.init": lambda s: s.world.sigma_0 > _FULL_RANK,
        "A.injective": lambda s: s.world.operator.mu > 0,
        # ReLU is the only generator of the library without a continuous Jacobian
        "A.generator.smooth": lambda s: _activation(s) is None or bool(_activation(s).theory.smooth),
        "A.generator.lipschitz": _promised("A.generator.lipschitz", _lipschitz),
        "A.generator.modulus": _promised("A.generator.modulus", lambda s: True),
        "A.generator.linear_modulus": _promised("A.generator.linear_modulus", _linear_modulus),
        "A.gradient_lipschitz": _gradient_lipschitz,
        "A.step": lambda s: None if s.record.step is None else 0 < s.record.step.nu < 1,
        "A.network.feedforward": lambda s: s.world.generator.kind == "deep",
        "A.network.two_layer": _two_layer,
        "A.network.both": _trains("both"),
        "A.network.W": _trains("W"),
        "A.network.random": _unknown,
        "A.network.sub_gaussian": _unknown,
        "A.network.symmetric": _unknown,
        "A.network.regular_start": _regular,
        "A.noise.positive": _noisy,
        "A.noise.none": _noiseless,
        "A.stop.tau": lambda s: True,
    }
)
"""Identifier of an assumption → how a scene answers: True, False, or None for "not known"."""

UNANSWERED = frozenset(name for name, answer in ANSWERS.items() if answer is _unknown)
"""Assumptions that no single run can answer."""


def assumed(identifier: str, scene: Scene) -> bool | None:
    """Whether the scene satisfies an assumption; LookupError for one that nobody answers."""
    if identifier not in ANSWERS:
        raise LookupError(f"nobody answers whether a world satisfies {identifier}; add it to numerics.assumed")
    return ANSWERS[identifier](scene)


def _extremal(scene: Scene) -> bool:
    """g(s) = σ0 s − Λ s²/2, F = id, least squares, y > 0."""
    world = scene.world
    if world.generator.kind != "quadratic" or world.size != 1 or world.generator.n != 1:
        return False
    generator: Any = world.generator
    shape = generator.J[0, 0] > 0 > generator.H[0, 0, 0] and generator.x0[0] == 0 and world.y[0] > 0
    return bool(shape and world.operator.linear and world.operator.A == 1 and scene.loss.name == "least_squares")


def _antisymmetric(scene: Scene) -> bool:
    """V0 = [V', −V'], a0 = [a', a']."""
    if not _two_layer(scene) or scene.neurons.k % 2:
        return False
    net, half = scene.neurons, scene.neurons.k // 2
    return bool(np.array_equal(net.a[:half], net.a[half:]) and np.array_equal(net.V[:, :half], -net.V[:, half:]))


def _one_input_with_bias(scene: Scene) -> bool:
    generator: Any = scene.world.generator
    return generator.kind == "deep" and generator.biases is not None and len(generator.inputs) == 1


def _loss_is(name: str) -> Callable[[Scene], bool]:
    return lambda scene: scene.loss.name == name


SUBJECTS: Mapping[str, Callable[[Scene], bool]] = MappingProxyType(
    {
        "sharp.optimal": _extremal,
        "dip2.antisymmetric": _antisymmetric,
        "deep.output_bias": _one_input_with_bias,
        "dip2.gram": _trains("both"),
        "dip2.reduction": _two_layer,
        "dip2.modulus": _trains("both"),
        "dip2.lipschitz": _trains("both"),
        **{f"kl.{name}": _loss_is(name) for name in LOSSES},
    }
)
"""Statements on a family of instances, or with a conclusion for one training mode → whether a scene is one of them."""


def speaks_of(identifier: str, scene: Scene) -> bool:
    """Whether the conclusion of a statement is about a scene like this, hypotheses apart."""
    return identifier not in SUBJECTS or SUBJECTS[identifier](scene)
