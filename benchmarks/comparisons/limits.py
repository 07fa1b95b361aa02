"""How far our kernels are from what the machine can do: bandwidth, products, tanh, measured here and now.

Models (p × k state, doubles): a right-hand side reads V̂ twice and writes V̂' (24pk bytes) and takes k tanh; a fused step of
gradient descent reads and writes V̂ once (16pk bytes) and takes k tanh; σ_min through the Gram matrix takes n²k flop
(one triangle of the product) and k tanh; its eigenvalue is not counted.  The limit of a kernel is the time that its
bytes, tanh and flop take at the rates measured on arrays of the same shape; what BLAS calls of a single row cost on top of
that is ours to lose.  Rates and fractions are taken from the minima, the samples that other programs disturbed least.
"""

from __future__ import annotations

from benchmarks.contest import Entry, Row, Setup, compare

TITLE = "Fraction of the machine's limit"
ERROR = ""
CASES = (
    {"name": "(60,10,1000)", "n": 60, "m": 10, "k": 1000, "d": 50},
    {"name": "(100,50,2000)", "n": 100, "m": 50, "k": 2000, "d": 50},
    {"name": "(256,128,4000)", "n": 256, "m": 128, "k": 4000, "d": 50},
)
_LIMITS = "benchmarks.contenders.limits"
_ITERATIONS = 2000
ENTRIES = (
    Entry("limit: two products with V̂ (DGEMV)", f"{_LIMITS}:Limit", {"what": "gemv"}),
    Entry("limit: Gram matrix V̂V̂ᵀ (n rows)", f"{_LIMITS}:Limit", {"what": "gram"}),
    Entry("limit: DGEMM of order 1000", f"{_LIMITS}:Limit", {"what": "gemm"}),
    Entry("limit: tanh of k numbers", f"{_LIMITS}:Limit", {"what": "tanh"}),
    Entry("limit: copy of 256 MB", f"{_LIMITS}:Limit", {"what": "copy"}),
    Entry("dipcert: right-hand side", f"{_LIMITS}:RightHandSide"),
    Entry("dipcert: fused step", "benchmarks.contenders.descent:OursFused", {"iterations": _ITERATIONS}),
    Entry("dipcert: NumPy step", "benchmarks.contenders.descent:Ours", {"iterations": _ITERATIONS, "kernel": "numpy"}),
    Entry("dipcert: σ_min", "benchmarks.contenders.sigma_min:Ours"),
)


def run(setup: Setup) -> list[Row]:
    """Every shape."""
    rows = []
    for case in CASES[:1] if setup.quick else CASES:
        n, p, k = int(case["n"]), int(case["m"]), int(case["k"])
        some = compare(
            "limits", {**case, "rows": p, "seed": setup.seed}, [e for e in ENTRIES if "Gram" not in e.label], setup
        )
        some += compare("limits", {**case, "rows": n, "seed": setup.seed}, ENTRIES[1:2], setup)
        time = {row.contender: row.minimum for row in some}

        def rate(label: str, amount: float, unit: str, time: dict[str, float | None] = time) -> float:
            """Amount a second, written into the row."""
            seconds = time[label]
            if not seconds:
                return float("nan")
            row = next(row for row in some if row.contender == label)  # noqa: B023 - used at once
            row.setting = f"{amount / seconds / 1e9:.3g} {unit}"
            return amount / seconds

        bandwidth = rate(ENTRIES[0].label, 16.0 * p * k, "GB/s")
        rate(ENTRIES[1].label, 2.0 * n * n * k, "GFlop/s")
        flops = rate(ENTRIES[2].label, 2e9, "GFlop/s")
        rate(ENTRIES[4].label, 2 * 8.0 * 2**25, "GB/s")
        tanh = time[ENTRIES[3].label] or float("nan")
        rate(ENTRIES[3].label, float(k), "G tanh/s")
        limit = {
            "dipcert: right-hand side": 24.0 * p * k / bandwidth + tanh,
            "dipcert: fused step": 16.0 * p * k / bandwidth + tanh,
            "dipcert: NumPy step": 16.0 * p * k / bandwidth + tanh,
            "dipcert: σ_min": 1.0 * n * n * k / flops + tanh,
        }
        for row in some:
            if row.contender in limit and row.minimum:
                row.setting = f"{100 * limit[row.contender] / row.minimum:.0f} % of the limit"
                row.note = f"limit {1e6 * limit[row.contender]:.1f} µs"
        rows += some
    return rows
