"""Sections of `params.yaml` from raw files to windows: download, validate, window."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sensegen.params.section import Hertz, PositiveInt, Seconds, Section, Share


class DownloadParams(Section):
    """How patiently archives are fetched."""

    attempts: Annotated[PositiveInt, Field(description="of a file, each going on where the last one ended")]
    timeout_seconds: Annotated[Seconds, Field(description="without an answer, before an attempt is given up")]


class ValidateParams(Section):
    """How strict the gate is; the bounds themselves are declared by the dataset."""

    in_bounds_share: Annotated[float, Field(gt=0, le=1, description="share of samples inside the sensor's range")]
    rate_tolerance: Annotated[float, Field(gt=0, lt=1, description="allowed relative error of the median rate")]
    max_quarantined_share: Annotated[float, Field(ge=0, lt=1, description="of recordings, before the stage fails")]
    reference: Annotated[str | None, Field(description="a reference.json of earlier recordings, to find drift")]
    max_drift: Annotated[float, Field(gt=0, description="population stability index of a channel")]


class NoFiltering(Section):
    """Signals as the sensors gave them."""

    kind: Literal["none"]


class UciHarFiltering(Section):
    """The chain of UCI HAR: median, low-pass, and gravity separated from what the body does."""

    kind: Literal["uci_har"]
    median_samples: Annotated[int, Field(ge=1, le=99, description="of the median filter; odd")]
    low_pass_hz: Annotated[Hertz, Field(description="above which all is taken for noise")]
    gravity_hz: Annotated[Hertz, Field(description="below which acceleration is taken for gravity")]
    order: Annotated[int, Field(ge=1, le=10, description="of the Butterworth filters, which run both ways")]
    acceleration: Annotated[str, Field(description="the signal, in g or m/s2, that gravity is separated from")]
    body: Annotated[str, Field(description="prefix of the new channels: body_acc gives body_acc_x, ...")]

    @model_validator(mode="after")
    def _median_has_a_middle(self) -> Self:
        if self.median_samples % 2 == 0:
            raise ValueError(f"window.filtering.median_samples must be odd, but is {self.median_samples}.")
        return self


class UciHarPublishedFiltering(Section):
    """The chain that UCI HAR's own windows went through, with its numbers: forwards only, which delays."""

    kind: Literal["uci_har_published"]
    acceleration: Annotated[str, Field(description="the signal, in g or m/s2, that gravity is separated from")]
    body: Annotated[str, Field(description="prefix of the new channels: body_acc gives body_acc_x, ...")]


FilteringParams = Annotated[NoFiltering | UciHarFiltering | UciHarPublishedFiltering, Field(discriminator="kind")]


ValidationSubjects = Annotated[
    list[str], Field(min_length=1, description="people by whom anything is chosen: epochs, params, champions")
]


class SubjectSplit(Section):
    """Named people for test and for validation."""

    kind: Literal["subjects"]
    validation_subjects: ValidationSubjects
    test_subjects: Annotated[list[str], Field(min_length=1, description="people who are looked at once, at the end")]

    @model_validator(mode="after")
    def _subjects_are_on_one_side(self) -> Self:
        both = sorted(set(self.validation_subjects) & set(self.test_subjects))
        if both:
            raise ValueError(
                f"window.split.validation_subjects and window.split.test_subjects both name {both}; "
                "a person belongs to one split. Remove them from one of the lists."
            )
        for key in ("validation_subjects", "test_subjects"):
            _each_once(f"window.split.{key}", getattr(self, key))
        return self


class OfficialSplit(Section):
    """The test people that the dataset's authors chose, and validation people named here."""

    kind: Literal["official"]
    validation_subjects: ValidationSubjects

    @model_validator(mode="after")
    def _subjects_are_named_once(self) -> Self:
        _each_once("window.split.validation_subjects", self.validation_subjects)
        return self


class KFoldSplit(Section):
    """People dealt into folds: fold `fold` is test, the next one validation."""

    kind: Literal["k_fold"]
    folds: Annotated[int, Field(ge=3, le=100, description="groups of people")]
    fold: Annotated[int, Field(ge=0, description="the one that is test; the first is 0")]

    @model_validator(mode="after")
    def _fold_is_one_of_them(self) -> Self:
        if self.fold >= self.folds:
            raise ValueError(
                f"window.split.fold must be below window.split.folds ({self.folds}), since the first is 0, but is "
                f"{self.fold}."
            )
        return self


class LeaveOneOutSplit(Section):
    """One person is test, the next in the dataset's order is validation."""

    kind: Literal["leave_one_out"]
    test_subject: Annotated[str, Field(description="the one person who is test")]


class InTimeSplit(Section):
    """Every recording by time, a window apart: for one subject; it proves nothing about new people."""

    kind: Literal["in_time"]
    validation_share: Annotated[Share, Field(description="of each recording's time")]
    test_share: Annotated[Share, Field(description="of each recording's time")]

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError(
                "window.split.validation_share and window.split.test_share must leave something to fit on, but are "
                f"{self.validation_share} and {self.test_share}."
            )
        return self


SplitParams = Annotated[
    SubjectSplit | OfficialSplit | KFoldSplit | LeaveOneOutSplit | InTimeSplit, Field(discriminator="kind")
]


class WindowParams(Section):
    """Resampling, filtering, windows and the four splits."""

    rate_hz: Annotated[Hertz, Field(description="to which every signal is brought")]
    window_seconds: Annotated[Seconds, Field(description="length of a window")]
    overlap: Annotated[float, Field(ge=0, lt=1, description="share of a window that the next one repeats")]
    max_gap_seconds: Annotated[float, Field(gt=0, description="a longer gap splits the recording")]
    channels: Annotated[list[str], Field(min_length=1, description="of the dataset, in this order")]
    resampling: Annotated[
        Literal["polyphase", "rolling_mean"], Field(description="how a faster signal comes down to rate_hz")
    ]
    filtering: FilteringParams
    label_purity: Annotated[float, Field(gt=0.5, le=1, description="share of a window that its activity covers")]
    dropped_labels: Annotated[list[str], Field(description="classes that get no windows, such as transitions")]
    split: SplitParams
    held_out_time_share: Annotated[
        Share, Field(description="last part of each activity of each other person, never trained on, to find copies by")
    ]
    balance: Annotated[
        Literal["none", "undersample", "oversample"], Field(description="of the classes of the fit windows")
    ]

    @model_validator(mode="after")
    def _names_are_named_once(self) -> Self:
        for key in ("channels", "dropped_labels"):
            _each_once(f"window.{key}", getattr(self, key))
        return self


def _each_once(key: str, values: list[str]) -> None:
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(f"{key} names {repeated} more than once; name each once.")
