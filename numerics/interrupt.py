"""Ctrl-C between two steps rather than in the middle of one: no state is ever half updated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Request", "deferred"]


class Request:
    """Whether Ctrl-C has been pressed; whether a second time, so that work was broken off."""

    made = False
    forced = False


@contextmanager
def deferred(breakable: bool = False) -> Iterator[Request]:
    """While inside, Ctrl-C only sets `made`; on the way out it becomes KeyboardInterrupt, unless `made` was reset.

    With `breakable` a second Ctrl-C is KeyboardInterrupt at once, for whoever cannot wait.  Nothing is changed outside the
    main thread, which is where Python delivers signals, or where somebody handles SIGINT in a way of their own.

    >>> with deferred() as request:
    ...     signal.raise_signal(signal.SIGINT)
    ...     request.made = not request.made
    """
    request = Request()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield request
        return

    def note(_number: int, _frame: FrameType | None) -> None:
        if request.made and breakable:
            request.forced = True
            raise KeyboardInterrupt
        request.made = True

    signal.signal(signal.SIGINT, note)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if request.made:
        raise KeyboardInterrupt
