"""What a contender is."""

from __future__ import annotations

from typing import Any


class Contender:
    """One way to do the task of a comparison.

    Class attributes
    ----------------
    needs: modules that have to be installed; the worker looks for them before it makes the contender.
    per_run: how many times `run` does the task (iterations, say); timings are divided by it.
    """

    needs: tuple[str, ...] = ()
    per_run: int = 1

    def prepare(self, case: dict[str, Any]) -> None:
        """Make the instance of the case and whatever does not belong to the task.  Not timed with the task."""
        raise NotImplementedError

    def configure(self, **settings: Any) -> None:
        """Change settings: attributes unless a contender has something better to do."""
        for name, setting in settings.items():
            setattr(self, name, setting)

    def run(self) -> Any:
        """Do the task: this is timed."""
        raise NotImplementedError

    def answer(self, result: Any) -> Any:
        """What is compared with the reference, from what `run` returned: plain floats or arrays.  Not timed."""
        return result

    def note(self) -> str:
        """What a reader should know besides the figures (steps taken, method chosen)."""
        return ""
