"""σ_min of the Jacobian of g(W, V) = V tanh(W u)/√k in all parameters, both layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import problems
from benchmarks.contenders.base import Contender


class Ours(Contender):
    """numerics.spectrum.jacobian_sigma_min: the n × (kd + nk) Jacobian is never formed.

    Options: method, as there; `from_weights`: a = W u is part of the task, which a run of the flow has at hand.
    """

    def __init__(self, method: str = "auto", from_weights: bool = False) -> None:
        self.method, self.from_weights = method, from_weights
        self._how = ""

    def prepare(self, case: dict[str, Any]) -> None:
        """Import, make the instance."""
        from numerics.activations import activation
        from numerics.networks.two_layer import TwoLayer

        full = self.full = problems.make(case)
        tanh = activation("tanh")
        self.network = TwoLayer(tanh, "both", full.W @ full.u, full.V)
        self.make = lambda: TwoLayer(tanh, "both", full.W @ full.u, full.V)

    def run(self) -> Any:
        """σ_min with its estimate."""
        from numerics.spectrum import jacobian_sigma_min

        return jacobian_sigma_min(self.make() if self.from_weights else self.network, method=self.method)

    def answer(self, result: Any) -> float:
        """The value."""
        self._how = f"{result.method}; its own error estimate {result.error / result.value:.0e}"
        return float(result.value)

    def note(self) -> str:
        """The route taken, and the error estimate, relative."""
        return self._how


class TorchJacrev(Contender):
    """torch.func.jacrev of the network, then the SVD of the n × P Jacobian, or eigenvalues of its Gram matrix."""

    needs = ("torch",)

    def __init__(self, gram: bool = False) -> None:
        self.gram = gram

    def prepare(self, case: dict[str, Any]) -> None:
        """Parameters and input as float64 tensors, one thread."""
        import torch

        torch.set_num_threads(1)
        full = problems.make(case)
        self.W, self.V, self.u = (torch.from_numpy(x) for x in (full.W, full.V, full.u))
        root = float(np.sqrt(full.W.shape[0]))
        self.jacobian = torch.func.jacrev(lambda W, V: V @ torch.tanh(W @ self.u) / root, argnums=(0, 1))

    def run(self) -> float:
        """σ_min."""
        import torch

        n = self.V.shape[0]
        J = torch.cat([block.reshape(n, -1) for block in self.jacobian(self.W, self.V)], dim=1)
        if self.gram:
            return float(torch.sqrt(torch.linalg.eigvalsh(J @ J.T)[0]))
        return float(torch.linalg.svdvals(J)[-1])


class JaxJacrev(Contender):
    """jax.jacrev, compiled, then the SVD of the n × P Jacobian by NumPy, or eigenvalues of its Gram matrix."""

    needs = ("jax",)

    def __init__(self, gram: bool = False) -> None:
        self.gram = gram

    def prepare(self, case: dict[str, Any]) -> None:
        """Parameters and input as float64 arrays; compile."""
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        full = problems.make(case)
        n, root = full.V.shape[0], float(np.sqrt(full.W.shape[0]))
        u = jnp.asarray(full.u)
        self.parameters = (jnp.asarray(full.W), jnp.asarray(full.V))

        def network(W: Any, V: Any) -> Any:
            return V @ jnp.tanh(W @ u) / root

        def jacobian(W: Any, V: Any) -> Any:
            blocks = jax.jacrev(network, argnums=(0, 1))(W, V)
            J = jnp.concatenate([block.reshape(n, -1) for block in blocks], axis=1)
            return J @ J.T if self.gram else J

        self.jacobian = jax.jit(jacobian)

    def run(self) -> float:
        """σ_min."""
        J = np.asarray(self.jacobian(*self.parameters))
        if self.gram:
            return float(np.sqrt(np.linalg.eigvalsh(J)[0]))
        return float(np.linalg.svd(J, compute_uv=False)[-1])


class NeuralTangents(Contender):
    """The empirical NTK of neural-tangents (n × n for the one input), then eigenvalues by NumPy.

    Option: the implementation, by its name in `neural_tangents.NtkImplementation`.
    """

    needs = ("neural_tangents", "jax")

    def __init__(self, implementation: str) -> None:
        self.implementation = implementation

    def prepare(self, case: dict[str, Any]) -> None:
        """Compile the kernel function."""
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp
        import neural_tangents as nt

        full = problems.make(case)
        root = float(np.sqrt(full.W.shape[0]))
        self.parameters = {"W": jnp.asarray(full.W), "V": jnp.asarray(full.V)}
        self.input = jnp.asarray(full.u)[None]

        def network(parameters: Any, x: Any) -> Any:
            return jnp.tanh(x @ parameters["W"].T) @ parameters["V"].T / root

        chosen = nt.NtkImplementation[self.implementation]
        self.kernel = jax.jit(nt.empirical_ntk_fn(network, trace_axes=(), vmap_axes=0, implementation=chosen))

    def run(self) -> float:
        """σ_min."""
        kernel = np.asarray(self.kernel(self.input, None, self.parameters))[0, 0]
        return float(np.sqrt(np.linalg.eigvalsh(kernel)[0]))
