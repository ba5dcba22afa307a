"""Section `export`: what is made a file for a phone."""

from typing import Annotated, Literal

from pydantic import Field

from sensegen.params.models import CNNClassifierParams, HHARLSTMClassifierParams, LSTMClassifierParams
from sensegen.params.section import Section


class ExportedCNNParams(CNNClassifierParams):
    """The CNN, perhaps with fewer filters than where size does not count."""

    kind: Literal["cnn"]


class ExportedLSTMParams(LSTMClassifierParams):
    """The LSTM of the UCI HAR seed system."""

    kind: Literal["lstm"]


class ExportedHHARLSTMParams(HHARLSTMClassifierParams):
    """The LSTM of the HHAR seed system."""

    kind: Literal["hhar_lstm"]


ExportedClassifierParams = ExportedCNNParams | ExportedLSTMParams | ExportedHHARLSTMParams


class ExportParams(Section):
    """The classifier, and how many windows calibrate int8 and show how far files are off."""

    classifier: Annotated[ExportedClassifierParams, Field(discriminator="kind")]
    calibration_windows: Annotated[int, Field(ge=1, description="fit windows that show the ranges of int8")]
    generated_windows: Annotated[
        int, Field(ge=1, description="that calibrate the generator's int8, and as many to compare on")
    ]
