"""Every constant of numerics.rigorous is needed: mutants of its source are wrong at an instance of the check named with them.

The checks, and that the package itself passes them: :mod:`.test_rigorous_arithmetic`, :mod:`.test_rigorous_proofs`.
"""

import importlib
import importlib.abc
import importlib.util
import itertools
import sys
from pathlib import Path

import pytest

import numerics.rigorous
from tests.numerics import test_rigorous_arithmetic, test_rigorous_proofs
from tests.numerics.test_rigorous_arithmetic import gram, matmul, norms, outward, products, sharp
from tests.numerics.test_rigorous_machines import Modules
from tests.numerics.test_rigorous_proofs import (
    balls,
    cholesky,
    dft,
    eigen,
    enclosures,
    extremes,
    orthonormal,
    qr,
    residual,
    structure,
)

SOURCES = {path.stem: path.read_text() for path in Path(numerics.rigorous.__file__).parent.glob("*.py")}


class Package(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """numerics.rigorous from its sources under another name, one of them changed."""

    count = itertools.count()

    def __init__(self, file=None, old="", new=""):
        self.name, self.sources = f"rigorous_mutant_{next(self.count)}", dict(SOURCES)
        if file is not None:
            assert SOURCES[file].count(old) == 1, f"{old!r} occurs {SOURCES[file].count(old)} times in {file}.py"
            self.sources[file] = SOURCES[file].replace(old, new)

    def find_spec(self, fullname, path=None, target=None):
        stem = "__init__" if fullname == self.name else fullname.removeprefix(self.name + ".")
        if stem in self.sources and fullname.startswith(self.name):
            return importlib.util.spec_from_loader(fullname, self, is_package=stem == "__init__")
        return None

    def exec_module(self, module):
        stem = "__init__" if module.__name__ == self.name else module.__name__.rpartition(".")[2]
        exec(compile(self.sources[stem].replace("numerics.rigorous", self.name), stem, "exec"), module.__dict__)

    def __enter__(self):
        sys.meta_path.insert(0, self)
        importlib.import_module(self.name)
        return Modules(self.name)

    def __exit__(self, *_):
        sys.meta_path.remove(self)
        for name in [n for n in sys.modules if n.startswith(self.name)]:
            del sys.modules[name]


MUTANTS = [
    # the model
    ("machine", "UNIT = Fraction(1, 2**53)", "UNIT = Fraction(1, 2**54)", products),
    ("machine", "ETA = Fraction(1, 2**1022)", "ETA = Fraction(1, 2**1200)", products),
    ("machine", "return part / (1 - part)", "return part", norms),
    ("machine", "return part / (1 - part)", "return part / 2", products),
    ("machine", "return part / (1 - part)", "return Fraction(0)", matmul),
    (
        "machine",
        "4 * k * (1 + Fraction(top_x) + Fraction(top_y))",
        "0 * k * (1 + Fraction(top_x) + Fraction(top_y))",
        products,
    ),
    ("machine", "+ Fraction(top_x) + Fraction(top_y)", "+ Fraction(top_x)", products),
    ("machine", "+ Fraction(top_x) + Fraction(top_y)", "+ Fraction(top_y)", products),
    ("machine", ".bit_length() - 2 -", ".bit_length() + 14 -", sharp),
    ("machine", "- (k - 1).bit_length()) // 2", ") // 2 + 8", sharp),
    ("machine", ".bit_length() - 2 -", ".bit_length() + 40 -", structure),
    # outward rounding
    ("outward", "return f if f == math.inf or Fraction(f) >= x else up(f)", "return f", outward),
    ("outward", "return -above(-x)", "return above(x)", outward),
    ("outward", "return up(math.sqrt(above(x)))", "return math.sqrt(x)", outward),
    ("outward", "down(math.sqrt(below(x)))", "math.sqrt(x)", outward),
    ("outward", "return low if low * low == x else low + Fraction", "return low; low + Fraction", outward),
    ("outward", "return Fraction(math.isqrt(", "return Fraction(1 + math.isqrt(", outward),
    # norms
    ("norms", "gamma(min(CHUNK, v.size))", "gamma(min(CHUNK, v.size) // 2)", norms),
    ("norms", "(1 + gamma(min(CHUNK, v.size))) * (1 + UNIT) - 1", "UNIT", norms),
    ("norms", "6 * v.size * m.tiny", "0 * v.size * m.tiny", norms),
    ("norms", "6 * v.size * m.tiny", "6 * m.tiny / 20", norms),
    ("norms", "(total - tiny) / (1 + g)", "(total - tiny) / (1 - g)", norms),
    ("norms", "(total + tiny) / (1 - g)", "(total + tiny) / (1 + g)", norms),
    ("norms", "(total + tiny) / (1 - g)", "(total + tiny)", norms),
    ("norms", "** e + extra)\n\n\ndef", "** e)\n\n\ndef", norms),
    ("norms", "** e - extra)", "** e + extra)", norms),
    ("norms", "** e - extra)", "** e)", norms),
    ("norms", "sqrt_above(sum_of_squares(b)[1])", "sqrt_above(sum_of_squares(b)[0])", norms),
    ("norms", "sqrt_below(sum_of_squares(b)[0])", "sqrt_below(sum_of_squares(b)[1])", norms),
    # dot products and intervals
    (
        "products",
        "g, tiny = gamma(k), underflow(k, largest(np.abs(a))",
        "g, tiny = gamma(k // 2), underflow(k, largest(np.abs(a))",
        products,
    ),
    (
        "products",
        "g, tiny = gamma(k), underflow(k, largest(np.abs(a))",
        "g, tiny = gamma(max(0, k - 2)), underflow(k, largest(np.abs(a))",
        products,
    ),
    (
        "products",
        "above(g * (Fraction(size) + tiny) / (1 - g) + tiny)",
        "above(g * (Fraction(size) + tiny) / (1 - g))",
        products,
    ),
    ("products", "above(g * (Fraction(size) + tiny) / (1 - g) + tiny)", "above(tiny)", products),
    (
        "products",
        "return 0.0, above(Fraction(norms[0]) * Fraction(norms[1]))",
        "return 0.0, above(Fraction(norms[0]))",
        products,
    ),
    (
        "products",
        "g, tiny = gamma(k), underflow(k, largest(a)",
        "g, tiny = gamma(k // 2), underflow(k, largest(a)",
        products,
    ),
    ("products", "above(tiny / (1 - g) + 2 * m.tiny)", "0.0", products),
    ("products", "above(g / (1 - g))", "0.0", products),
    ("products", "np.where(lost, np.inf, error)", "np.where(lost, 0.0, error)", products),
    ("products", "return _lowered(lo, miss_lo), _raised(hi, miss_hi)", "return lo, hi", products),
    (
        "products",
        "return _lowered(lo, miss_lo), _raised(hi, miss_hi)",
        "return _lowered(hi, miss_hi), _raised(lo, miss_lo)",
        products,
    ),
    ("products", "Fraction(miss) + Fraction(reach) + Fraction(more)", "Fraction(miss) + Fraction(more)", products),
    ("products", "Fraction(miss) + Fraction(reach) + Fraction(more)", "Fraction(reach)", products),
    ("products", "below(Fraction(value) - Fraction(error))", "below(Fraction(value))", products),
    ("products", "above(Fraction(value) + Fraction(error))", "above(Fraction(value))", products),
    # products of matrices
    ("matmul", "above(gamma(k) * terms", "above(gamma(k // 2) * terms", matmul),
    ("matmul", "above(gamma(k) * terms", "above(gamma(max(0, k - 2)) * terms", matmul),
    ("matmul", "+ m * n * underflow(k, top_a, top_b))", ")", matmul),
    ("matmul", "total * (1 + gamma(2 * (m + n + k + 8)))", "total", matmul),
    ("matmul", "+ vanished\n", "\n", matmul),
    ("matmul", "* Fraction(top_a) * Fraction(top_b) + m", "* Fraction(top_a) / 2 * Fraction(top_b) + m", matmul),
    ("matmul", "return Y, above(error + 2 * machine.unit * size", "return Y, above(error", sharp),
    ("matmul", "return Y, above(error + 2 * machine.unit * size + 2 * Y.size * machine.tiny)", "return Y, 0.0", sharp),
    ("matmul", "machine.add(machine.matmul(A1, B2), machine.matmul(A2, B))", "machine.matmul(A1, B2)", sharp),
    ("matmul", "machine.matmul(A2, B))", "machine.matmul(A2, B1))", sharp),
    ("matmul", "error = Fraction(matmul_error(A1, B2)) + Fraction(matmul_error(A2, B))", "error = Fraction(0)", sharp),
    # Gram matrices
    ("gram", "gamma(q + -(-k // q))", "gamma(q)", gram),
    ("gram", "gamma(q + -(-k // q))", "gamma((q + -(-k // q)) // 2)", gram),
    ("gram", "gamma(q + -(-k // q)) * sum_of_squares(S)[1] +", "", gram),
    ("gram", "+ 6 * p * k * (1 + 2 * top) * m.tiny", "", gram),
    ("gram", "* sum_of_squares(S)[1]", "* sum_of_squares(S)[1] / 2", gram),
    # positive definiteness
    ("cholesky", "c = g / (1 - g) * trace", "c = 0 * trace", cholesky),
    ("cholesky", "gamma(n + 3)\n", "gamma(n + 3) / 8\n", cholesky),
    ("cholesky", "gamma(n + 3)\n", "gamma(n // 2)\n", cholesky),
    ("cholesky", "+ 16 * n * (n + 1) * (2 + top) * machine.tiny", "", cholesky),
    ("cholesky", "above(shift + c)", "above(c)", cholesky),
    ("cholesky", "return info == 0 and bool", "return bool", cholesky),
    ("cholesky", "(np.isfinite(pivots) & (pivots > 0)).all()", "True", cholesky),
    ("cholesky", "if shift < 0 or ", "if ", cholesky),
    ("residual", "- Fraction(miss) -", "-", residual),
    ("residual", "- (1 + 2 * m.unit) * Fraction(norm_upper(D))", "", residual),
    ("residual", "return Fraction(shift) -", "return Fraction(shift) +", residual),
    ("residual", "A = np.tril(lowered(K, shift))\n    A += np.tril(A, -1).T", "A = lowered(K, shift)", residual),
    ("residual", "bound > shift:", "bound >= 0:", residual),
    ("orthonormal", "* (1 + 2 * UNIT) + gap)", ")", orthonormal),
    ("orthonormal", "K[np.diag_indices(len(K))] -= 1.0", "K[np.diag_indices(len(K))] = 0.0", orthonormal),
    ("orthonormal", "if top > 1 else 1.0", "if top > 1 else 0.0", orthonormal),
    # singular values
    ("eigen", "proof(K, Fraction(guess) + e)", "proof(K, Fraction(guess))", eigen),
    ("eigen", "guess > 0 and proof(K, Fraction(guess) + e)", "guess > 0", eigen),
    ("smallest", "below((best - r) * Fraction(2) ** e - extra)", "below((best - r) * Fraction(2) ** e)", extremes),
    (
        "smallest",
        "below((best - r) * Fraction(2) ** e - extra)",
        "below((best - r) * Fraction(2) ** e + extra)",
        extremes,
    ),
    ("smallest", "root_below(known[0]) - extra", "root_below(known[1]) - extra", extremes),
    ("smallest", "root_below(known[0]) - extra", "root_below(known[0])", extremes),
    ("largest", "root_above(known[1]) + extra", "root_above(known[1])", extremes),
    ("largest", "root_above(known[1]) + extra", "root_above(known[0]) + extra", extremes),
    ("largest", "Fraction(sqrt_above(Fraction(mu) + gap))", "Fraction(sqrt_above(Fraction(mu)))", extremes),
    ("largest", "if exceeds(A, Fraction(0)):", "if True:", eigen),
    ("largest", "above((best + r) * Fraction(2) ** e + extra)", "above((best + r) * Fraction(2) ** e)", extremes),
    ("arrays", "e = math.frexp(top)[1]", "e = math.frexp(top)[1] - 1; a = a / 2", extremes),
    ("qr", "sqrt_below(1 - Fraction(defect))) - Fraction(miss)", "sqrt_below(1 - Fraction(defect)))", qr),
    ("qr", "sqrt_below(1 - Fraction(defect))", "sqrt_below(Fraction(1))", qr),
    ("qr", "top / Fraction(norm)), Fraction(norm)", "top), Fraction(norm)", qr),
    ("balls", "Fraction(2) ** odd / norm", "Fraction(2) ** (odd + 1) / norm", balls),
    (
        "balls",
        "norm = Fraction(opnorm_upper(np.array(middle).reshape(p, p), miss))",
        "norm = Fraction(max(middle))",
        balls,
    ),
    (
        "balls",
        "e = math.ceil(max(sizes) / math.log(2))",
        "e = math.ceil(max(sizes) / math.log(2)) - 1; entries = [x / 2 for x in entries]",
        balls,
    ),
    # structure
    ("structure", "or np.unique(columns).size < columns.size", "", structure),
    ("structure", "np.unique(rows).size < rows.size or ", "", structure),
    ("structure", "return squares + [Fraction(0)] * (len(S) - rows.size)", "return squares", structure),
    ("structure", "np.array_equal(T, np.rint(T)) and ", "", structure),
    ("structure", "return None if K.any() else", "return", structure),
    ("structure", " and np.array_equal(np.ldexp(T, e), part)", "", structure),
    ("structure", "* Fraction(4) ** e for", "* Fraction(2) ** e for", structure),
    ("structure", "(min(known), max(known))", "(max(known), min(known))", structure),
    ("dft", "gamma(q1 + q2 + 1) * (1 + 4 * unit)", "0", dft),
    ("dft", "gamma(q1 + q2 + 1) * (1 + 4 * unit)", "gamma((q1 + q2 + 1) // 3) / 2", dft),
    ("dft", "+ vanished\n", "\n", dft),
    ("dft", "size * (1 - u) - miss", "size * (1 - u)", dft),
    ("dft", "size * (1 + u) + miss", "size * (1 + u)", dft),
    # functions
    ("losses", "entry(near if near > 0 else arb(0), arb(w))", "entry(far, arb(w))", enclosures),
    ("losses", "high += entry(far, arb(w))", "high += entry(size.upper(), arb(w))", enclosures),
    ("losses", "high += entry(far, arb(w))", "high += entry(far, arb(1))", enclosures),
    ("losses", "lower_float(psi(arb(low), w_min))", "lower_float(psi(arb(high), w_min))", enclosures),
    ("losses", "upper_float(psi(arb(high), w_min))", "upper_float(psi(arb(low), w_min))", enclosures),
    ("elementwise", "arb(point, wide) if wide else arb(point)", "arb(point)", enclosures),
    (
        "elementwise",
        "(ball(arb(point, wide) if wide else arb(point)) - number)",
        "(ball(arb(point, wide)) - point)",
        enclosures,
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "check"), MUTANTS, ids=lambda x: x.__name__ if callable(x) else None)
def test_every_mutant_is_caught(file, old, new, check):
    with Package(file, old, new) as package:
        violations = check(package)[1]
    assert violations > 0


def test_there_are_mutants_of_every_file():
    assert len({mutant[:3] for mutant in MUTANTS}) == len(MUTANTS) == 114
    assert {file for file, *_ in MUTANTS} == set(SOURCES) - {"__init__"}
    assert {check for *_, check in MUTANTS} == {*test_rigorous_arithmetic.CHECKS, *test_rigorous_proofs.CHECKS}
