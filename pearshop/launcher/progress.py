"""What a person sees while the shop starts."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console


class Progress:
    """A line for each step: with a spinner on a terminal, plain elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line, if it can be printed: a log on a full disk is no reason to stop."""
        with contextlib.suppress(OSError):
            self._console.print(text, markup=False)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that `text` is under way, then how long it took."""
        began = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(text):
                yield
        else:
            self.say(f"{text} ...")
            yield
        self.say(f"{text}: {time.monotonic() - began:.1f} s")
