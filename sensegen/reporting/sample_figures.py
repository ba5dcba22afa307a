"""A quick look at a generator while it trains: a real window and three generated ones of each activity."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sensegen.reporting import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE, TITLE, LEFT, BETWEEN = 0.8, 0.3, 0.35, 0.1  # inches
MOST_CHANNELS = 9
Values = Float[np.ndarray, "window time channel"]


def draw_samples(real: Values, generated: Values, names: Sequence[str]) -> "Figure":
    """Row `i` shows window `i` of `real`, and beside it an equal share of `generated`, in scaled units.

    At most nine channels are drawn. Rows have the y range of their real window, and half of it more on either side.
    """
    count = len(generated) // len(names)
    width = (drawing.WIDTH_INCHES - LEFT) / (1 + count) - BETWEEN
    drawn = drawing.figure(TITLE + len(names) * (LINE + TITLE))
    for row, name in enumerate(names):
        top = TITLE + row * (LINE + TITLE)
        drawing.write(drawn, LEFT, top - 0.06, f"{name}: real, and generated", size=7.5)
        low, high = np.min(real[row, :, :MOST_CHANNELS]), np.max(real[row, :, :MOST_CHANNELS])
        reach = max(high - low, 1e-3) / 2
        for column, window in enumerate((real[row], *generated[row * count : (row + 1) * count])):
            axes = drawing.place(drawn, LEFT + column * (width + BETWEEN), top, width, LINE)
            axes.plot(window[:, :MOST_CHANNELS], linewidth=0.7)
            axes.set_ylim(low - reach, high + reach)
            axes.tick_params(labelbottom=False, labelleft=column == 0, length=2)
    return drawn
