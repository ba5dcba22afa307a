"""Control: each class as one stationary linear process, a vector autoregression (Lütkepohl, 2005, chapter 3).

A sample is a linear map of the five samples before it, in all channels, and Gaussian noise with the covariance of what
the map leaves over. It has the class's levels, spreads, and correlations over short times; it has no phase, no gait
cycle beyond what damped oscillations give, and no person.

Unlike in the textbook, where one series is given and the start is that of the fitted process, here the start is
Gaussian with the covariance of five consecutive samples as the class has it: for a process that is one, that is the
same, and where the levels of windows hardly move the fitted roots are so near to one that their own spread means
nothing.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view

from sensegen.evaluation.blocks import blocks
from sensegen.evaluation.by_class import Draw, Labels, Values, drawn_by_class
from sensegen.windows import Windows

ORDER = 5  # samples that a sample depends on
EQUATIONS = 2  # how many samples there must be for every coefficient of a channel
LARGEST_ROOT = 0.999  # where the fitted process would grow

Coefficients = Float[np.ndarray, "past channel"]  # past = lag * channel, the latest sample first


def autoregression(fit: Windows, labels: Labels, seed: int) -> Values:
    """Windows of the wanted classes, each a stretch of its class's stationary vector autoregression; float32.

    Raises:
        ValueError: if a wanted class has too few samples for its coefficients.
    """
    return drawn_by_class("autoregression", _autoregression, fit, labels, seed)


def _autoregression(windows: Windows, stream: np.random.Generator) -> Draw:
    values = windows.values
    length, channels = values.shape[1:]
    order = _order(windows)
    mean = _mean(values)
    start_factor, coefficients, noise_factor = least_squares(values, mean, order)
    coefficients = stable(coefficients)

    def draw(count: int) -> Values:
        series = np.empty((count, length, channels))
        past = stream.standard_normal((count, order * channels)) @ start_factor
        series[:, :order] = past.reshape(count, order, channels)[:, ::-1]
        for at in range(order, length):
            past = series[:, at - order : at][:, ::-1].reshape(count, -1)
            series[:, at] = past @ coefficients + stream.standard_normal((count, channels)) @ noise_factor
        return series + mean

    return draw


def _order(windows: Windows) -> int:
    """The most samples of the past, up to `ORDER`, for which a class has enough equations."""
    count, length, channels = windows.values.shape
    for order in range(min(ORDER, length - 1), 0, -1):
        if count * (length - order) >= EQUATIONS * order * channels:
            return order
    raise ValueError(
        f"An autoregression of {channels} channels needs {EQUATIONS * channels} pairs of neighbouring samples of a "
        f"class, but {windows.classes[windows.labels[0]]} has {count * (length - 1)} (windows: {count}, samples "
        f"each: {length}). Record more of it, or name it in window.dropped_labels."
    )


def _mean(values: Values) -> Float[np.ndarray, "channel"]:
    return sum(block.sum(axis=(0, 1)) for block in blocks(values)) / (len(values) * values.shape[1])


def least_squares(
    values: Values, mean: Float[np.ndarray, "channel"], order: int
) -> tuple[Float[np.ndarray, "past past"], Coefficients, Float[np.ndarray, "channel channel"]]:
    """The coefficients of a sample on those before it, and how the past and what is left over spread.

    The spreads are factors F: standard normal rows times F have the covariance FᵀF. No window is joined to the next.
    One triangle is carried from block to block (QR), which squares no condition number as the sums of products would.
    """
    triangle, equations = np.empty((0, (order + 1) * values.shape[2])), 0
    for rows in _equations(values, mean, order):
        triangle = _triangle(np.concatenate([triangle, rows]))
        equations += len(rows)
    past, now = np.split(triangle / np.sqrt(equations), [order * values.shape[2]], axis=1)
    coefficients = np.linalg.lstsq(past, now, rcond=None)[0]
    return _triangle(past), coefficients, _triangle(now - past @ coefficients)


def _triangle(rows: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "factor column"]:
    """The triangle R of RᵀR = rowsᵀ rows; it has no more rows than columns."""
    return np.asarray(np.linalg.qr(rows, mode="r"))


def _equations(
    values: Values, mean: Float[np.ndarray, "channel"], order: int
) -> Iterator[Float[np.ndarray, "equation past_and_now"]]:
    """Rows of the past, the latest sample first, and the sample that followed."""
    for block in blocks(values):
        stretches = sliding_window_view(block - mean, order + 1, axis=1)[..., ::-1].swapaxes(2, 3)
        now, past = stretches[:, :, :1], stretches[:, :, 1:]
        yield np.concatenate([past, now], axis=2).reshape(-1, (order + 1) * values.shape[2])


def stable(coefficients: Coefficients) -> Coefficients:
    """The coefficients, every root of theirs drawn in by one factor where the process would grow.

    The matrix of lag k times s to the power of k has all roots of the process times s.
    """
    past, channels = coefficients.shape
    companion = np.eye(past, k=channels)
    companion[:, :channels] = coefficients
    radius = np.abs(np.linalg.eigvals(companion)).max()
    if radius < 1:
        return coefficients
    lags = np.repeat(np.arange(1, past // channels + 1), channels)
    return coefficients * ((LARGEST_ROOT / radius) ** lags)[:, None]
