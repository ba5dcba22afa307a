"""A linear Gaussian process of several channels: each sample is foretold by those before it (Lütkepohl, 2005).

A stretch begins with samples that have fewer before them than the process looks back to, so that there are
coefficients of several orders, of which each sample has the highest that it can.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view

OWN_PENALTY = 1.0  # of the coefficient on the sample before, in observations of variance 1; more for earlier ones
LEAST_VARIANCE = 1e-6  # of what cannot be foretold, as a share of a channel's variance

Past = Float[np.ndarray, "row past"]  # past = lag * channel, the latest sample first


def ladder(order: int) -> list[int]:
    """The orders that the samples of a stretch have, the first of which has none before it."""
    return [0, *(2**power for power in range(order.bit_length()) if 2**power < order), order]


def order_at(sample: int, order: int) -> int:
    """The order that a sample of a stretch has, counted from its begin."""
    return max(step for step in ladder(order) if step <= sample)


def equations(values: Float[np.ndarray, "time channel"], order: int) -> tuple[Past, Float[np.ndarray, "row channel"]]:
    """Of each sample that has `order` samples before it: those, and itself."""
    rows = sliding_window_view(values, order + 1, axis=0)[..., ::-1].swapaxes(1, 2)
    return rows[:, 1:].reshape(len(rows), -1), rows[:, 0]


@dataclass(frozen=True)
class Products:
    """Sums over samples of the products of past and past, past and present, present and present; and their number."""

    past: Float[np.ndarray, "past past"]
    across: Float[np.ndarray, "past channel"]
    now: Float[np.ndarray, "channel channel"]
    count: float

    @classmethod
    def of(cls, values: Float[np.ndarray, "time channel"], order: int, variance: float) -> Self:
        """Of a stretch, as if it had been divided by the root of `variance`."""
        past, now = equations(values, order)
        return cls(past.T @ past / variance, past.T @ now / variance, now.T @ now / variance, len(now))

    def __add__(self, other: "Products") -> "Products":
        return Products(
            self.past + other.past, self.across + other.across, self.now + other.now, self.count + other.count
        )


@dataclass(frozen=True)
class Autoregression:
    """`coefficients` (lag * channel, channel, the latest lag first) and the covariance of what they leave over, by
    order."""

    coefficients: Mapping[int, Float[np.ndarray, "past channel"]]
    covariances: Mapping[int, Float[np.ndarray, "channel channel"]]

    @property
    def order(self) -> int:
        """How many samples it looks back to."""
        return max(self.coefficients)

    @property
    def channels(self) -> int:
        """How many channels it is of."""
        return len(self.covariances[0])

    def block(self, order: int) -> Float[np.ndarray, "place place"]:
        """The precision that a sample adds to itself and the `order` samples before it, in order of time."""
        channels = self.channels
        lags = [np.eye(channels), *(-self.coefficients[order].reshape(order, channels, channels).swapaxes(1, 2))]
        map_ = np.concatenate(lags[::-1], axis=1)
        return np.asarray(map_.T @ np.linalg.solve(self.covariances[order], map_))

    def log_precision(self, length: int) -> float:
        """The logarithm of the determinant of the precision of a stretch."""
        of_order = {step: -float(np.linalg.slogdet(matrix)[1]) for step, matrix in self.covariances.items()}
        return sum(of_order[order_at(at, self.order)] for at in range(length))

    def misfit(self, values: Float[np.ndarray, "time channel"]) -> float:
        """Mean square of what a stretch leaves over, in units of what is expected; of samples of the full order."""
        past, now = equations(values, self.order)
        left_over = now - past @ self.coefficients[self.order]
        return float(np.mean(left_over * np.linalg.solve(self.covariances[self.order], left_over.T).T))


def fitted(products: Products, order: int, cross_penalty: float) -> Autoregression:
    """Ridge regression of every order up to `order`; coefficients on other channels are held by `cross_penalty`, as by
    Litterman (1986), and infinity leaves each channel alone."""
    channels = len(products.now)
    variances = np.diag(products.now) / products.count + np.finfo(float).tiny
    coefficients, covariances = {}, {}
    for step in ladder(order):
        among = slice(0, step * channels)
        chosen = _ridge(products.past[among, among], products.across[among], variances, cross_penalty)
        left_over = _left_over(products, chosen) / products.count
        if np.isinf(cross_penalty):
            left_over = np.diag(np.diag(left_over))
        coefficients[step] = chosen
        covariances[step] = left_over + np.diag(LEAST_VARIANCE * variances)
    return Autoregression(coefficients, covariances)


def _ridge(
    past: Float[np.ndarray, "past past"],
    across: Float[np.ndarray, "past channel"],
    variances: Float[np.ndarray, "channel"],
    cross_penalty: float,
) -> Float[np.ndarray, "past channel"]:
    channels = len(variances)
    lags = np.repeat(np.arange(1, len(past) // channels + 1), channels)
    of_past = np.tile(variances, len(past) // channels) * lags
    if cross_penalty == OWN_PENALTY:
        return np.linalg.solve(past + np.diag(OWN_PENALTY * of_past), across)
    chosen = np.zeros_like(across)
    for channel in range(channels):
        own = np.arange(len(past)) % channels == channel
        used = own if np.isinf(cross_penalty) else np.ones(len(past), bool)
        penalty = np.where(own, OWN_PENALTY, cross_penalty)[used] * of_past[used]
        chosen[used, channel] = np.linalg.solve(past[np.ix_(used, used)] + np.diag(penalty), across[used, channel])
    return chosen


def _left_over(products: Products, chosen: Float[np.ndarray, "past channel"]) -> Float[np.ndarray, "channel channel"]:
    among = slice(0, len(chosen))
    explained = chosen.T @ products.across[among]
    return products.now - explained - explained.T + chosen.T @ products.past[among, among] @ chosen
