"""What a person sees while the shop starts."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console


class _Output(Console):
    """Standard output, which may end before the shop does: `pearshop up | head`."""

    def on_broken_pipe(self) -> None:
        """Say nothing any more. Rich would end the process, and nobody would stop its servers."""
        self.quiet = True


class Progress:
    """A line for each step: with a spinner on a terminal, plain elsewhere."""

    def __init__(self) -> None:
        self._console = _Output(highlight=False, soft_wrap=True)

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
