"""Every kind of classifier, by the name that its section of `params.yaml` has."""

from collections.abc import Callable
from typing import Any

from sensegen.classifiers.activity import CNNClassifier, LSTMClassifier
from sensegen.classifiers.classifier import Classifier
from sensegen.classifiers.encoded import EncoderBoostingClassifier, EncoderSVMClassifier
from sensegen.classifiers.gru import GRUClassifier
from sensegen.classifiers.hhar_lstm import HHARLSTMClassifier
from sensegen.classifiers.random_convolution import RandomConvolutionClassifier
from sensegen.classifiers.residual_lstm import ResidualLSTMClassifier
from sensegen.classifiers.textured import TexturedCNN

# Each is called with the shape of a window, its section, and a seed.
KINDS: dict[str, Callable[[Any, Any, int], Classifier]] = {
    "lstm": LSTMClassifier,
    "cnn": CNNClassifier,
    "textured_cnn": TexturedCNN,
    "residual_lstm": ResidualLSTMClassifier,
    "gru": GRUClassifier,
    "hhar_lstm": HHARLSTMClassifier,
    "random_convolution": RandomConvolutionClassifier,
    "encoder_svm": EncoderSVMClassifier,
    "encoder_boosting": EncoderBoostingClassifier,
}
