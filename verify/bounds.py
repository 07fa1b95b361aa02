"""A question to a statement from the command line: symbols, a sweep, what is needed, and where a condition starts."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.evaluation import Evaluation, accepted_symbols, evaluate_item
from numerics.evaluation.derive import without_pairs
from theory.ledger import Item, registry
from theory.symbols import SYMBOLS
from verify.commands.guard import InputError

__all__ = [
    "Crossing",
    "Needed",
    "Query",
    "Sweep",
    "ask",
    "crossings",
    "example",
    "find",
    "needed",
    "parse_pairs",
    "parse_sweep",
]

_MAX_POINTS = 100_000
_SAMPLES = {
    "integer >= 1": "10", "integer >= 0": "10", "> 0": "1", ">= 0": "1", "real": "1", "> 1": "1.5", ">= 2": "3",
    "in (0, 1)": "0.1",
}  # fmt: skip
# Where 1 would be a poor example: moduli and residuals small, widths large.
_SMALL = {
    "k": "100000", "Lambda": "0.1", "Lip": "0.1", "Lambda_f": "0.1", "rho_0": "0.1", "rho": "0.05", "loss_0": "0.01",
    "loss": "0.005", "loss_star": "0.001", "ell_star": "0.1", "h": "0.1", "eps": "0.01", "Omega": "0.1", "r": "0.1",
    "t_1": "0.01", "T_1": "10", "L": "5", "G_L": "0.1", "E_0": "0.1", "Phi_0": "0.1", "residual_h": "0.1", "c_V": "2",
    "R_prime": "0.1", "dist0": "0.1", "T_log": "3", "z": "0.07", "gamma": "0.1", "eps_k": "0.01", "p": "3",
}  # fmt: skip
# Where a statement speaks of several regimes: constants at which every formula has a value.
_SPECIAL = {"kl.lojasiewicz": {"alpha": "0.75", "t": "0.01"}}


class Needed(InputError):
    """Nothing can be said without more constants: which, what they mean, and a line to paste."""


def parse_pairs(pairs: Sequence[str], option: str) -> dict[str, str]:
    """``("k=100", "t=3")`` as a dictionary; InputError for anything else."""
    out: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name or not value:
            raise InputError(f"{option} {pair!r} is not of the form NAME=VALUE, for instance {option} sigma_F=0.5")
        if name in out:
            raise InputError(f"{option} gives {name} twice; give it once")
        if option == "--set" and any(mark in value for mark in ",:"):
            raise InputError(f"--set {pair} is not a single number; for several values use --sweep {pair}")
        out[name] = value
    return out


@dataclass(frozen=True)
class Sweep:
    """The values of one symbol: evenly spaced in the value or in its logarithm, or as listed."""

    name: str
    values: NDArray[np.float64]
    log: bool

    @property
    def whole(self) -> bool:
        """Whether the symbol counts something."""
        return SYMBOLS[self.name].domain.startswith("integer")


def parse_sweep(text: str) -> Sweep:
    """``k=1e2:1e6:log50``, ``t=0:10:lin20`` or ``k=10,20,50``.

    >>> parse_sweep("k=1:1000:log4").values.tolist()
    [1.0, 10.0, 100.0, 1000.0]
    >>> parse_sweep("t=3,1,2").values.tolist()
    [1.0, 2.0, 3.0]
    """
    form = "write NAME=LOW:HIGH:log50, NAME=LOW:HIGH:lin20 or NAME=V1,V2,..."
    name, _, right = (part.strip() for part in text.partition("="))
    if name not in SYMBOLS or not right:
        what = f"there is no symbol {name!r}" if right and name else "it is no sweep"
        raise InputError(f"--sweep {text!r}: {what}; {form}")
    try:
        if ":" in right:
            low, high, rule = right.split(":")
            ends, kind, count = (float(low), float(high)), rule[:3], int(rule[3:])
        else:
            listed = [float(value) for value in right.split(",")]
            ends, kind, count = (min(listed), max(listed)), "list", len(set(listed))
    except ValueError:
        raise InputError(f"--sweep {text!r} cannot be read; {form}") from None
    if kind not in ("lin", "log", "list") or not all(map(math.isfinite, ends)):
        raise InputError(f"--sweep {text!r} cannot be read; {form}")
    if count < 2 or count > _MAX_POINTS:
        raise InputError(f"--sweep {text!r} has {count} points; from 2 to {_MAX_POINTS} are possible")
    if kind != "list" and not ends[0] < ends[1]:
        raise InputError(f"--sweep {text!r}: the lower end has to be below the upper one; {form}")
    if kind == "log" and ends[0] <= 0:
        raise InputError(f"--sweep {text!r}: a logarithmic sweep starts above 0; use lin{count} instead")
    if kind == "list":
        values = np.unique(listed)
    else:
        values = np.geomspace(*ends, count) if kind == "log" else np.linspace(*ends, count)
        if SYMBOLS[name].domain.startswith("integer"):
            values = np.unique(np.round(values))
    spread = kind == "list" and ends[0] > 0 and ends[1] / ends[0] > 30
    return Sweep(name, values, kind == "log" or spread)


@dataclass(frozen=True)
class Query:
    """What is asked: an item, symbols as written, options of the evaluation, and perhaps one symbol swept."""

    item: Item
    symbols: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    formula: str | None = None
    sweep: Sweep | None = None

    def evaluate(self, value: Any = None, formulas: Sequence[str] | None = None) -> Evaluation:
        """The evaluation, at one value of the swept symbol or (None) at all of them; InputError for bad input."""
        symbols: dict[str, Any] = dict(self.symbols)
        if self.sweep is not None:
            symbols[self.sweep.name] = self.sweep.values if value is None else value
        try:
            return evaluate_item(self.item, symbols, formulas=formulas, **self.options)
        except ValueError as error:
            raise InputError(str(error)) from None


def find(identifier: str) -> Item:
    """The item of the registry; InputError with the nearest identifiers."""
    try:
        return registry[identifier]
    except KeyError as error:
        raise InputError(error.args[0]) from None


def ask(query: Query) -> Evaluation:
    """The answer, with one formula if one was asked for; InputError saying what is needed if there is none."""
    item = query.item
    if query.sweep is not None:
        if query.sweep.name in query.symbols:
            raise InputError(f"{query.sweep.name} is both set and swept; give it once")
        if query.options.get("backend", "float64") != "float64":
            raise InputError("a sweep is computed in float64; leave out --backend, or give single values with --set")
    if query.formula is not None and query.formula not in item.formulas:
        query.evaluate(formulas=[query.formula])  # the evaluator knows the neighbours
    answer = query.evaluate()
    if not item.formulas and not answer.conditions:
        raise InputError(f"{item.id} has no formula to evaluate; its text: dipcert show {item.id}")
    if query.formula is not None:
        chosen = answer.formulas[query.formula]
        names = set(chosen.missing).union(*(condition.missing for condition in answer.conditions))
        missing = {name: meaning for name, meaning in answer.missing.items() if name in names}
        answer = replace(answer, formulas={chosen.name: chosen}, missing=missing)
    waiting = all(entry.status == "missing" for entry in answer.formulas.values())
    decided = any(not c.missing and registry[c.id].kind != "assumption" for c in answer.conditions)
    if answer.formulas and waiting and (query.formula is not None or not decided):
        raise Needed(needed(query, answer))
    if not answer.formulas and all(condition.missing for condition in answer.conditions):
        raise Needed(needed(query, answer))
    return answer


def needed(query: Query, answer: Evaluation) -> str:
    """What is missing, what each symbol means, and a line to paste."""
    waiting = [entry for entry in answer.formulas.values() if entry.missing]
    names = without_pairs({name for entry in waiting for name in entry.missing} or answer.missing)
    width = max(map(len, names))
    listed = [f"  {name:{width}}  {answer.missing[name]}; {SYMBOLS[name].ask}" for name in sorted(names)]
    what = ", ".join(entry.name for entry in waiting) or "the condition"
    return "\n".join([f"{query.item.id}: {what} needs", *listed, "for example", f"  {example(query)}"])


def example(query: Query) -> str:
    """A command line that gives every formula asked for a value, made of what was given and of sample values."""
    item, options, symbols = query.item, dict(query.options), dict(query.symbols)
    accepted = accepted_symbols(item, options.get("loss", "least_squares"))
    if options.get("activation") is None and {"C_phi", "C_dphi"} & set(accepted):
        options["activation"] = "tanh"
    swept = {} if query.sweep is None else {query.sweep.name: float(query.sweep.values[0])}
    for _ in range(10):
        try:
            answer = evaluate_item(item, {**symbols, **swept}, **{**options, "backend": "float64"})
        except ValueError:
            break
        entries = answer.formulas if query.formula is None else {query.formula: answer.formulas[query.formula]}
        names = frozenset(name for entry in entries.values() for name in entry.missing)
        names |= {name for condition in answer.conditions for name in condition.missing}
        if not names:
            break
        names = without_pairs(names)
        special = _SPECIAL.get(item.id, {})
        symbols |= {name: special.get(name, _SMALL.get(name, _SAMPLES[SYMBOLS[name].domain])) for name in names}
    words = ["dipcert", "bounds", item.id]
    for name, value in symbols.items():
        words += ["--set", f"{name}={value}"]
    if query.sweep is not None:
        low, high = query.sweep.values[0], query.sweep.values[-1]
        words += ["--sweep", f"{query.sweep.name}={low:g}:{high:g}:{'log' if query.sweep.log else 'lin'}50"]
    if query.formula is not None:
        words += ["--formula", query.formula]
    if options.get("loss", "least_squares") != "least_squares":
        words += ["--loss", options["loss"]]
        for name, value in (options.get("loss_parameters") or {}).items():
            words += ["--loss-param", f"{name}={value}"]
    if options.get("activation") is not None:
        words += ["--activation", options["activation"]]
    return shlex.join(words)


@dataclass(frozen=True)
class Crossing:
    """Where a condition changes along a sweep: it holds at `inside`, not at `outside`, and there is little between."""

    id: str
    relation: str
    symbol: str
    inside: float
    outside: float

    def __str__(self) -> str:
        word = "from" if self.inside > self.outside else "up to"
        exact = abs(self.inside - self.outside) == 1 and self.inside == int(self.inside)
        where = f"{self.inside:.0f} (not at {self.outside:.0f})" if exact else f"about {self.inside:.8g}"
        return f"{self.id}: {self.relation} holds {word} {self.symbol} = {where}"


def crossings(query: Query, answer: Evaluation) -> list[Crossing]:
    """Every change of a condition between neighbours of the sweep, located by bisection."""
    sweep, found = query.sweep, []
    assert sweep is not None
    for position, condition in enumerate(answer.conditions):
        if condition.holds is None:
            continue
        holds = np.asarray(condition.holds)
        for index in np.flatnonzero(holds[1:] != holds[:-1]):
            ends = [float(sweep.values[index]), float(sweep.values[index + 1])]
            first = bool(holds[index])
            for _ in range(64):
                low, high = ends
                geometric = sweep.log and low > 0 and high / low > 1.5
                middle = math.sqrt(low) * math.sqrt(high) if geometric else low + (high - low) / 2
                if sweep.whole:
                    middle = math.floor(middle)
                if not low < middle < high or (not sweep.whole and high - low <= 1e-13 * abs(high)):
                    break
                truth = query.evaluate(middle, formulas=()).conditions[position].verdict == "holds"
                ends[0 if truth == first else 1] = middle
            inside, outside = ends if first else ends[::-1]
            found.append(Crossing(condition.id, condition.relation, sweep.name, inside, outside))
    return found
