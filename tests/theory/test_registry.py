"""The registry as a whole: complete, closed under reference, acyclic, written in one vocabulary, layered."""

from __future__ import annotations

import ast
import re
from fractions import Fraction
from pathlib import Path

import pytest
import sympy as sp

from theory.ledger import Registry, registry
from theory.losses import LOSSES
from theory.statement import Hypothesis, Statement
from theory.symbols import SYMBOLS, sym

ROOT = Path(__file__).resolve().parents[2]


def _blocks() -> dict[str, list[str]]:
    """The identifiers of identifiers.txt by block."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (Path(__file__).parent / "identifiers.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            found[name] = []
        elif line and not line.startswith("#"):
            found[name] += line.split()
    return found


LISTED = _blocks()

_TIGHT = """
baseline.condition baseline.loss_rate baseline.param_rate baseline.early_stop step.confinement
sharp.condition sharp.length sharp.sigma sharp.logistic sharp.stop sharp.tail sharp.implies_baseline
illposed.energy illposed.rate dip2.modulus dip2.amgm dip2.two_sided dip2.saturated_modulus recover.linear
gd.descent gd.length gd.rate deep.modulus wonly.descent
"""
TIGHT = _TIGHT.split()

# Formula names that the numerical layers ask for.
FORMULAS = {
    "baseline.condition": "R_prime R",
    "baseline.loss_rate": "gamma bound rate",
    "baseline.param_rate": "bound",
    "baseline.early_stop": "t_stop bound",
    "baseline.mse_rate": "bound",
    "baseline.mse_stop": "t_stop",
    "baseline.recovery": "bound",
    "recover.linear": "bound bound_of_residual",
    "dip2.output_scale": "scale_sharp",
    "sharp.condition": "h ell_0",
    "sharp.length": "bound ell_star",
    "sharp.sigma": "bound floor",
    "sharp.rate": "a bound rate",
    "sharp.logistic": "a b bound",
    "sharp.stop": "t_star",
    "sharp.tail": "bound",
    "sharp.general": "time_bound",
    "illposed.discrepancy": "T_hat E_bar length stability E_0 G_upper",
    "illposed.rate": "bound length",
    "dip2.gram": "sigma_both",
    "dip2.modulus": "Lambda_both Lambda_W",
    "dip2.lipschitz": "Lip_both Lip_W R_both R_W Lip_coarse",
    "dip2.sigma0": "t_dev f_lo sigma_0_squared_both sigma_0_squared_W",
    "dip2.output0": "bound",
    "dip2.output_sub_gaussian": "rho_0_squared",
    "dip2.amgm": "capacity ell_a_star s_star rate rate_rho length bound t_stop",
    "dip2.balanced": "s_star_squared_term probability width_general width_linear",
    "wonly.rate": "bound T_level",
    "wonly.linear_rate": "rate bound",
    "wonly.stop": "T T_level residual_bound",
    "recover.kernel": "drift drift_coarse bound",
    "step.jacobian_ball": "rhs",
    "recover.reach": "radius",
    "recover.split": "bound",
    "gd.condition": "nu h h_nu step_bound ell_star",
    "gd.length": "ell_star bound",
    "gd.rate": "s_star bound factor bound_rho steps",
    "deep.gram": "block_norm",
    "deep.modulus": "zeta e pi mu beta Omega",
    "dip2.saturated_modulus": "Omega_s crossing M4_upper",
    "wonly.descent": "bound budget loss slope_tanh",
    **{f"kl.{name}": "psi dpsi Psi bound" for name in LOSSES},
    "kl.lojasiewicz": "psi dpsi Psi bound bound_half t_extinct",
}


def _items(kind: type) -> list[str]:
    return [key for key in registry if isinstance(registry[key], kind)]


def test_every_identifier_of_the_theory_is_there():
    assert len(LISTED["theory"]) > 80
    assert not [name for name in (*LISTED["theory"], *LISTED["added"]) if name not in registry]


def test_every_registered_identifier_is_deliberate():
    listed = [*LISTED["theory"], *LISTED["added"]]
    assert len(set(listed)) == len(listed), "listed twice"
    unlisted = sorted(set(registry) - set(listed))
    assert not unlisted, f"add them to a block of tests/theory/identifiers.txt: {unlisted}"


PROVED = [key for key in registry if registry[key].kind in ("theorem", "lemma", "step", "condition")]


@pytest.mark.parametrize("key", PROVED)
def test_what_is_proved_has_a_conclusion_as_a_relation(key):
    """Only the listed qualitative and probabilistic claims may lack one; a qualitative one that has it leaves the list."""
    item = registry[key]
    if item.conclusion is None:
        assert key in (*LISTED["qualitative"], *LISTED["random"]), f"{key} concludes nothing that could be evaluated"
        assert item.sides is None
        assert item.slack is None
        return
    assert key not in LISTED["qualitative"]
    assert isinstance(item.conclusion, sp.core.relational.Relational)
    assert item.sides == (item.conclusion.lhs, item.conclusion.rhs)
    if isinstance(item.conclusion, sp.Eq):
        assert item.slack is None
    else:
        low, high = item.sides if isinstance(item.conclusion, sp.Le | sp.Lt) else item.sides[::-1]
        assert item.slack == high - low


def test_lists_of_exceptions_are_no_longer_than_needed():
    assert set(LISTED["qualitative"]) | set(LISTED["random"]) <= set(registry)


def test_how_sharp_the_main_results_are_is_said():
    """Where a proof or a measurement says how much a statement gives away; a measured ratio says so."""
    assert not [key for key in TIGHT if not registry[key].tight]
    ratios = [key for key in registry if re.search(r"0\.\d+ (and|to)|to \d+(\.\d+)? times", registry[key].tight)]
    assert "dip2.modulus" in ratios
    assert all("easured" in registry[key].tight for key in ratios)


@pytest.mark.parametrize("key", sorted(FORMULAS))
def test_formulas_asked_for_by_name_exist(key):
    assert set(FORMULAS[key].split()) <= set(registry[key].formulas)


def test_registry_is_sorted_refuses_duplicates_and_names_neighbours():
    assert list(registry) == sorted(registry)
    item = registry["sharp.length"]
    with pytest.raises(ValueError, match="twice"):
        Registry((item, item))
    with pytest.raises(KeyError, match=r"sharp\.length"):
        registry["sharp.lenght"]


@pytest.mark.parametrize("key", list(registry))
def test_references_resolve(key):
    item = registry[key]
    missing = [other for other in (*item.hypotheses, *item.uses, *item.proof_uses) if other not in registry]
    assert not missing, f"{key} refers to {missing}, which nobody registered"
    assert all(isinstance(registry[other], Hypothesis) for other in item.hypotheses)


def test_no_proof_is_circular():
    state: dict[str, int] = {}

    def visit(key: str, path: tuple[str, ...]) -> None:
        assert state.get(key) != 1, f"circular: {' -> '.join((*path, key))}"
        if key in state:
            return
        state[key] = 1
        for other in (*registry[key].proof_uses, *registry[key].uses):
            visit(other, (*path, key))
        state[key] = 2

    for key in registry:
        visit(key, ())
    assert len(state) == len(registry)


def _bibliography() -> dict[str, str]:
    text = (ROOT / "theory" / "references.bib").read_text(encoding="utf-8")
    return {match[1]: match[0] for match in re.finditer(r"@\w+\{(\w+),.*?\n\}", text, re.DOTALL)}


def test_citations_resolve_and_every_reference_is_cited():
    keys = set(_bibliography())
    cited = {cite for item in registry.values() for cite in item.cites}
    assert cited - keys == set()
    assert keys - cited == set()


def test_references_have_what_a_reader_needs():
    for key, entry in _bibliography().items():
        for fieldname in ("author", "title", "year"):
            assert re.search(rf"\b{fieldname} = \{{.+\}}", entry), f"{key} lacks {fieldname}"


@pytest.mark.parametrize("key", list(registry))
def test_formulas_are_written_in_the_vocabulary(key):
    item = registry[key]
    parts = [sp.sympify(expr) for expr in item.formulas.values()]
    parts += [relation for relation in (item.condition, item.when, item.conclusion) if relation is not None]
    for part in parts:
        for symbol in part.free_symbols:
            assert symbol.name in SYMBOLS, f"{key}: {symbol} is not in theory.symbols"
            assert symbol == sym(symbol.name), f"{key}: another symbol called {symbol}, with other assumptions"
    assert item.symbols == tuple(sorted({s.name for part in parts for s in part.free_symbols}))
    assert isinstance(item.latex(), str)


@pytest.mark.parametrize("key", _items(Statement))
def test_statements_can_be_reviewed_alone(key):
    item = registry[key]
    assert len(item.text) > 60
    assert set(item.reads) == set(item.formulas)
    assert all(len(reading) > 5 for reading in item.reads.values())
    if item.kind == "trusted":
        assert item.cites, f"{key} is taken on trust: it needs a source"
        assert not item.proof
    else:
        assert len(item.proof) > 15, f"{key} has no proof"
    if item.kind == "theorem":
        assert item.hypotheses or key in ("sharp.optimal", "recover.synthesis"), f"{key} assumes nothing?"


def test_statement_refuses_a_formula_without_reading():
    with pytest.raises(ValueError, match="reading"):
        Statement("x.y", "lemma", "new", "t", "text", formulas={"bound": sym("rho")})


@pytest.mark.parametrize("key", _items(Hypothesis))
def test_hypotheses_answer_to_the_attributes_of_statements(key):
    item = registry[key]
    assert item.kind == "assumption"
    assert not item.formulas
    assert item.obligations == ()
    assert len(item.text) > 20


@pytest.mark.parametrize("name", list(SYMBOLS))
def test_symbols_are_described_and_bounded_as_declared(name):
    info = SYMBOLS[name]
    assert info.name == info.symbol.name == name
    assert info.meaning
    assert info.latex
    assert info.direction in ("exact", "lower", "upper")
    assert info.symbol.is_real
    if info.domain == "> 0":
        assert info.symbol.is_positive
    if info.domain == ">= 0":
        assert info.symbol.is_nonnegative
    if info.domain.startswith("integer"):
        assert info.symbol.is_integer


@pytest.mark.parametrize("name", list(SYMBOLS))
def test_symbols_check_numbers_against_their_domain(name):
    """What SymPy assumes, the check enforces: no accepted number contradicts an assumption, and some are accepted."""
    info = SYMBOLS[name]
    accepted, refusals = [], []
    for value in (-1, 0, Fraction(1, 2), 0.5, 1, 1.5, 2, 1e300):
        try:
            info.check(value)
        except ValueError as error:
            refusals.append((f"{name} = {value} has to be", str(error)))
            continue
        accepted.append(value)
        assert not (info.symbol.is_positive and value <= 0)
        assert not (info.symbol.is_nonnegative and value < 0)
        assert not (info.symbol.is_integer and value != int(value))
    assert accepted
    assert all(text.startswith(start) and info.meaning in text for start, text in refusals)
    assert (-1 in accepted) == (info.domain == "real")
    for value in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ValueError, match=f"{name} = "):
            info.check(value)


def test_unknown_symbol_names_its_neighbours():
    with pytest.raises(KeyError, match="sigma_0"):
        sym("sigma0")


# --- structure of the packages ------------------------------------------------------------------------------------------


def _modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def _imports(path: Path) -> set[str]:
    """Top-level packages imported anywhere in the file; relative imports count as the file's own package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_the_theory_loads_the_evaluator_by_name_in_one_place_only():
    """Statement.evaluate is the one exception to the direction of imports."""
    users = [path.name for path in _modules("theory") if 'import_module("numerics' in path.read_text(encoding="utf-8")]
    assert users == ["statement.py"], "Statement.evaluate is the one place"


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("theory", {"numerics", "verify", "numpy", "scipy", "matplotlib"}), ("numerics", {"verify"})],
)
def test_imports_run_one_way(package, forbidden):
    paths = _modules(package)
    assert paths
    offenders = {str(path.relative_to(ROOT)): bad for path in paths if (bad := _imports(path) & forbidden)}
    assert not offenders, f"imports run theory <- numerics <- verify, never back: {offenders}"


@pytest.mark.parametrize(
    ("folder", "helpers"),
    [
        ("theory/theorems", set()),
        ("theory/losses", {"base"}),
        ("theory/activations", {"base"}),
        ("numerics/operators", {"base", "dft", "filtered", "periodic", "transforms"}),
    ],
)
def test_every_item_has_its_line(folder, helpers):
    """A file that is forgotten in its folder's __init__ registers nothing; an underscore or `helpers` marks a tool."""
    init = ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8"))
    named: set[str] = set()
    for node in ast.walk(init):
        if isinstance(node, ast.ImportFrom):
            named |= {alias.name for alias in node.names}
            named.add((node.module or "").split(".")[-1])
    files = {path.stem for path in (ROOT / folder).glob("*.py") if not path.stem.startswith("_")}
    assert files
    assert files - helpers - named == set(), f"no line in {folder}/__init__.py"


def test_symbols_are_created_in_one_place():
    """SymPy's Symbol and symbols are called in theory/symbols.py only (Dummy is local by construction)."""
    offenders = []
    for package in ("theory", "numerics", "verify"):
        for path in _modules(package):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    owner = getattr(getattr(node.func, "value", None), "id", "")
                    if called == "Symbol" or (called in ("symbols", "var") and owner in ("sp", "sympy")):
                        offenders.append(str(path.relative_to(ROOT)))
    assert set(offenders) == {"theory/symbols.py"}


# Statements whose relations have Lambda or Lip in them, and which say themselves what these are.
SAYS_ITSELF = {
    "dip2.output_scale": "about the number h at a scale, whatever Lambda stands for",
    "dip2.width_baseline": "the constants are those of the two-layer network",
    "dip2.width_sharp": "the constants are those of the two-layer network",
    "illposed.energy": "Lip is taken on the ball of radius ell, not on that of A.generator.lipschitz",
    "sharp.optimal": "Lambda is a parameter of the scalar family",
}


def test_who_speaks_of_lambda_or_lip_assumes_what_they_are():
    from theory.claim import claim_of

    missing = set()
    for key, item in registry.items():
        if item.conclusion is None or item.kind in ("assumption", "trusted"):
            continue
        claim = claim_of(key, registry)
        relations = [claim.conclusion, claim.when, *(relation for _, relation in claim.conditions)]
        names = {symbol.name for relation in relations if relation is not None for symbol in relation.free_symbols}
        for symbols, needed in (
            ({"Lambda", "h", "ell_star"}, "A.generator.linear_modulus"),
            ({"R", "Lip", "R_prime"}, "A.generator.lipschitz"),
        ):
            if names & symbols and needed not in claim.hypotheses:
                missing.add(key)
    assert missing == set(SAYS_ITSELF)
