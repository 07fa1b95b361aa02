r"""Statements as LaTeX: a theorem environment with its label, hypotheses, formulas, proof and citations.

:func:`fragment` goes into any document that defines the environments of :data:`ENVIRONMENTS` (and amsmath, amssymb,
amsthm); :func:`document` is one that does, complete with the bibliography.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from theory.references import cited_by
from theory.statement import latex
from theory.symbols import SYMBOLS

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement

    Item = Hypothesis | Statement

__all__ = ["ENVIRONMENTS", "document", "formula_name", "fragment", "prose"]

ENVIRONMENTS: Final[Mapping[str, str]] = {
    "assumption": "assumption", "condition": "condition", "theorem": "theorem", "lemma": "lemma", "step": "lemma",
    "definition": "definition", "remark": "remark", "trusted": "fact",
}  # fmt: skip
"""Kind of an item → theorem environment."""

_GREEK: Final = frozenset({
    "alpha", "beta", "gamma", "delta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau",
    "phi", "psi", "omega", "zeta", "Gamma", "Delta", "Theta", "Lambda", "Pi", "Sigma", "Phi", "Psi", "Omega",
})  # fmt: skip
_WORDS: Final = {
    "eps": r"\varepsilon", "ell": r"\ell", "xbar": r"\bar x", "ybar": r"\bar y", "infinity": r"\infty",
    "grad_theta": r"\nabla_\theta",
}  # fmt: skip
_ESCAPES: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$", "≤": r"$\le$",
    "≥": r"$\ge$", "∞": r"$\infty$", "–": "--", "—": "---", "ö": r'\"o', "é": r"\'e",
}  # fmt: skip
# in the order of trial: identifiers of the registry, relations, exponents, words that may be mathematics, the rest
_TOKEN: Final = re.compile(
    r"(?P<id>\b(?:[A-Za-z]\w*\.)+[A-Za-z]\w*)|(?P<rel><=|>=|->|!=)|\^(?P<exp>\{[^{}]*\}|-?\w+)"
    r"|(?P<word>[A-Za-z]\w*)|(?P<char>.)",
    re.DOTALL,
)
_STAR: Final = r"\star"
_RELATIONS: Final = {"<=": r"$\le$", ">=": r"$\ge$", "->": r"$\to$", "!=": r"$\ne$"}


def escape(text: str) -> str:
    """Characters that TeX would act on, escaped."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def prose(text: str) -> str:
    r"""The plain text of a statement as LaTeX text, with names of the vocabulary, exponents and relations as mathematics.

    >>> prose("sigma_F^2 <= 1 by step.kl (50%)")
    '$\\sigma_F$$^{2}$ $\\le$ 1 by \\texttt{step.kl} (50\\%)'
    """
    return "".join(_token(match) for match in _TOKEN.finditer(text))


def _token(match: re.Match[str]) -> str:
    kind, found = match.lastgroup, match[match.lastgroup or 0]
    if kind == "id":
        return rf"\texttt{{{escape(found)}}}"
    if kind == "rel":
        return _RELATIONS[found]
    if kind == "exp":
        inner = found.strip("{}")
        return f"$^{{{_math_word(inner) or escape(inner).replace('$', '')}}}$"
    if kind == "word":
        math = _math_word(found)
        return f"${math}$" if math else escape(found)
    return escape(found)


def _math_word(word: str) -> str:
    """LaTeX of a word that is mathematics (sigma_F, theta, J_g); empty for a word of English."""
    if word in _WORDS:
        return _WORDS[word]
    if word in SYMBOLS and "_" in word:
        return SYMBOLS[word].latex
    base, _, subscript = word.partition("_")
    if base in _GREEK or base in _WORDS or (subscript and len(base) <= 2):
        head = _WORDS.get(base) or (f"\\{base}" if base in _GREEK else base)
        if not subscript:
            return head
        if subscript == "star" or len(subscript) == 1:
            return f"{head}_{{{_STAR if subscript == 'star' else subscript}}}"
        upright = rf"\mathrm{{{escape(subscript)}}}"
        return f"{head}_{{{upright}}}"
    return ""


def formula_name(name: str) -> str:
    """LaTeX of the name of a formula: the symbol's if it is one, upright letters otherwise."""
    return SYMBOLS[name].latex if name in SYMBOLS else rf"\mathrm{{{escape(name)}}}"


def fragment(item: Item, registry: Mapping[str, Item], *, hypotheses: bool = True) -> str:
    """The LaTeX of one item, self-contained up to the environments; `hypotheses` spells out what it assumes."""
    environment = ENVIRONMENTS[item.kind]
    cite = rf" \cite{{{','.join(item.cites)}}}" if item.cites else ""
    lines = [rf"\begin{{{environment}}}[{{{prose(item.title)}}}]\label{{{item.id}}}", prose(item.text) + cite]
    if hypotheses and item.hypotheses:
        lines += ["", "Hypotheses:", r"\begin{itemize}"]
        for key in item.hypotheses:
            assumed = registry[key]
            lines.append(rf"  \item \texttt{{{escape(key)}}} ({prose(assumed.title)}): {prose(assumed.text)}")
        lines.append(r"\end{itemize}")
    if item.condition is not None:
        lines += ["Condition:", rf"\[ {latex(item.condition)} \]"]
    if item.when is not None:
        lines += ["Claimed when", rf"\[ {latex(item.when)} \]"]
    if item.conclusion is not None and item.conclusion is not item.condition:
        lines += ["Conclusion:", rf"\[ {latex(item.conclusion)} \]"]
    for name, expr in item.formulas.items():
        lines += [rf"\[ {formula_name(name)} = {latex(expr)} \]", prose(item.reads[name]) + ".", ""]
    if item.tight:
        lines.append(f"How tight: {prose(item.tight)}")
    while lines[-1] == "":
        lines.pop()
    lines.append(rf"\end{{{environment}}}")
    if item.proof:
        lines += [r"\begin{proof}", prose(item.proof), r"\end{proof}"]
    return "\n".join(lines) + "\n"


def document(items: Iterable[Item], registry: Mapping[str, Item]) -> str:
    """A minimal document with the fragments of `items` and the sources that they cite."""
    chosen = list(items)
    used = dict.fromkeys(ENVIRONMENTS[item.kind] for item in chosen)
    keys = tuple(dict.fromkeys(key for item in chosen for key in item.cites))
    lines = [
        r"\documentclass{article}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage{amsmath,amssymb,amsthm}",
        *(rf"\newtheorem{{{name}}}{{{name.capitalize()}}}" for name in used),
        r"\begin{document}",
        *(fragment(item, registry) for item in chosen),
    ]
    if keys:
        lines.append(r"\begin{thebibliography}{99}")
        lines += [rf"\bibitem{{{reference.key}}} {_bibitem(reference)}" for reference in cited_by(keys)]
        lines.append(r"\end{thebibliography}")
    return "\n".join([*lines, r"\end{document}"]) + "\n"


def _bibitem(reference: Any) -> str:
    """A source in the TeX of the bibliography file, not made over."""
    raw = reference.fields
    parts = [raw["author"], rf"\emph{{{raw['title']}}}", raw.get("journal") or raw.get("booktitle") or ""]
    parts += [raw.get("publisher", ""), f"arXiv:{raw['eprint']}" if "eprint" in raw else "", raw["year"]]
    return ". ".join(part for part in parts if part).replace(" and ", "; ") + "."
