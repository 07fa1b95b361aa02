"""A tiny certifier made of NumPy alone, for the tests of :mod:`verify.recheck`."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import erf

from verify import recheck

UP, DOWN = 1 + 1e-6, 1 - 1e-6
TO_SUP = {"tanh": (1.0, 4 / (3 * math.sqrt(3))), "erf": (2 / math.sqrt(math.pi), 2 * math.sqrt(2 / (math.pi * math.e)))}


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def cholesky(matrix: np.ndarray) -> np.ndarray:
    """L with L L' close to a matrix that is positive semidefinite up to rounding."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return vectors * np.sqrt(np.maximum(values, 0))


class Maker:
    """A tiny certifier: honest estimates with a margin of 1e-6 for every kind, and the files."""

    def __init__(
        self, m: int, p: int, n: int, k: int, seed: int = 0, train: str = "both", noise: float = 0.02, **options: Any
    ) -> None:
        rng = np.random.default_rng(seed)
        self.train, self.activation, self.k = train, options.get("activation", "tanh"), k
        self.scale = options.get("scale", 1.0)
        self.arrays: dict[str, np.ndarray] = {
            "a": rng.standard_normal(k),
            "V": rng.standard_normal((k, n)) / math.sqrt(n),
        }
        self.arrays["V"] *= options.get("size", 1.0)
        if p < n:
            self.arrays["R"] = rng.standard_normal((p, n)) / math.sqrt(n) + 0.5 * np.eye(p, n)
        if m > p:
            self.arrays["C"] = rng.standard_normal((m, p)) / math.sqrt(m)
        self.R, self.C = self.arrays.get("R"), self.arrays.get("C")
        if self.activation == "tanh":
            self.phi, self.D = np.tanh(self.arrays["a"]), 1 - np.tanh(self.arrays["a"]) ** 2
        else:
            self.phi, self.D = erf(self.arrays["a"]), 2 / math.sqrt(math.pi) * np.exp(-(self.arrays["a"] ** 2))
        self.g = self.arrays["V"].T @ self.phi / math.sqrt(k)
        signal = self.g + noise * rng.standard_normal(n)
        self.arrays["y"] = self.T(signal)
        if options.get("weighted"):
            self.arrays["weights"] = rng.uniform(1, 2, m)
        if options.get("signal", True):
            self.arrays["signal"] = signal * self.scale
        self.witnesses: dict[str, np.ndarray] = {}
        self.obligations: list[dict[str, Any]] = []
        self.claims: list[dict[str, Any]] = []
        self.values: dict[str, float] = {}
        self._estimates()

    def T(self, x: np.ndarray) -> np.ndarray:
        x = x if self.R is None else self.R @ x
        return x if self.C is None else self.C @ x

    def whiten(self, X: np.ndarray, name: str, lname: str) -> tuple[np.ndarray, float]:
        """N with N X X' N' = I, and mu a little above |N|^2."""
        U, s, _ = np.linalg.svd(X, full_matrices=False)
        N = (U / s).T
        mu = (1 / s[-1] ** 2) * (1 + 1e-8)
        self.witnesses |= {name: N, lname: cholesky(mu * np.eye(len(N)) - N @ N.T)}
        return N, mu

    def _estimates(self) -> None:
        V, k, n = self.arrays["V"], self.k, self.arrays["V"].shape[1]
        both = self.train == "both"
        B, sF, params, used = np.eye(n), 1.0, {}, []
        if self.R is not None:
            N, mu = self.whiten(self.R, "N", "L_N")
            B, sF, params["mu"] = N @ self.R, sF * np.linalg.svd(self.R)[1][-1], mu.hex()
            used += ["N", "L_N"]
        Pi = np.eye(len(self.arrays["y"]))
        if self.C is not None:
            N, mu = self.whiten(self.C.T, "N_C", "L_N_C")
            self.witnesses["N_C"] = N.T.copy()
            self.witnesses["L_N_C"] = cholesky(mu * np.eye(len(N)) - N.T @ N)
            W = self.C @ N.T
            sF, params["mu_C"], Pi = sF * np.linalg.svd(self.C)[1][-1], mu.hex(), W @ W.T
            used += ["N_C", "L_N_C"]
        self.B, extra, of_C = B, ["N"] if self.R is not None else [], ["N_C"] if self.C is not None else []
        self.add("sigma_F_lower", "whitening" if used else "identity", sF, params, used)
        S = B @ V.T * self.D
        s = np.linalg.svd(S, compute_uv=False)
        f = np.linalg.norm(self.phi) / math.sqrt(k)
        shift = s[-1] ** 2 * (1 - 1e-7)
        self.witnesses["L_sigma0"] = cholesky(S @ S.T - shift * np.eye(len(B)))
        s0 = math.sqrt((f * f if both else 0) + s[-1] ** 2 / k)
        self.add("sigma_0_lower", "shift", s0, {"shift": shift.hex()}, ["L_sigma0", *extra])
        columns = "columns" if self.R is None else "projected"
        self.add("c_V_upper", columns, np.linalg.norm(B @ V.T, axis=0).max(), {}, extra)
        self.add("c_V_lower", columns, np.linalg.norm(B @ V.T, axis=0).max(), {}, extra)
        self.add("c_full_upper", "columns", np.linalg.norm(V, axis=1).max())
        self.add("f_lower", "balls", f)
        self.add("f_upper", "balls", f)
        r = Pi @ (self.T(self.g) - self.arrays["y"])
        w = self.arrays.get("weights", np.ones(len(r)))
        self.add("rho_0_upper", "balls", math.sqrt(w @ r**2 / w.min()), {}, of_C)
        if self.C is None:
            self.add("rho_0_lower", "balls", math.sqrt(w @ r**2 / w.min()))
        for i in (0, 1):
            self.add(f"B{i + 1}_upper", "table", TO_SUP[self.activation][i])
        VD = V.T * self.D
        self.add("J_norm_upper", "frobenius", math.sqrt((f * f if both else 0) + np.sum(VD**2) / k))
        if self.R is None:
            self.add("PKQ_upper", "identity", 0.0)
            self.add("ker_0_upper", "identity", 0.0)
        else:
            Z = VD @ VD.T @ B.T
            Z -= B.T @ (B @ Z)
            mu = np.linalg.norm(Z, 2) ** 2 * (1 + 1e-8)
            self.witnesses["L_PKQ"] = cholesky(mu * np.eye(len(B)) - Z.T @ Z)
            self.add("PKQ_upper", "gram", np.linalg.norm(Z, 2) / k, {"mu": mu.hex()}, ["L_PKQ", "N"])
        if "signal" in self.arrays:
            xbar = self.arrays["signal"] / self.scale
            if self.R is not None:
                z = self.g - xbar
                self.add("ker_0_upper", "projected", np.linalg.norm(z - B.T @ (B @ z)), {}, ["N"])
            self.add("eps_upper", "balls", np.linalg.norm(Pi @ (self.T(xbar) - self.arrays["y"])) + 1e-12, {}, of_C)
            self.add("start_distance_upper", "balls", np.linalg.norm(self.g - xbar))
        if self.R is None:
            self.add("T_norm_upper", *(("identity", 1.0) if self.C is None else ("frobenius", np.linalg.norm(self.C))))
        # what a refutation needs: the last left singular vectors
        if self.C is None:
            U = np.linalg.svd(S, full_matrices=False)[0]
            self.witnesses["w_sigma0"] = U[:, -1].copy()
            self.add("sigma_0_upper", "vector", s0 * (1 + 1e-3), {}, ["w_sigma0", *extra])
            if self.R is not None:
                self.witnesses["z_F"] = np.linalg.svd(self.R)[0][:, -1].copy()
                self.add("sigma_F_upper", "vector", sF, {}, ["z_F", "N"])
            else:
                self.add("sigma_F_upper", "identity", 1.0)

    def add(self, kind: str, method: str, value: float, params: Any = None, witnesses: Any = ()) -> None:
        exact = method in ("identity",)
        value = float(value) * (1 if exact else DOWN if kind.endswith("lower") else UP)
        self.values[kind] = value
        self.obligations.append(
            {"id": kind, "kind": kind, "relation": ">=" if kind.endswith("lower") else "<=", "claim": value.hex(),
             "method": method, "params": params or {}, "witnesses": list(witnesses)}
        )  # fmt: skip

    def claim(self, statement: str, verdict: str = "PROVED", level: float | None = None) -> None:
        v = {key.rsplit("_", 1)[0]: x for key, x in self.values.items() if key.endswith("lower")}
        v |= {key.rsplit("_", 1)[0]: x for key, x in self.values.items() if key.endswith("upper")}
        v |= {key: self.values[key + "_lower"] for key in ("sigma_F", "sigma_0", "f")}
        if verdict == "REFUTED":
            v |= {key: self.values[key + "_lower"] for key in ("c_V", "rho_0")}
            v |= {key: self.values[key + "_upper"] for key in ("sigma_F", "sigma_0", "f")}
        k, both, w_min = self.k, self.train == "both", float(self.arrays.get("weights", np.ones(1)).min())

        def Lam(c: float) -> float:
            X = v["B2"] * c
            return ((X + math.sqrt(X * X + 4 * v["B1"] ** 2)) / 2 if both else X) / math.sqrt(k)

        kinds, _ = recheck.RULES[statement, verdict]
        uses = [kind.split("?")[0] for kind in kinds.split() if both or "?" not in kind]
        h = Lam(v["c_V"]) * v["rho_0"] / (v["sigma_F"] * v["sigma_0"] ** 2)
        radius = 2 * v["rho_0"] / (v["sigma_F"] * v["sigma_0"])
        stop: dict[str, Any] = {}
        if statement == "recover.kernel":
            L = Lam(v["c_full"])
            h = L * v["rho_0"] / (v["sigma_F"] * v["sigma_0"] ** 2)
            ell = v["sigma_0"] / L * (1 - math.sqrt(1 - 2 * h))
            r = (np.arange(20000) + 0.5) / 20000 * ell
            J, K = v["J_norm"], v["PKQ"]
            drift = ell * np.mean((K + L * r * (2 * J + L * r)) / (v["sigma_0"] - L * r)) if self.R is not None else 0.0
            limit = self.scale * math.hypot(v["eps"] / v["sigma_F"], v["ker_0"] + drift)
            numbers = {"h_full": h * UP, "ell": ell * UP, "drift": drift * UP, "limit": limit * UP}
        elif statement == "baseline.recovery":
            dist = max(0.0, v["start_distance"] - (v["sigma_0"] * radius - Lam(v["c_V"]) * radius**2 / 2))
            limit = self.scale * ((1 + v["T_norm"] / v["sigma_F"]) * dist + v["eps"] / v["sigma_F"])
            numbers = {"dist": dist * UP, "limit": limit * UP}
        elif verdict == "REFUTED":
            numbers = {"sharp.condition": {"h": h * DOWN}, "baseline.condition": {"R_prime": radius * DOWN}}.get(
                statement, {}
            )
        elif statement == "sharp.condition":
            a, b = v["sigma_F"] ** 2 * v["sigma_0"] ** 2 * (1 - 2 * h), 2 * v["sigma_F"] * Lam(v["c_V"])
            ell = v["sigma_0"] / Lam(v["c_V"]) * (1 - math.sqrt(1 - 2 * h))
            numbers = {"h": h * UP, "ell_star": ell * UP, "rate": a * w_min * DOWN}
            if level:
                t = math.log(v["rho_0"] * (a + b * level) / (level * (a + b * v["rho_0"]))) / (a * w_min)
                stop = {"level": level.hex(), "time": (max(0.0, t) * UP).hex()}
        elif statement == "baseline.condition":
            numbers = {"R_prime": radius * UP, "rate": w_min * v["sigma_F"] ** 2 * v["sigma_0"] ** 2 / 4 * DOWN}
        else:
            s2 = v["f"] ** 2 - v["B1"] * v["rho_0"] / (v["sigma_F"] * math.sqrt(k))
            s = math.sqrt(s2)
            numbers = {
                "s_star": s * DOWN,
                "rate": w_min * v["sigma_F"] ** 2 * s2 * DOWN,
                "length": v["rho_0"] / v["sigma_F"] / s * UP,
            }
        if level and not stop:
            stop = {"level": level.hex(), "time": (max(0.0, math.log(v["rho_0"] / level) / numbers["rate"]) * UP).hex()}
        conclusions: dict[str, Any] = {key: float(x).hex() for key, x in numbers.items()}
        if stop:
            conclusions["stop"] = stop
        if "limit" in numbers:
            conclusions["vacuous"] = bool(numbers["limit"] >= np.linalg.norm(self.arrays["signal"]))
        self.put(statement, verdict, uses=uses, conclusions=conclusions)

    def put(self, statement: str, verdict: str, **rest: Any) -> None:
        text = recheck.STATEMENTS[statement]
        sha = hashlib.sha256(text.encode()).hexdigest()
        self.claims.append({"statement": statement, "text": text, "text_sha256": sha, "verdict": verdict, **rest})

    def document(self) -> dict[str, Any]:
        used = {use for claim in self.claims for use in claim.get("uses", [])}
        obligations = [item for item in self.obligations if item["id"] in used]
        names = {name for item in obligations for name in item["witnesses"]}
        table = lambda arrays: {key: {"shape": list(x.shape), "sha256": digest(x)} for key, x in arrays.items()}  # noqa: E731
        problem = {
            "network": "two_layer", "activation": self.activation, "train": self.train, "scale": float(self.scale).hex(),
            "loss": "weighted_least_squares" if "weights" in self.arrays else "least_squares", "arrays": table(self.arrays),
        }  # fmt: skip
        canonical = json.dumps(problem, sort_keys=True, separators=(",", ":")).encode()
        return {
            "schema": "dipcert.certificate/1", "problem": problem, "problem_id": hashlib.sha256(canonical).hexdigest(),
            "data": "cert.npz", "witnesses": table({key: x for key, x in self.witnesses.items() if key in names}),
            "obligations": obligations, "claims": self.claims, "assumptions": list(recheck.ASSUMPTIONS),
            "verdict": recheck.overall(self.claims), "origin": {}, "environment": {},
        }  # fmt: skip

    def members(self, document: dict[str, Any]) -> dict[str, bytes]:
        found = {}
        for name, array in {
            **self.arrays,
            **{"w_" + key: self.witnesses[key] for key in document["witnesses"]},
        }.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0))
            found[name + ".npy"] = stream.getvalue()
        return found

    def write(self, folder: Path, document: Any = None, members: Any = None) -> str:
        document = document or self.document()
        with zipfile.ZipFile(folder / "cert.npz", "w") as file:
            for name, raw in (members or self.members(self.document())).items():
                file.writestr(name, raw)
        (folder / "cert.json").write_text(json.dumps(document))
        return str(folder / "cert.json")


CASES = {
    "both": {"m": 4, "p": 4, "n": 6, "k": 400},
    "W": {"m": 4, "p": 4, "n": 6, "k": 400, "train": "W"},
    "erf": {"m": 3, "p": 3, "n": 5, "k": 300, "activation": "erf", "train": "W"},
    "weighted": {"m": 4, "p": 4, "n": 6, "k": 400, "weighted": True},
    "identity": {"m": 5, "p": 5, "n": 5, "k": 400, "scale": 3.0},
    "injective": {"m": 8, "p": 5, "n": 5, "k": 400},
    "truncated": {"m": 8, "p": 4, "n": 6, "k": 400, "scale": 0.5},
}
