"""Numbers as bars: where each stands in a picture that is 100 high. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

HEIGHT = 100.0
STEP = 10.0
"""From the left of a bar to the left of the next."""
WIDTH = 8.0
LEAST = 1.0
"""The height of the smallest number that is not none, so that it is seen."""


class Bar(NamedTuple):
    """A bar from the ground up; `y` is counted from the top."""

    x: float
    y: float
    height: float


def bars(numbers: Sequence[int]) -> list[Bar]:
    """Return the bars of numbers that are not negative, the largest as high as the picture."""
    largest = max(numbers, default=0)
    heights = [max(LEAST, HEIGHT * each / largest) if each else 0.0 for each in numbers]
    return [
        Bar(at * STEP + (STEP - WIDTH) / 2, round(HEIGHT - height, 2), round(height, 2))
        for at, height in enumerate(heights)
    ]
