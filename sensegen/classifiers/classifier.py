"""What every classifier of windows answers, and what those without gradients share.

Those trained by gradient are `activity.ActivityClassifier`; the others turn windows into features and leave the rest
to an estimator of scikit-learn.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

import numpy as np
from jaxtyping import Float, Int

from sensegen.windows import Windows

Values = Float[np.ndarray, "window time channel"]
Features = Float[np.ndarray, "window feature"]


class Classifier(Protocol):
    """Tells the class of windows, once it has been trained."""

    kind: ClassVar[str]

    def predict_labels(self, values: Values) -> Int[np.ndarray, "window"]:
        """The likeliest class of each window."""


class FeatureClassifier(ABC):
    """Abstract: an estimator on standardised features of windows, trained without gradients of ours."""

    kind: ClassVar[str]
    estimator: Any

    def __init__(self) -> None:
        from sklearn.preprocessing import StandardScaler

        self.scaler = StandardScaler()

    @abstractmethod
    def learn_features(self, values: Values) -> None:
        """Settle what the features are by training windows; no label is looked at."""

    @abstractmethod
    def features(self, values: Values) -> Features:
        """The features of each window."""

    def fit(self, windows: Windows, class_weights: Float[np.ndarray, "class"] | None = None) -> None:
        """Train on labelled windows; a window of class `c` counts `class_weights[c]` times."""
        values = np.asarray(windows.values, np.float32)
        self.learn_features(values)
        weights = None if class_weights is None else class_weights[windows.labels]
        features = self.scaler.fit_transform(self.features(values))
        self.estimator.fit(features, windows.labels, sample_weight=weights)

    def predict_labels(self, values: Values) -> Int[np.ndarray, "window"]:
        """The likeliest class of each window."""
        if not len(values):
            return np.empty(0, np.int64)
        return self.estimator.predict(self.scaler.transform(self.features(np.asarray(values, np.float32))))
