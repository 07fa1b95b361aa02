"""The problem file: its tables, their keys, and one line of cause and remedy for whatever is wrong with them.

`load` reads a TOML file into a frozen `ProblemSpec`; `parse` does the same from a dictionary. Tables that choose an
item of a registry (signal, operator, synthesis) have the fields of that item's dataclass as keys, so a new operator
needs no change here. Numbers are checked strictly: ``width = 30.0``, ``true`` for a number, NaN and infinity are
refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from verify.tables import ProblemError, Table, as_table, item, item_to_dict, known_keys, one_of, validate
from verify.toml_file import read_toml

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class Noise(Table):
    """[noise]: how the data differ from A x̄. With a [signal], noise is made; with an [observation], it is described."""

    kind: Literal["gaussian"] = "gaussian"
    """Distribution of drawn noise: gaussian."""
    relative: NonNegative | None = None
    """Expected noise norm over ‖A x̄‖: entries have deviation relative·‖A x̄‖/√m (with a [signal])."""
    level: NonNegative | None = None
    """Standard deviation of an entry (with a [signal])."""
    norm: NonNegative | None = None
    """‖ε‖ itself: drawn noise is scaled to it; for an [observation] it is what the user knows."""
    values: tuple[float, ...] | None = None
    """The noise vector, one number per entry of the data."""
    file: str | None = None
    """File (.npy, .csv, .txt) with the noise vector."""


class Observation(Table):
    """[observation]: measured data, when the true signal is not known."""

    values: tuple[Any, ...] | None = None
    """The data: a list of numbers, or of rows for an image."""
    file: str | None = None
    """File (.npy, .csv, .txt) with the data."""
    signal_shape: tuple[int, ...] | None = None
    """Shape of the unknown signal, [n] or [h, w]; by default the operator's columns, else the data's own shape."""


class Init(Table):
    """[network.init]: the random initialization."""

    W_std: Positive = 1.0
    """Standard deviation of the entries of W (positive)."""
    V: str = "rademacher"
    """Distribution of the entries of V: rademacher, uniform, truncated_normal or gaussian."""
    V_scale: Positive = 1.0
    """Factor on V (positive)."""


class Network(Table):
    """[network]: the two-layer network g(θ) = V φ(W u)/√k."""

    width: Annotated[int, Field(ge=1)]
    """Number k of hidden neurons, an integer of at least 1."""
    activation: str = "tanh"
    """Name of the activation function φ."""
    train: Literal["both", "W"] = "both"
    """What is trained: both layers, or W only."""
    output_scale: Positive = 1.0
    """Factor s in x = s S g(θ) (positive)."""
    antisymmetric: bool = False
    """Paired neurons of opposite sign, so that x(0) = 0 (the width must be even)."""
    input: tuple[float, ...] | None = None
    """The fixed input u, normalised to length 1; drawn on the sphere when absent (only W u matters)."""
    init: Init = Init()
    """The table [network.init]."""


class Loss(Table):
    """[loss]: what the flow minimises."""

    kind: str = "least_squares"
    """Name of the loss."""
    weights: Positive | tuple[float, ...] | None = None
    """Positive weights of the squared residuals: one number, or one per entry of the data."""
    file: str | None = None
    """File (.npy, .csv, .txt) with the weights."""


class Stop(Table):
    """[stop]: early stopping by the discrepancy principle."""

    tau: Annotated[float, Field(gt=1)] = 1.5
    """τ > 1: the run is stopped when ‖y(t) − y‖ ≤ τ‖ε‖."""


class Flow(Table):
    """[flow]: how the gradient flow is integrated."""

    t_max: Positive = 1e6
    """Time at which the run ends at the latest (positive)."""
    loss_tol: Annotated[float, Field(ge=0, lt=1)] = 1e-12
    """The run ends when the loss is below this fraction of its initial value (0 ≤ loss_tol < 1)."""
    rtol: Annotated[float, Field(ge=1e-13, le=1e-2)] = 1e-9
    """Relative tolerance of the integrator, 1e-13 to 1e-2."""
    method: Literal["auto", "exponential", "DOP853", "Radau", "BDF", "LSODA"] = "auto"
    """Integration method: auto, exponential (stiffness costs little), DOP853 (explicit), or Radau, BDF, LSODA (small)."""
    max_seconds: Positive | None = 60.0
    """Wall-clock limit in seconds (positive)."""
    points_per_decade: Annotated[int, Field(ge=1, le=1000)] = 8
    """Stored times per decade of t, 1 to 1000."""


class ProblemSpec(Table):
    """A problem file with every default filled in. Frozen; `resolved()` and `hash()` identify it."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    title: str = ""
    """What the report is headed with."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of everything that is drawn, an integer of at least 0."""
    signal: Any = None
    """[signal]: an item of numerics.signals.SIGNALS, or None."""
    operator: Any = None
    """[operator]: an item of numerics.operators.OPERATORS."""
    rank: Literal["full", "truncate"] = "full"
    """[operator] rank: what to do with a rank-deficient operator: refuse it (full) or truncate its SVD (truncate)."""
    synthesis: Any = None
    """[synthesis]: an item of numerics.operators.OPERATORS, or None."""
    noise: Noise | None = None
    """[noise], or None."""
    observation: Observation | None = None
    """[observation], or None."""
    network: Network
    """[network]."""
    loss: Loss = Loss()
    """[loss]."""
    stop: Stop = Stop()
    """[stop]."""
    flow: Flow = Flow()
    """[flow]."""
    base: Path = Field(default=Path(), exclude=True)
    """Directory that relative paths in the file refer to."""

    def resolved(self) -> dict[str, Any]:
        """Every key with its value, and the SHA-256 of every file referred to: what identifies the problem."""
        plain = self.model_dump(mode="json", exclude={"signal", "operator", "synthesis", "rank", "base"})
        plain["signal"] = item_to_dict(self.signal, "source")
        plain["operator"] = item_to_dict(self.operator, "kind")
        if plain["operator"] is not None:
            plain["operator"]["rank"] = self.rank
        plain["synthesis"] = item_to_dict(self.synthesis, "kind")
        plain["files"] = {name: _digest(self.base / name) for name in sorted(set(_files(plain)))}
        return plain

    def hash(self) -> str:
        """SHA-256 (hexadecimal) of the canonical JSON of `resolved()`: sorted keys, no blanks."""
        text = json.dumps(self.resolved(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def load(path: str | Path) -> ProblemSpec:
    """Read a problem file (TOML, UTF-8). ProblemError says in one line what is wrong and what to do."""
    path = Path(path)
    return parse(read_toml(path, "problem"), base=path.parent)


def parse(data: Mapping[str, Any], base: str | Path = ".") -> ProblemSpec:
    """The specification in a dictionary laid out like a problem file; relative paths refer to `base`.

    From Python, numbers and lists may be NumPy's, and an operator (or synthesis) may be the thing itself: a
    `scipy.sparse.linalg.LinearOperator`, a sparse matrix or an array, by itself or as ``operator`` of a table of the kind
    ``linear_operator``.  Signal, operator and synthesis may also be ready-made items of their registries.
    """
    from numerics.operators import OPERATORS, OperatorSpec
    from numerics.signals import SIGNALS

    keys = [key for key in ProblemSpec.model_fields if key not in ("rank", "base")]
    known_keys(data, keys, "the problem file")
    rest = dict(data)
    values: dict[str, Any] = {}
    if "signal" in rest:
        values["signal"] = item(rest.pop("signal"), SIGNALS, "source", "signal")
    if "operator" in rest:
        table = _itself(rest.pop("operator"))
        if not isinstance(table, OperatorSpec):
            table = as_table(table, "operator")
            values["rank"] = one_of(table.pop("rank", "full"), ("full", "truncate"), "[operator] rank")
        values["operator"] = item(_itself(table), OPERATORS, "kind", "operator")
    if "synthesis" in rest:
        table = _itself(rest.pop("synthesis"))
        if not isinstance(table, OperatorSpec):
            table = {"kind": "fourier_synthesis", **as_table(table, "synthesis")}
        values["synthesis"] = item(_itself(table), OPERATORS, "kind", "synthesis")
    if "loss" in rest:  # before its keys: p = 3 is not unknown, its loss cannot be run
        runnable_loss(as_table(rest["loss"], "loss").get("kind", "least_squares"))
    for name, model in _TABLES.items():
        if name in rest:
            values[name] = validate(model, as_table(rest.pop(name), name), name)
    if "network" not in values:
        raise ProblemError("the problem file has no [network]; add [network] with width = <number of neurons>")
    head = validate(_Head, rest, "")
    spec = ProblemSpec.model_construct(**values, title=head.title, seed=head.seed, base=Path(base))
    _consistent(spec)
    return spec


def _itself(given: Any) -> Any:
    """A linear operator of Python's, by itself or in a table of its kind, as an item of the registry; else what was given."""
    from numerics.operators.linear_operator import FromLinearOperator

    if hasattr(given, "shape") and hasattr(given, "dtype"):
        return FromLinearOperator(given)
    inside = isinstance(given, Mapping) and given.get("kind") == FromLinearOperator.kind
    if not (inside and hasattr(given.get("operator"), "shape")) or "rank" in given:  # rank is read before
        return given
    known_keys(given, ("kind", "operator", "output_shape"), "[operator]")
    shape = given.get("output_shape")
    return FromLinearOperator(given["operator"], None if shape is None else tuple(shape))


RUN_LOSSES = ("least_squares", "weighted_least_squares")
"""The losses whose problems can be run."""

_TABLES: dict[str, type[Table]] = {
    "noise": Noise, "observation": Observation, "network": Network, "loss": Loss, "stop": Stop, "flow": Flow,
}  # fmt: skip


class _Head(Table):
    """The keys outside any table."""

    title: str = ""
    """a text."""
    seed: Annotated[int, Field(ge=0)] = 0
    """an integer of at least 0."""


def _consistent(spec: ProblemSpec) -> None:
    """What concerns several keys at once, and the names of registries that numerics and theory own."""
    from numerics.initialization import ENTRY_DISTRIBUTIONS
    from theory.activations import ACTIVATIONS

    one_of(spec.network.activation, ACTIVATIONS, "[network] activation")
    one_of(spec.network.init.V, ENTRY_DISTRIBUTIONS, "[network.init] V")
    runnable_loss(spec.loss.kind)
    if spec.operator is None:
        raise ProblemError('the problem file has no [operator]; add [operator] with kind = "identity" or another kind')
    if spec.signal is not None and spec.observation is not None:
        raise ProblemError(
            "[signal] and [observation] are both given; keep [signal] to simulate data from a known truth, "
            "or [observation] to use measured data"
        )
    if spec.signal is None and spec.observation is None:
        raise ProblemError(
            'there are no data; add [signal] (a known truth, such as source = "mri") or [observation] (measured data)'
        )
    if spec.network.antisymmetric and spec.network.width % 2:
        raise ProblemError(
            f"[network] antisymmetric pairs the neurons but width = {spec.network.width} is odd; "
            f"use width = {spec.network.width + 1}"
        )
    if spec.network.input is not None and not any(spec.network.input):
        raise ProblemError(
            f"[network] input = 0 ({len(spec.network.input)} entries), so the network would not depend on W; "
            "give a nonzero input, or none (it is then drawn on the sphere)"
        )
    if spec.observation is not None:
        _exactly_one(spec.observation, ("values", "file"), "observation")
    if spec.noise is not None:
        _exactly_one(spec.noise, ("relative", "level", "norm", "values", "file"), "noise")
        drawn = next((key for key in ("relative", "level") if getattr(spec.noise, key) is not None), None)
        if spec.observation is not None and drawn:
            raise ProblemError(
                f"[noise] {drawn} draws noise, but the data of [observation] are already noisy; "
                "give norm = <‖ε‖> if it is known, values or file if the noise itself is, or remove [noise]"
            )
    _consistent_weights(spec.loss)


def runnable_loss(kind: Any) -> str:
    """`kind` if a problem with that loss can be run; ProblemError otherwise, with what can.

    The constants and guarantees of a run are rounded outward for ρ = √(2L/w_min): another loss would get wrong ones.
    """
    from theory.losses import LOSSES

    if isinstance(kind, str) and kind in LOSSES and kind not in RUN_LOSSES:
        raise ProblemError(
            f'[loss] kind = "{kind}" is in the theory (kl.{kind} in docs/statements.md) but cannot be run yet; '
            f"use one of {', '.join(RUN_LOSSES)}"
        )
    return one_of(kind, RUN_LOSSES, "[loss] kind")


def _consistent_weights(loss: Loss) -> None:
    given = loss.weights is not None or loss.file is not None
    if loss.weights is not None and loss.file is not None:
        raise ProblemError("[loss] has both weights and file; keep one of them")
    if loss.kind == "weighted_least_squares" and not given:
        raise ProblemError('[loss] weighted_least_squares needs weights; add weights = [..], or kind = "least_squares"')
    if loss.kind != "weighted_least_squares" and given:
        raise ProblemError(f'[loss] {loss.kind} has no weights; remove them, or set kind = "weighted_least_squares"')


def _exactly_one(table: Table, keys: tuple[str, ...], name: str) -> None:
    given = [key for key in keys if getattr(table, key) is not None]
    if len(given) != 1:
        what = f"it has {' and '.join(given)}; keep one" if given else "it has none; add one"
        raise ProblemError(f"[{name}] needs exactly one of {', '.join(keys)}, but {what}")


def _files(plain: Any) -> Iterator[str]:
    if isinstance(plain, dict):
        for key, value in plain.items():
            if key == "file" and isinstance(value, str):
                yield value
            else:
                yield from _files(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from _files(value)


def _digest(path: Path) -> str | None:
    """SHA-256 of a file's content; None if it cannot be read (building the problem then says why)."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
