"""From a specification to the arrays of one instance: operator, data, noise, network, all checked at the door.

`build` draws what is random (each thing from its own child seed, so that changing one does not change the others),
assembles the effective operator T = s·A·S, projects the data on its range and says in `Problem.notes` everything that
was done to the user's input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.activations import activation
from numerics.bound import Bound
from numerics.initialization import initialize
from numerics.losses import CompiledLoss, loss
from numerics.networks.two_layer import TwoLayer
from numerics.operators import CompactSVD, ForwardOperator, RankDeficient, adjoint_test, compact_svd, product
from numerics.operators.base import MAX_DENSE
from numerics.operators.dense import DenseOperator
from numerics.signals import as_signal
from verify.data import child_generator, from_file, located, noise_of, project, projected_noise, says, weights_of
from verify.spec import ProblemSpec, load, parse, runnable_loss
from verify.tables import ProblemError

__all__ = ["Problem", "ProblemError", "ProblemSpec", "build", "child_generator", "load", "parse"]

Array = NDArray[np.float64]

#: Largest number of entries of V (n × k): 0.8 GB; its trajectory needs several times that.
MAX_NETWORK_ENTRIES = 100_000_000


@dataclass(frozen=True, eq=False)
class Problem:
    """One instance, ready to run. Vectors are flat; shapes say how to look at them."""

    title: str
    spec: ProblemSpec
    seed: int
    operator: ForwardOperator
    """A, m × n_x."""
    synthesis: ForwardOperator | None
    """S, n_x × n, or None for the identity."""
    output_scale: float
    """s in x = s S g(θ)."""
    forward: Array
    """T = s A S, m × n (truncated with ``rank = "truncate"``): these doubles are the operator of the theorems."""
    svd: CompactSVD
    """T = P diag(σ) Uᵀ."""
    loss: CompiledLoss
    network: TwoLayer
    """At θ0."""
    y: Array
    """The data that are fitted, (m,), in Im T."""
    y_raw: Array
    """The data as given."""
    projected: float
    """Norm of what the projection on Im T removed."""
    noise: Array | None
    """ε = y − A x̄ after the projection, or None if unknown."""
    noise_norm: Bound | None
    """‖ε‖, exact or from above, or None if unknown."""
    truth: Array | None
    """x̄, (n_x,), or None if unknown."""
    signal_shape: tuple[int, ...]
    observation_shape: tuple[int, ...]
    tau: float
    notes: tuple[str, ...]
    """Everything that was done to the input, a sentence each."""


def build(spec: ProblemSpec, seed: int | None = None) -> Problem:
    """The instance that `spec` describes, drawn with `seed` (default: the specification's own); ProblemError if bad."""
    if seed is not None:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ProblemError(f"the seed {seed!r} is not an integer of at least 0; give for example --seed 1")
        spec = spec.model_copy(update={"seed": seed})
    notes: list[str] = []
    truth, measured, signal_shape = _data(spec)
    operator = _operator(spec, signal_shape)
    synthesis = _synthesis(spec, signal_shape)
    m, n_x = operator.shape
    n = n_x if synthesis is None else synthesis.shape[1]
    if measured is not None and measured.size != m:
        raise ProblemError(
            f"[observation] has {measured.size} entries (shape {measured.shape}) but the operator gives {m} "
            f"(shape {operator.output_shape}); make them agree, or set [observation] signal_shape"
        )
    _fits_in_memory(spec, m, n_x, n)
    effective = _effective(operator, synthesis, spec.network.output_scale)
    svd = _decompose(effective, spec.rank, notes)
    weights = weights_of(spec, m)
    runnable_loss(spec.loss.kind)  # a specification made in Python has not been through `parse`
    with says("loss"):
        compiled_loss = loss(spec.loss.kind) if weights is None else loss(spec.loss.kind, weights)
    clean = None if truth is None else np.asarray(operator.matvec(truth.ravel()), dtype=np.float64)
    noise, noise_norm = noise_of(spec, clean, m, operator.output_shape)
    if measured is not None:
        y_raw = measured.ravel()
    else:
        assert clean is not None
        y_raw = clean if noise is None else clean + noise
    y, projected = project(y_raw, svd, weights, notes)
    if projected > 0.0:
        noise, noise_norm = projected_noise(
            y, clean, noise, noise_norm, svd, weights, notes, 0.0 if svd.truncated else projected
        )
    if noise_norm is None:
        notes.append(
            "The noise level is not known: stopping times and recovery bounds that need ‖ε‖ are not evaluable; "
            "give [noise] norm = <‖ε‖> if it is known."
        )
    return Problem(
        title=spec.title,
        spec=spec,
        seed=spec.seed,
        operator=operator,
        synthesis=synthesis,
        output_scale=spec.network.output_scale,
        forward=svd.operator.matrix,
        svd=svd,
        loss=compiled_loss,
        network=_network(spec, n, notes),
        y=y,
        y_raw=y_raw,
        projected=projected,
        noise=noise,
        noise_norm=noise_norm,
        truth=None if truth is None else truth.ravel(),
        signal_shape=signal_shape,
        observation_shape=tuple(operator.output_shape),
        tau=spec.stop.tau,
        notes=tuple(notes),
    )


# --- data and operators ----------------------------------------------------------------------------------------------


def _data(spec: ProblemSpec) -> tuple[Array | None, Array | None, tuple[int, ...]]:
    """The true signal or the measured data, and the shape of the signal."""
    if spec.signal is not None:
        with says("signal"):
            truth = located(spec.signal, spec.base).load(child_generator(spec.seed, "signal"))
        return truth, None, truth.shape
    assert spec.observation is not None
    with says("observation"):
        source = spec.observation.values
        measured = as_signal(source, "values") if source is not None else from_file(spec, spec.observation.file)
    shape = spec.observation.signal_shape
    if shape is None:
        shape = _input_shape(spec) or measured.shape
    elif not 1 <= len(shape) <= 2 or min(shape) < 1:
        raise ProblemError(f"[observation] signal_shape = {list(shape)} is no shape; give [n] or [height, width]")
    return None, measured, tuple(shape)


def _input_shape(spec: ProblemSpec) -> tuple[int, ...] | None:
    """The input shape that the operator knows by itself (a matrix does), or None."""
    first = spec.operator
    while getattr(first, "parts", None):
        first = first.parts[-1]  # the last part acts on the signal
    if first.kind not in ("dense", "sparse", "linear_operator"):
        return None
    with says("operator"):
        # Without a shape to agree with, a matrix takes its number of columns.
        known: ForwardOperator = located(first, spec.base).build(None, child_generator(spec.seed, "operator"))
    return known.input_shape


def _operator(spec: ProblemSpec, shape: tuple[int, ...]) -> ForwardOperator:
    with says("operator"):
        rows = getattr(spec.operator, "m", 1)
        if rows * math.prod(shape) > MAX_DENSE:
            raise _too_large("[operator]", rows, math.prod(shape), "use a smaller signal or fewer measurements")
        operator: ForwardOperator = located(spec.operator, spec.base).build(
            shape, child_generator(spec.seed, "operator")
        )
        adjoint_test(operator, child_generator(spec.seed, "adjoint test"))
    return operator


def _synthesis(spec: ProblemSpec, shape: tuple[int, ...]) -> ForwardOperator | None:
    if spec.synthesis is None:
        return None
    with says("synthesis"):
        synthesis: ForwardOperator = located(spec.synthesis, spec.base).build(
            shape, child_generator(spec.seed, "synthesis")
        )
        if synthesis.shape[0] != math.prod(shape):
            raise ValueError(
                f"gives {synthesis.shape[0]} entries but the signal has {math.prod(shape)} (shape {shape}); "
                "choose a synthesis whose output has the signal's shape"
            )
        adjoint_test(synthesis, child_generator(spec.seed, "adjoint test"))
    return synthesis


def _fits_in_memory(spec: ProblemSpec, m: int, n_x: int, n: int) -> None:
    """Refuse, before anything large is allocated, what would not fit."""
    for columns in (n, n_x):
        if m * columns > MAX_DENSE:
            raise _too_large("[operator]", m, columns, "use a smaller signal or fewer measurements")
    k = spec.network.width
    if n * k > MAX_NETWORK_ENTRIES:
        raise _too_large("[network] V", n, k, f"use width = {MAX_NETWORK_ENTRIES // n} or a smaller signal")


def _too_large(what: str, rows: int, columns: int, remedy: str) -> ProblemError:
    size = rows * columns * 8 / 1e9
    return ProblemError(f"{what} would be a dense {rows} × {columns} matrix ({size:.3g} GB); {remedy}")


def _effective(operator: ForwardOperator, synthesis: ForwardOperator | None, scale: float) -> ForwardOperator:
    """T = s A S."""
    with says("operator"):
        effective = product(operator, scale=scale) if synthesis is None else product(operator, synthesis, scale=scale)
        matrix = effective.matrix
        if not np.isfinite(matrix).all():
            raise ValueError("the operator overflows; reduce its scale or [network] output_scale")
        if not matrix.any():
            raise ValueError("the operator is zero, so the data say nothing about the signal; choose another one")
    return effective


def _decompose(effective: ForwardOperator, rank: str, notes: list[str]) -> CompactSVD:
    """The compact SVD of the matrix of T, whose doubles are taken as exact from here on."""
    stored = DenseOperator(effective.matrix, effective.input_shape, effective.describe())
    with says("operator"):
        try:
            svd = compact_svd(stored, rank)
        except RankDeficient:
            # The operator knows a better remedy than its matrix does (blur less, measure elsewhere).
            effective.sigma_min()
            raise
    notes.extend(f"{note[0].upper()}{note[1:]}." for note in svd.notes)
    return svd


# --- network ---------------------------------------------------------------------------------------------------------


def _network(spec: ProblemSpec, n: int, notes: list[str]) -> TwoLayer:
    """The network at its initialization; W and V have their own generators."""
    net, init = spec.network, spec.network.init
    rng_w, rng_v = child_generator(spec.seed, "W"), child_generator(spec.seed, "V")

    def drawn(outputs: int, rng: np.random.Generator) -> tuple[Array, Array]:
        return initialize(
            outputs,
            net.width,
            rng,
            train=net.train,
            W_std=init.W_std,
            V=init.V,
            V_scale=init.V_scale,
            antisymmetric=net.antisymmetric,
        )

    with says("network"):
        # Two calls, because V must not change with what is drawn for W, nor W with n.
        a0 = drawn(1, rng_w)[0] if net.input is None else _explicit_input(spec, rng_w, notes)
        return TwoLayer(activation(net.activation), net.train, a0, drawn(n, rng_v)[1])


def _explicit_input(spec: ProblemSpec, rng: np.random.Generator, notes: list[str]) -> Array:
    """a0 = W u for the user's u, normalised; paired when the network is antisymmetric."""
    net = spec.network
    assert net.input is not None
    given = np.asarray(net.input, dtype=np.float64)
    # Scaled first: the squares of 1e-200 would vanish.
    u = given / np.abs(given).max()
    u /= np.linalg.norm(u)
    length = float(np.abs(given).max()) * float(np.linalg.norm(given / np.abs(given).max()))
    if abs(length - 1.0) > 1e-12:
        notes.append(f"The input u was normalised to length 1 (it had {length:.6g}).")
    rows = net.width // 2 if net.antisymmetric else net.width
    a0 = np.concatenate([row @ u for row in _blocks(rng, rows, u.size)]) * net.init.W_std
    return np.concatenate([a0, a0]) if net.antisymmetric else a0


def _blocks(rng: np.random.Generator, rows: int, columns: int) -> Iterator[Array]:
    """A rows × columns standard normal matrix in blocks of rows, so that W never has to fit in memory."""
    step = max(1, 1_000_000 // columns)
    for start in range(0, rows, step):
        yield rng.standard_normal((min(step, rows - start), columns))
