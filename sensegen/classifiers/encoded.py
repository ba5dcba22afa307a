"""Classical learners on features of a convolutional network: the transfer of "different data, little of it".

The network is trained first, on the same windows, as any classifier of its kind; then it is frozen, and what its last
layer sees (a number a filter) is all that the learner gets. It never has seen other windows than the learner has: one
trained on real windows would tell a learner of synthetic ones what only real ones can.
"""

from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from sensegen.classifiers.activity import CNNClassifier
from sensegen.classifiers.classifier import FeatureClassifier, Features, Values
from sensegen.params.models import CNNClassifierParams, EncoderBoostingParams, EncoderSVMParams
from sensegen.seeding import derived_seed
from sensegen.windows import Windows, WindowShape


class EncodedParams(Protocol):
    """The section of a learner on an encoder."""

    @property
    def encoder(self) -> CNNClassifierParams: ...


class EncodedClassifier(FeatureClassifier):
    """Abstract: an estimator on the features of `encoder`, which has to be trained before `fit`."""

    def __init__(self, shape: WindowShape, params: EncodedParams, seed: int):
        super().__init__()
        self.encoder = CNNClassifier(shape, params.encoder, seed)

    def learn_features(self, values: Values) -> None:
        """Nothing: the encoder is frozen."""

    def features(self, values: Values) -> Features:
        """What the encoder's last layer sees."""
        return self.encoder.features(values)


class EncoderSVMClassifier(EncodedClassifier):
    """A support vector machine with a radial kernel (Cortes & Vapnik, 1995)."""

    kind = "encoder_svm"
    estimator: Any

    def __init__(self, shape: WindowShape, params: EncoderSVMParams, seed: int):
        from sklearn.svm import SVC

        super().__init__(shape, params, seed)
        self.estimator = SVC(C=params.cost)


class EncoderBoostingClassifier(EncodedClassifier):
    """Gradient boosting of trees on binned features (Friedman, 2001; Ke et al., 2017)."""

    kind = "encoder_boosting"
    estimator: Any

    def __init__(self, shape: WindowShape, params: EncoderBoostingParams, seed: int):
        from sklearn.ensemble import HistGradientBoostingClassifier

        super().__init__(shape, params, seed)
        self.estimator = HistGradientBoostingClassifier(
            max_iter=params.trees,
            learning_rate=params.learning_rate,
            early_stopping=False,
            random_state=derived_seed(seed, self.kind),
        )

    def fit(self, windows: Windows, class_weights: Float[np.ndarray, "class"] | None = None) -> None:
        """Train on labelled windows, in one thread: threads that wait for each other in turns take minutes where
        other processes keep the processors busy."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="openmp"):
            super().fit(windows, class_weights)
