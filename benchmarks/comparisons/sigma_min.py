"""σ_min of the Jacobian of the network at its initialization, both layers trained."""

from __future__ import annotations

from benchmarks import problems
from benchmarks.contest import NEURAL_TANGENTS, Competitor, Entry, Row, Setup, compare

TITLE = "σ_min of the Jacobian, both layers"
ERROR = "relative error of σ_min against extended precision"
CASES = (
    {"name": "(10,5,200,50)", "n": 10, "m": 5, "k": 200, "d": 50},
    {"name": "(60,10,1000,500)", "n": 60, "m": 10, "k": 1000, "d": 500},
    {"name": "(100,50,2000,1000)", "n": 100, "m": 50, "k": 2000, "d": 1000},
    {"name": "(256,128,4000,1000)", "n": 256, "m": 128, "k": 4000, "d": 1000},
)
QUICK = 1
_HERE = "benchmarks.contenders.sigma_min"
_NTK = f"{_HERE}:NeuralTangents"
ENTRIES = (
    Entry("dipcert, from (a, V)", f"{_HERE}:Ours", ours=True),
    Entry("dipcert, from (W, V)", f"{_HERE}:Ours", {"from_weights": True}),
    Entry("dipcert, SVD of the factor", f"{_HERE}:Ours", {"method": "svd"}),
    Entry(
        "neural-tangents, NTK-vector products", _NTK, {"implementation": "NTK_VECTOR_PRODUCTS"}, False, NEURAL_TANGENTS
    ),
    Entry("neural-tangents, contraction", _NTK, {"implementation": "JACOBIAN_CONTRACTION"}, False, NEURAL_TANGENTS),
    Entry("neural-tangents, structured", _NTK, {"implementation": "STRUCTURED_DERIVATIVES"}, False, NEURAL_TANGENTS),
    Entry("torch.func.jacrev + SVD", f"{_HERE}:TorchJacrev"),
    Entry("torch.func.jacrev + Gram", f"{_HERE}:TorchJacrev", {"gram": True}),
    Entry("jax.jacrev + SVD", f"{_HERE}:JaxJacrev"),
    Entry("jax.jacrev + Gram", f"{_HERE}:JaxJacrev", {"gram": True}),
)


def run(setup: Setup) -> list[Row]:
    """Every case."""
    rows = []
    for case in filter(setup.wanted, CASES[:QUICK] if setup.quick else CASES):
        case = {**case, "seed": setup.seed}
        exact = problems.sigma_min(problems.make(case))

        def judge(competitor: Competitor, exact: float = exact) -> float:
            found = competitor.ask("answer", timeout=setup.timeout)
            return abs(found - exact) / exact

        rows += compare("sigma_min", case, ENTRIES, setup, judge)
    return rows
