"""What a terminal can show: progress on stderr, and mathematics on terminals that have no Greek."""

from __future__ import annotations

import codecs
import math
import unicodedata
from types import TracebackType
from typing import IO, Any

#: Stand-ins for characters that reports use; whatever else cannot be encoded loses its accents or becomes "?".
ASCII = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "θ": "theta", "κ": "kappa", "λ": "lambda",
    "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ψ": "psi",
    "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega", "ℓ": "ell", "‖": "||", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "∞": "inf", "√": "sqrt",
    "∇": "grad ", "⟨": "<", "⟩": ">",
    "∈": "in", "∉": "not in", "∫": "int", "·": "*", "×": "x", "−": "-", "–": "-", "—": "-", "…": "...", "→": "->",
    "⇒": "=>", "⟂": "_|_", "⊂": "in", "⁺": "+", "⁻": "-", "¹": "1", "²": "^2", "³": "^3", "⁴": "^4", "½": "1/2",
    "¼": "1/4", "ᵀ": "^T", "₀": "0", "₁": "1", "₂": "2", "ₖ": "k", "⋆": "*", "°": " deg", "✓": "ok", "✗": "x", "•": "*",
    "′": "'", "“": '"', "”": '"', "‘": "'", "’": "'", "█": "#", "━": "-", "─": "-", "│": "|", "\u0304": "bar",
    "Ł": "L", "ł": "l", "ø": "o", "Ø": "O", "ß": "ss", "æ": "ae", "ı": "i",
}  # fmt: skip


def _transliterate(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_plain(character) for character in error.object[error.start : error.end]), error.end


def _plain(character: str) -> str:
    if character in ASCII:
        return ASCII[character]
    base = unicodedata.normalize("NFKD", character)
    return "".join(c if c.isascii() else ASCII.get(c, "?" if len(base) == 1 else "") for c in base)


codecs.register_error("dipcert", _transliterate)


def make_printable(stream: Any) -> None:
    """Let `stream` write what its encoding lacks in ASCII (σ as ``sigma``) instead of failing."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="dipcert")


class Progress:
    """A bar that follows the loss on its way down; call it with (t, loss, loss_stop), name what is going on by `stage`.

    Use `Progress.on(stream)`: it gives None unless the stream is a terminal.
    """

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, state="")
        self._first: float | None = None
        self._bar.start()

    def stage(self, text: str) -> None:
        """Say what is being done, without a known end."""
        self._first = None
        self._bar.update(self._task, description=text, total=None, state="")

    def __call__(self, t: float, loss: float, loss_stop: float) -> None:
        """Show time and loss; the bar measures how far the logarithm of the loss is on its way to `loss_stop`."""
        if self._first is None:
            self._first = loss
        state = f"t = {t:.3g}, loss {loss:.3g}"
        if 0.0 < loss_stop < self._first and loss > 0.0:
            done = math.log(self._first / loss) / math.log(self._first / loss_stop)
            self._bar.update(self._task, description="gradient flow", total=1.0, completed=done, state=state)
        else:
            self._bar.update(self._task, description="gradient flow", total=None, state=state)

    def count(self, text: str, done: int, total: int) -> None:
        """Show how many of a known number of things are done."""
        self._bar.update(self._task, description=text, total=total, completed=done, state=f"{done} of {total}")

    def close(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    @staticmethod
    def on(stream: IO[str]) -> _Shown:
        """A context that shows progress on `stream` if that is a terminal, and gives None otherwise."""
        return _Shown(stream)


class _Shown:
    def __init__(self, stream: IO[str]) -> None:
        self._progress = Progress(stream) if stream is not None and stream.isatty() else None

    def __enter__(self) -> Progress | None:
        return self._progress

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.close()
