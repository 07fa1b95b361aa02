"""The status of an item: computed, the weakest ancestor's, and not better than its obligations."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp

from theory.kl import derive
from theory.ledger import Registry, registry
from theory.statement import Hypothesis, Obligation, Statement
from theory.status import LEVELS, Check, ancestors, check, status_of, statuses, used_by
from theory.symbols import dpsi, psi_inv, sym

GOOD = Obligation("good", sym("r") - sym("r"))
BAD = Obligation("bad", sym("r"))


def raises():
    raise ZeroDivisionError("of\ncourse")


def item(name, *, uses=(), proof_uses=(), proof="because it is so", obligations=(), kind="lemma"):
    return Statement(f"x.{name}", kind, "new", name, "text", uses=tuple(f"x.{u}" for u in uses), proof=proof,
                     proof_uses=tuple(f"x.{u}" for u in proof_uses), obligations=obligations)  # fmt: skip


def test_own_levels():
    items = Registry(
        (
            item("words"),
            item("calculus", obligations=(GOOD,)),
            item("wrong", obligations=(GOOD, BAD)),
            item("breaks", obligations=(Obligation("breaks", raises),)),
            item("unproved", proof=""),
            item("only_calculus", proof="", obligations=(GOOD,)),
            item("fact", kind="trusted", proof=""),
            item("notion", kind="definition", proof=""),
            item("wrong_notion", kind="definition", proof="", obligations=(BAD,)),
            Hypothesis("x.assumed", "t", "text"),
        )
    )
    found = {key: status.own for key, status in statuses(items).items()}
    assert found == {
        "x.words": "written", "x.calculus": "checked", "x.wrong": "open", "x.breaks": "open", "x.unproved": "open",
        "x.only_calculus": "open", "x.fact": "trusted", "x.notion": "defined", "x.wrong_notion": "open",
        "x.assumed": "assumed",
    }  # fmt: skip
    assert set(found.values()) == set(LEVELS)
    assert statuses(items)["x.breaks"].failed == (Check("breaks", False, "ZeroDivisionError: of course"),)
    assert [one.text for one in statuses(items)["x.wrong"].failed] == ["bad"]


def test_the_weakest_ancestor_decides_through_statements_and_proofs():
    items = Registry(
        (
            item("fact", kind="trusted", proof=""),
            item("unproved", proof=""),
            item("step", proof_uses=("unproved",), obligations=(GOOD,)),
            item("words", uses=("step",)),
            item("top", uses=("words",), proof_uses=("fact",), obligations=(GOOD,)),
            item("clean", proof_uses=("fact",), obligations=(GOOD,)),
            item("on_words", uses=("near",), proof_uses=("far",), obligations=(GOOD,)),
            item("near", proof_uses=("far",), obligations=(GOOD,)),
            item("far"),
        )
    )
    top = status_of("x.top", items)
    assert (top.own, top.level, top.weakest) == ("checked", "open", "x.unproved")
    assert top.chain == ("x.top", "x.words", "x.step", "x.unproved")
    assert top.trusted == ("x.fact",)
    clean = status_of("x.clean", items)
    assert (clean.level, clean.weakest, clean.chain) == ("checked", "x.clean", ("x.clean",))
    assert status_of("x.on_words", items).chain == ("x.on_words", "x.far")
    assert list(ancestors("x.top", items)) == ["x.fact", "x.words", "x.step", "x.unproved"]
    assert used_by("x.far", items) == {"proof_uses": ("x.near", "x.on_words")}


def test_a_circle_ends():
    items = Registry((item("a", proof_uses=("b",)), item("b", proof_uses=("a",))))
    assert {status.level for status in statuses(items).values()} == {"written"}


def test_only_what_is_asked_for_is_checked_and_once():
    seen = []

    def counting(thing):
        seen.append(thing.id)
        return check(thing)

    statuses(registry, ["step.jacobian_ball", "kl.alpha_half", "step.jacobian_ball"], counting)
    wanted = {"step.jacobian_ball", "kl.alpha_half"}
    assert sorted(seen) == sorted(wanted.union(*(ancestors(key, registry) for key in wanted)))


def _wrong_psi():
    s, w = sym("s"), sym("w_min")
    return derive(sp.sqrt(s / w)).apply(dpsi(psi_inv(sym("rho")))) - 1 / (w * sym("rho"))


LOGISTIC = registry["sharp.logistic"]
RATE = registry["sharp.rate"]


@pytest.mark.parametrize(
    ("key", "broken", "descendants"),
    [
        ("sharp.logistic", Obligation("psi", _wrong_psi), ("sharp.stop", "sharp.optimal")),
        ("sharp.rate", Obligation("factor", RATE.formulas["a"] - sym("sigma_0") ** 2), ("sharp.tail",)),
    ],
    ids=["wrong psi", "dropped factor"],
)
def test_broken_calculus_opens_the_item_and_all_that_rests_on_it(key, broken, descendants):
    before = statuses(registry, [key, *descendants])
    assert {status.level for status in before.values()} == {"written"}
    spoiled = replace(registry[key], obligations=(*registry[key].obligations[1:], broken))
    items = Registry(spoiled if name == key else thing for name, thing in registry.items())
    after = statuses(items, [key, *descendants, "step.energy"])
    assert after[key].own == "open"
    assert [one.text for one in after[key].failed] == [broken.text]
    for name in descendants:
        assert (after[name].own, after[name].level, after[name].weakest) == (before[name].own, "open", key)
    assert after["step.energy"].level == "written"


def test_nothing_shipped_is_open():
    assert {key: status.failed for key, status in statuses(registry).items() if status.level == "open"} == {}
