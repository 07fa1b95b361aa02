"""``dipcert show``: every item and every symbol in text, LaTeX and JSON."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import sympy as sp
from click.testing import CliRunner

from theory.functions import log_cosh
from theory.kl import MonotoneInverse
from theory.ledger import Registry, registry
from theory.reading import linear, readable, symbol_name
from theory.references import entries
from theory.status import LEVELS, Check
from theory.symbols import SYMBOLS, Psi_inv, sym
from theory.typeset import document, fragment, prose
from verify.cli import main
from verify.commands.show import shown
from verify.reading import bounds_line

pytestmark = pytest.mark.usefixtures("cache")

# What occurs and is known to compile (test_everything_compiles): a macro that is not here is a slip or needs a look.
_MACROS = """
Delta Gamma Lambda Omega Phi Pi Psi Sigma Theta Vert alpha bar begin beta bibitem cdot cite delta displaystyle epsilon
dot ell end eta frac gamma ge geq gg hat infty int item kappa lVert label lambda le left leq lim limits log
lvert mapsto mathbb mathcal mathrm max middle min mu nabla ne neq nu omega operatorname phi pi psi rho right sigma sinh sqrt
star substack sup tan tanh tau text textasciicircum textasciitilde textbackslash texttt theta to top varepsilon
varphi vert wedge xi zeta
"""
MACROS = {rf"\{name}" for name in _MACROS.split()}


def dipcert(*arguments, charset="utf-8"):
    return CliRunner(charset=charset).invoke(main, ["show", *arguments])


@pytest.mark.parametrize("key", list(registry))
def test_every_item_is_shown_as_text(key, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    item = registry[key]
    done = dipcert(key)
    assert done.exit_code == 0, done.output
    text = done.stdout
    flat = " ".join(text.split())
    assert text.splitlines()[0] == f"{key}: {item.title}"
    assert " ".join(item.text.split()) in flat
    assert " ".join(item.proof.split()) in flat
    for other in item.hypotheses:
        assert " ".join(f"{other}: {registry[other].text}".split()) in flat
    for name in item.formulas:
        assert f"{name} =" in text
        assert " ".join(item.reads[name].split()) in flat
    for name in item.symbols:
        assert re.search(rf"^  {name}\b", text, re.MULTILINE)
        assert SYMBOLS[name].meaning in flat
    for other in item.proof_uses:
        assert re.search(rf"^  {re.escape(other)} \[({'|'.join(LEVELS)})\]", text, re.MULTILINE)
    assert text.count("✓") == len(item.obligations)
    assert all(obligation.text in flat for obligation in item.obligations)
    for cite in item.cites:
        assert f"[{cite}]" in text
        assert entries()[cite].title in flat
    assert "Status (computed)" in text
    last = text.splitlines()[-1]
    assert (last == f"  {bounds_line(item)}") == bool(item.formulas)
    # only a word that is itself too long, a formula with brackets as tall as itself, or the command may be wider
    assert all(len(line) <= 90 or line == last or " " not in line.strip() for line in text.splitlines())


@pytest.mark.parametrize("key", list(registry))
def test_every_item_is_shown_in_ascii(key):
    done = dipcert(key, charset="ascii")
    assert done.exit_code == 0
    assert done.stdout.isascii()
    said = registry[key].text + registry[key].proof + "".join(entries()[cite].text() for cite in registry[key].cites)
    assert done.stdout.count("?") == said.count("?")


@pytest.mark.parametrize("key", list(registry))
def test_every_item_is_shown_as_latex(key):
    done = dipcert(key, "--latex")
    assert done.exit_code == 0, done.output
    text, item = done.stdout, registry[key]
    bare = re.sub(r"\\[{}\\]", "", text)
    depth = 0
    for character in bare:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert re.sub(r"\\[$\\]", "", text).count("$") % 2 == 0
    assert len(re.findall(r"\\left\b", text)) == len(re.findall(r"\\right\b", text))
    assert set(re.findall(r"\\[A-Za-z]+", text)) <= MACROS
    assert not re.search(r"\^\{[^{}]*\}\s*\^", text), "double superscript"
    stack = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        assert what == "begin" or stack.pop() == name
        stack += [name] if what == "begin" else []
    assert stack == []
    assert rf"\label{{{key}}}" in text
    assert text.count(r"\[") == text.count(r"\]") >= len(item.formulas)
    assert (r"\begin{proof}" in text) == bool(item.proof)
    assert not item.cites or rf"\cite{{{','.join(item.cites)}}}" in text
    assert text.isascii()


@pytest.mark.parametrize("key", list(registry))
def test_every_item_is_shown_as_json(key):
    done = dipcert(key, "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    item = registry[key]
    assert (data["id"], data["title"], data["text"], data["proof"]) == (key, item.title, item.text, item.proof)
    assert [formula["name"] for formula in data["formulas"]] == list(item.formulas)
    names = {name: info.symbol for name, info in SYMBOLS.items()} | {"log_cosh": log_cosh}
    for formula in data["formulas"]:
        expr = item.formulas[formula["name"]]
        if not sp.sympify(expr).atoms(sp.core.function.AppliedUndef, sp.Integral, MonotoneInverse):
            # What SymPy reads back may be arranged differently: equal at one point, exactly compared in value.
            back = sp.sympify(formula["sympy"], locals=names)
            point = {s: sp.Integer(i + 2) for i, s in enumerate(sorted(sp.sympify(expr).free_symbols, key=str))}
            assert abs(sp.N((back - expr).subs(point), 30, chop=True)) < sp.Float("1e-20")
    assert [one["proved"] for one in data["obligations"]] == [True] * len(item.obligations)
    assert data["status"] in LEVELS
    assert data["own_status"] in LEVELS
    assert [source["key"] for source in data["sources"]] == list(item.cites)
    assert all(source["authors"] and source["title"] and source["year"] for source in data["sources"])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_everything_compiles(tmp_path):
    (tmp_path / "all.tex").write_text(document(registry.values(), registry), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_standalone_is_a_document_with_what_it_cites():
    text = dipcert("sharp.stop", "sharp.length", "--latex", "--standalone").stdout
    assert text.startswith(r"\documentclass")
    assert text.rstrip().endswith(r"\end{document}")
    assert text.count(r"\newtheorem{theorem}") == 1
    cited = {key for keys in re.findall(r"\\cite\{(.*?)\}", text) for key in keys.split(",")}
    assert cited == set(re.findall(r"\\bibitem\{(.*?)\}", text)) == set(registry["sharp.length"].cites)
    assert fragment(registry["sharp.stop"], registry) in text


@pytest.mark.parametrize("name", list(SYMBOLS))
def test_every_symbol_is_shown(name):
    done = dipcert(name)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{name}: {SYMBOLS[name].meaning}")
    users = [key for key, item in registry.items() if name in item.symbols]
    assert re.findall(r"^  (\S+): ", done.stdout, re.MULTILINE) == users
    data = json.loads(dipcert(name, "--json").stdout)
    assert data["occurs_in"] == users
    assert data["direction"] == SYMBOLS[name].direction


def test_several_at_once():
    done = dipcert("sharp.stop", "rho_0", "sharp.rate", "--json")
    data = json.loads(done.stdout)
    assert [entry.get("id", entry.get("name")) for entry in data] == ["sharp.stop", "rho_0", "sharp.rate"]
    text = dipcert("sharp.stop", "rho_0").stdout
    assert text.index("sharp.stop: ") < text.index("rho_0: initial")


def test_symbols_can_be_left_out():
    assert "Symbols (" in dipcert("sharp.rate").stdout
    assert "Symbols (" not in dipcert("sharp.rate", "--no-symbols").stdout


def test_the_status_names_its_weakest_ancestor():
    flat = " ".join(dipcert("sharp.rate").stdout.split())
    assert "written, because it rests on step.energy (sharp.rate → step.energy)" in flat
    assert "By itself it is checked: proved in words" in flat
    assert "Taken on trust: trusted.picard, trusted.weyl." in flat
    users = ", ".join(key for key, item in registry.items() if "sharp.rate" in item.proof_uses)
    assert f"Used in the proof of: {users}" in flat


def test_a_failed_obligation_is_named(monkeypatch):
    item = registry["kl.alpha_half"]
    from theory import status

    real = status.check

    def failing(thing):
        if thing.id == item.id:
            return tuple(
                Check(one.text, i != 1, "" if i != 1 else "ValueError: x") for i, one in enumerate(item.obligations)
            )
        return real(thing)

    monkeypatch.setattr(status, "check", failing)
    monkeypatch.setattr("verify.cache._read", lambda path: {})
    monkeypatch.setattr("verify.cache.CheckCache.save", lambda self: None)
    text = dipcert(item.id).stdout
    assert f"✗ NOT PROVED {item.obligations[1].text} (ValueError: x)" in " ".join(text.split())
    assert text.count("✓") == len(item.obligations) - 1
    assert "open: without proof here" in text
    assert "NOT PROVED" in dipcert(item.id, charset="ascii").stdout


def test_tightness_is_shown(monkeypatch):
    item = replace(registry["kl.alpha_half"], tight="Equality for the 50% case, by sharp.optimal.")
    changed = Registry(item if key == item.id else thing for key, thing in registry.items())
    monkeypatch.setattr("theory.ledger.registry", changed)
    assert "How tight\n  Equality for the 50% case, by sharp.optimal.\n" in dipcert(item.id).stdout
    assert r"How tight: Equality for the 50\% case, by \texttt{sharp.optimal}." in dipcert(item.id, "--latex").stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sharp.stpo"], "sharp.stop"),
        (["rho0"], "rho_0"),
        (["SHARP.STOP"], "sharp.stop"),
        (["logistic"], "sharp.logistic"),
        (["sharp.stop", "a.loss.kl"], "A.loss.KL"),
        (["qqqqqqqqqq"], "dipcert list"),
        ([""], "dipcert list"),
        (["rho_0", "--latex"], "no statement or assumption"),
        (["sharp.stop", "--latex", "--json"], "choose one"),
        (["sharp.stop", "--standalone"], "--latex"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, expected):
    done = dipcert(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("dipcert: ")
    assert done.stderr.count("\n") == 1
    assert expected in done.stderr


def test_without_identifier_is_wrong_usage():
    assert dipcert().exit_code == 2


# --- formulas ---------------------------------------------------------------------------------------------------------


def test_symbol_names_are_recognizable_and_distinct():
    assert len({symbol_name(name) for name in SYMBOLS}) == len(SYMBOLS)


def test_formulas_on_one_line():
    sF, s0, r = sym("sigma_F"), sym("sigma_0"), sym("r")
    assert linear(s0**2 - 2 * sF * r) == "σ₀² - 2·r·σ_F"
    assert linear(sp.sqrt(r) ** 3) == "r^(3/2)"
    assert linear(sp.sqrt(r + 1) * sym("dist0") ** 2) == "dist0²·√(r + 1)"
    assert linear(sp.Le(r, s0)) == "r ≤ σ₀"
    assert linear(Psi_inv(r)) == "Ψ⁻¹(r)"
    assert linear(Psi_inv(r) ** 2, unicode=False) == "Psi_inv(r)**2"


def test_long_formulas_are_stacked_if_they_fit():
    bound = registry["sharp.logistic"].formulas["bound"]
    assert "─" in readable(bound, width=90)
    assert max(map(len, readable(bound, width=90).splitlines())) <= 90
    assert "\n" not in readable(bound, width=50)
    assert readable(bound, width=120, unicode=False).isascii()


def test_prose_keeps_its_words():
    assert prose("a set & 5 % of rho, J_g^T, psi^{-1}") == r"a set \& 5 \% of $\rho$, $J_{g}$$^{T}$, $\psi$$^{-1}$"


# --- notebooks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", list(registry))
def test_notebooks_show_every_item(key):
    item = registry[key]
    html = item._repr_html_()
    assert html.count("<tr>") == (len(item.formulas) + 1 if item.formulas else 0)
    assert html.count("$") % 2 == 0
    for tag in ("div", "p", "table", "tr", "td"):
        assert html.count(f"<{tag}>") == html.count(f"</{tag}>")
    tex = item._repr_latex_()
    assert tex is None or (tex.startswith("$\\displaystyle ") and tex.count(r"\begin") == tex.count(r"\end"))


def test_notebooks_show_the_registry():
    html = registry._repr_html_()
    assert all(f"<code>{key}</code>" in html for key in registry)


def test_show_is_quick_with_a_warm_cache(cache, tmp_path):
    """No plotting, no SciPy: what makes the first answer slow is not imported."""
    code = """
import sys, pathlib, verify.cache
verify.cache.directory = lambda: pathlib.Path(sys.argv[1])
from verify.commands.show import shown
from verify.reading import bounds_line
shown(("sharp.stop",))
print([m for m in ("matplotlib", "scipy", "igraph", "pydantic") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code, str(cache)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert shown(("sharp.stop",)) == shown(("sharp.stop",))
