"""An activity classifier as files: trained on the fit windows, its ranges found by some of them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float

from sensegen.classifiers.activity import ActivityClassifier
from sensegen.evaluation.usefulness import fitted_classifier
from sensegen.export import converting, fused_lstm, lstm_onnx
from sensegen.export.lstm_layers import Layers
from sensegen.params.export import ExportedClassifierParams
from sensegen.training_run import Training
from sensegen.windows import Windows, WindowShape

Calibration = Float[np.ndarray, "window time channel"]
Files = dict[str, bytes]


def trained(fit: Windows, params: ExportedClassifierParams, training: Training) -> ActivityClassifier:
    """The classifier that params ask for, trained on the fit windows."""
    model = fitted_classifier(params.kind, fit, params, training, "classifier")
    assert isinstance(model, ActivityClassifier), "params name no other kind"
    return model


def files_of(model: ActivityClassifier, shape: WindowShape, calibration: Calibration) -> Files:
    """The classifier in each format: scaled windows in, logits out."""
    return WAYS[model.kind](model, shape, np.asarray(calibration, np.float32))


def _converted(model: ActivityClassifier, shape: WindowShape, calibration: Calibration) -> Files:
    window = tf.TensorSpec((1, shape.length, shape.channels), tf.float32)
    exportable = converting.Exportable(model.call, {"window": window}, [calibration])
    files = converting.to_litert(exportable, converting.FORMATS)
    return {**files, "onnx": converting.to_onnx(exportable)}


def _fused(model: ActivityClassifier, shape: WindowShape, calibration: Calibration) -> Files:
    layers = Layers.of(model, shape.length)
    return {**fused_lstm.to_litert(layers, calibration), "onnx": lstm_onnx.to_onnx(layers)}


WAYS: Mapping[str, Callable[[Any, WindowShape, Calibration], Files]] = {
    "cnn": _converted,
    "lstm": _fused,
    "hhar_lstm": _fused,
}
