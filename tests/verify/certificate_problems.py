"""Lies about the problem: an easier one, other arrays, witnesses that prove nothing, problems that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.verify.certificate_files import Attempt, Files, attempt, changed, identity, member, pack
from verify.certificate import Subject, certify


def _subject(files: Files, **changes: Any) -> Subject:
    problem, arrays = files.problem, files.arrays
    given = {name: arrays.get(name) for name in ("R", "C", "weights", "signal")}
    given |= {"activation": problem["activation"], "train": problem["train"], "scale": float.fromhex(problem["scale"])}
    given |= {"a": arrays["a"], "V": arrays["V"].T, "y": arrays["y"]} | changes
    return Subject.of(**given)


def easier(files: Files) -> Iterator[Attempt]:
    """An honest certificate of an easier problem, for a user who expects the original: by id, or by the arrays."""
    a, V, y = files.arrays["a"], files.arrays["V"], files.arrays["y"]
    original, plain = files.document["problem_id"], {k: x for k, x in files.arrays.items() if not k.startswith("w_")}
    data = pack([(f"{name}.npy", member(np.ascontiguousarray(x))) for name, x in plain.items()])
    phi = {"tanh": np.tanh, "softplus": lambda x: np.log1p(np.exp(x))}.get(files.problem["activation"], np.tanh)
    image = V.T @ phi(a) / np.sqrt(len(a))
    for name in ("R", "C"):
        image = image if name not in plain else plain[name] @ image
    ulp = y.copy()
    ulp[0] = np.nextafter(ulp[0], image[0])
    lies: list[dict[str, Any]] = [
        {"y": image + 1e-9},
        {"y": ulp},
        {"y": (y + image) / 2},
        {"V": V.T * 1.01},
        {"a": a * 1.001},
    ]
    lies += [{name: plain[name] * 1.25} for name in ("R", "C", "weights", "signal") if name in plain]
    lies += [{name: None} for name in ("signal", "weights") if name in plain] + [
        {"signal": image[0] + np.zeros(V.shape[1])}
    ]
    for lie in lies:
        other = Files.of(certify(_subject(files, **lie), at="start"))
        assert other.document["problem_id"] != original
        yield attempt(f"easier by {list(lie)}, id expected", other, expect=original)
        if (
            "signal" not in lie or "signal" in plain
        ):  # a signal that the user does not have is no part of the user's data
            yield attempt(f"easier by {list(lie)}, data expected", other, data=data)
    names: list[dict[str, Any]] = [
        {"activation": "identity"},
        {"scale": 2.0},
        {"train": "W" if files.problem["train"] == "both" else "both"},
    ]
    for lie in names:  # the arrays are the same: the id tells
        yield attempt(f"easier by {lie}", Files.of(certify(_subject(files, **lie), at="start")), expect=original)
    for wrong in ("", "0" * 64, original[:-1], original.upper() + "x", "*"):
        yield attempt("another id expected", files, expect=wrong)
    yield attempt("data expected that are no file", files, data=b"not a zip file")
    yield attempt("data expected that lack y", files, data=pack([("a.npy", member(a))]))


def swapped(files: Files) -> Iterator[Attempt]:
    """Arrays exchanged in the data file only; then hashes exchanged in the JSON file only."""
    for name, x in files.arrays.items():
        flat = x.reshape(-1)
        lies = {
            "ulp": np.nextafter(flat, np.inf),
            "zero": flat * 0,
            "half": flat / 2,
            "negative": -flat,
            "nan": flat * np.nan,
            "inf": flat + np.inf,
        }
        lies |= {"turned": flat[::-1].copy(), "last bit": np.append(flat[:-1], np.nextafter(flat[-1], np.inf))}
        for how, lie in lies.items():
            if np.array_equal(lie, flat):
                continue  # all zero, or its own mirror image
            other = files.copy()
            other.arrays[name] = lie.reshape(x.shape)
            yield attempt(f"{name} {how} in the data", other)
            if how in ("nan", "inf"):
                yield attempt(f"{name} {how}, hashes right", other.fix())
        table = files.document["witnesses"] if name.startswith("w_") else files.problem["arrays"]
        digest = table[name.removeprefix("w_")]["sha256"]
        for lie in (digest[::-1], digest.upper(), digest[:-1], "0" * 64, digest + "0", ""):
            other = files.copy()
            where = other.document["witnesses"] if name.startswith("w_") else other.problem["arrays"]
            where[name.removeprefix("w_")]["sha256"] = lie
            if lie != digest:
                yield attempt(f"{name}: hash {lie[:8]}", other)
                other.document["problem_id"] = identity(other.problem)
                yield attempt(f"{name}: hash {lie[:8]}, id right", other)
    yield changed(files, "problem_id", lambda f: f.document.update(problem_id="0" * 64))


def witnesses(files: Files) -> Iterator[Attempt]:
    """Witnesses that prove nothing, with their hashes right."""
    rng = np.random.default_rng(0)
    for name, x in files.arrays.items():
        if not name.startswith("w_"):
            continue
        lies = {
            "zero": 0 * x,
            "huge": np.full(x.shape, 1e300),
            "larger": 3 * x if x.ndim == 2 else 0 * x,
            "random": rng.standard_normal(x.shape),
            "tiny": np.full(x.shape, 5e-324),
            "one": np.eye(*x.shape) if x.ndim == 2 else np.eye(1, len(x))[0] * 0,
        }
        if x.ndim == 2 and len(x) > 1:
            lies |= {"turned": x.T.copy(), "singular": np.outer(x[0], x[0]), "off": x + 0.1 * abs(x).max()}
        for how, lie in lies.items():
            other = files.copy()
            other.arrays[name] = lie
            yield attempt(f"{name} {how}", other.fix())
        for shape in ((1, *x.shape), (x.size,), (x.shape[0] + 1, *x.shape[1:])):
            other = files.copy()
            other.arrays[name] = np.resize(x, shape)
            if other.arrays[name].shape != x.shape:
                yield attempt(f"{name} of shape {shape}", other.fix())


def problems(files: Files) -> Iterator[Attempt]:
    """Problems that are none: shapes, ranks, weights, names; hashes right."""
    names = {
        "network": ["three_layer"],
        "activation": ["relu", "TANH", "tanh ", "exp"],
        "train": ["V", "BOTH", ""],
        "loss": ["huber", "L1"],
        "scale": ["0", "0x0.0p+0", "-1", "0/1"],
    }
    for key, lies in names.items():
        for lie in lies:
            yield changed(files, f"{key} {lie!r}", lambda f, key=key, lie=lie: f.problem.update({key: lie}), fix=True)
    arrays = files.arrays
    lies: list[tuple[str, str, np.ndarray]] = [
        ("y", "longer", np.append(arrays["y"], 0)),
        ("y", "2-d", arrays["y"][None]),
        ("a", "shorter", arrays["a"][1:]),
    ]
    lies += [
        ("V", "turned", arrays["V"].T.copy()),
        ("V", "narrow", arrays["V"][:, 1:].copy()),
        ("V", "zero", 0 * arrays["V"]),
    ]
    lies += [
        ("weights", "of one", np.ones(len(arrays["y"]))),
        ("weights", "negative", -np.ones(len(arrays["y"]))),
        ("S", "unknown", np.ones(1)),
    ]
    if "weights" in arrays:
        w = arrays["weights"]
        lies += [
            ("weights", "negative", -w),
            ("weights", "zero", 0 * w),
            ("weights", "partly", np.append(w[:-1], -1e-300)),
            ("weights", "long", np.append(w, 1)),
        ]
    for name in ("R", "C"):
        if name in arrays:
            M = arrays[name]
            flat = np.outer(M[:, 0], M[0])  # rank 1
            lies += [
                (name, "singular", flat),
                (name, "zero", 0 * M),
                (name, "turned", M.T.copy()),
                (name, "empty", M[:0]),
                (name, "half", M / 2),
            ]
    if "signal" in arrays:
        lies += [("signal", "long", np.append(arrays["signal"], 0)), ("signal", "far", arrays["signal"] + 10)]
    for name, how, lie in lies:
        yield changed(files, f"{name} {how}", lambda f, name=name, lie=lie: f.arrays.update({name: lie}), fix=True)
    for shape in ([0], [-1], [], [1, 1, 1], [2.0], [True], ["3"], [10**9], [10**8], [3] * 50):
        yield changed(files, f"a of shape {shape}", lambda f, shape=shape: f.problem["arrays"]["a"].update(shape=shape))
    empty = {"a": np.zeros(0), "V": np.zeros((0, arrays["V"].shape[1]))}
    yield changed(files, "k = 0", lambda f: f.arrays.update(empty), fix=True)
    yield changed(files, "n = 0", lambda f: f.arrays.update(V=np.zeros((len(arrays["a"]), 0))), fix=True)
