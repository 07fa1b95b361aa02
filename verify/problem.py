"""From a specification to the arrays of one instance: operator, data, noise, network, all checked at the door.

`build` draws what is random (each thing from its own child seed, so that changing one does not change the others),
assembles the effective operator T = s·A·S, projects the data on its range and says in `Problem.notes` everything that
was done to the user's input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numerics.activations import activation
from numerics.initialization import initialize
from numerics.losses import CompiledLoss, loss
from numpy.typing import NDArray

from numerics.bound import Bound
from numerics.networks.two_layer import TwoLayer
from numerics.operators import CompactSVD, ForwardOperator, RankDeficient, adjoint_test, compact_svd
from numerics.reduced import ReducedProblem
from numerics.rigorous import opnorm_upper
from numerics.signals import as_signal
from numerics.trajectory import Trajectory
from numerics.trajectory import signal as network_output
from verify.data import child_generator, from_file, located, noise_of, project, projected_noise, says, weights_of
from verify.spec import ProblemSpec, load, parse
from verify.tables import ProblemError

__all__ = ["Problem", "ProblemError", "ProblemSpec", "build", "child_generator", "load", "parse"]

Array = NDArray[np.float64]

#: Largest number of entries of T (m × n) and of V (n × k) that are formed densely: 0.4 GB and 0.8 GB. The singular
#: value decomposition of T and the trajectory of V need several times that.
MAX_OPERATOR_ENTRIES = 50_000_000
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
    """T = s A S, m × n (its truncated SVD with ``rank = "truncate"``)."""
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

    # cached_property writes to __dict__ directly, which a frozen dataclass allows.

    @cached_property
    def reduced(self) -> ReducedProblem:
        """The flow's own problem, on U = basis of Im Tᵀ (`dip2.reduction`, `dip2.range_restriction`)."""
        return ReducedProblem.restrict(self.network, self.svd.P * self.svd.sigma, self.svd.U, self.y, self.loss)

    def synthesize(self, output: Array) -> Array:
        """The signal x = s S g, (n_x,), that a network output g, (n,), stands for."""
        scaled = self.output_scale * np.asarray(output, dtype=np.float64)
        return scaled if self.synthesis is None else np.asarray(self.synthesis.matvec(scaled), dtype=np.float64)

    def signal(self, trajectory: Trajectory, i: int) -> Array:
        """x(t_i), (n_x,), along a run of `reduced`."""
        return self.synthesize(network_output(trajectory, i, self.network, self.svd.U))

    def observation(self, trajectory: Trajectory, i: int) -> Array:
        """y(t_i) = T g(θ(t_i)), (m,), along a run of `reduced`."""
        return np.asarray(self.reduced.C @ trajectory.state(i).output())

    def unseen(self, difference: Array) -> Array:
        """(I − RA) d for a signal d, (n_x,), with R = s S T⁺.

        A R = I for T of full row rank, so R is a right inverse of A; without a synthesis I − RA is the orthogonal
        projector on ker A. For every d: d = R(A d) + (I − RA) d.
        """
        coefficients = self.svd.P.T @ np.asarray(self.operator.matvec(difference)) / self.svd.sigma
        return np.asarray(difference - self.synthesize(self.svd.U @ coefficients))

    def unseen_norm(self) -> float:
        """An upper bound of ‖I − RA‖: 1 without synthesis, 1 + ‖RA‖ with one."""
        return 1.0 if self.synthesis is None else 1.0 + self._seen_norm

    @cached_property
    def _seen_norm(self) -> float:
        # RA = M N, M = s S U (n_x × p), N = diag(1/σ) Pᵀ A (p × n_x); with M = Q B: ‖RA‖ = ‖B N‖, one p × n_x matrix.
        assert self.synthesis is not None
        left = self.output_scale * np.asarray(self.synthesis.matmat(self.svd.U))
        right = np.asarray(self.operator.rmatmat(self.svd.P / self.svd.sigma)).T
        product = np.linalg.qr(left, mode="r") @ right
        return float(opnorm_upper(np.ascontiguousarray(product)))

    def signal_lipschitz(self) -> float:
        """An upper bound of ‖s S‖: how far the signal moves per unit of network output."""
        return self.output_scale * (
            1.0 if self.synthesis is None else self.synthesis.opnorm().as_upper() * (1 + 2**-50)
        )


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
    forward = _forward(operator, synthesis, spec.network.output_scale)
    with says("operator"):
        try:
            svd = compact_svd(forward)
        except RankDeficient:
            if spec.rank != "truncate":
                raise
            svd = compact_svd(forward, rank="truncate")
            forward = (svd.P * svd.sigma) @ svd.U.T
            notes.append(
                f"The operator was replaced by its truncated SVD of rank {svd.rank} of {min(m, n)}: "
                "the problem solved is that of the truncated operator."
            )
    weights = weights_of(spec, m)
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
        noise, noise_norm = projected_noise(y, clean, noise, noise_norm, svd, weights, notes)
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
        forward=forward,
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
    """The input shape that an operator itself knows (a matrix), or None."""
    known = getattr(located(spec.operator, spec.base), "input_shape", None)
    with says("operator"):
        shape = known() if callable(known) else known
    return None if shape is None else tuple(shape)


def _operator(spec: ProblemSpec, shape: tuple[int, ...]) -> ForwardOperator:
    with says("operator"):
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
    for rows, columns in ((m, n), (m, n_x)):
        if rows * columns > MAX_OPERATOR_ENTRIES:
            raise ProblemError(
                f"the operator would be a dense {rows} × {columns} matrix ({rows * columns * 8 / 1e9:.1f} GB, "
                f"limit {MAX_OPERATOR_ENTRIES * 8 / 1e9:.1f} GB); use a smaller signal or fewer measurements"
            )
    k = spec.network.width
    if n * k > MAX_NETWORK_ENTRIES:
        raise ProblemError(
            f"the output weights V would be a dense {n} × {k} matrix ({n * k * 8 / 1e9:.1f} GB, "
            f"limit {MAX_NETWORK_ENTRIES * 8 / 1e9:.1f} GB); use width = {MAX_NETWORK_ENTRIES // n} or a smaller signal"
        )


def _forward(operator: ForwardOperator, synthesis: ForwardOperator | None, scale: float) -> Array:
    """T = s A S as a dense m × n array."""
    with says("operator"):
        matrix = np.asarray(operator.toarray(), dtype=np.float64)
        if synthesis is not None:
            # A S = (Sᵀ Aᵀ)ᵀ: m applications of Sᵀ, by FFT where S is one, instead of a dense product.
            matrix = np.ascontiguousarray(np.asarray(synthesis.rmatmat(np.ascontiguousarray(matrix.T))).T)
        forward = matrix if scale == 1.0 else scale * matrix
        if not np.isfinite(forward).all():
            raise ValueError("has entries that are not finite; remove NaN and infinity, or reduce its scale")
        if not forward.any():
            raise ValueError("is zero, so the data say nothing about the signal; choose another operator")
    return forward


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
