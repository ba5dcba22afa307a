"""The `dataset` section of `params.yaml`: one class a dataset, told apart by `name`."""

from typing import Annotated, Literal

from pydantic import Field

from sensegen.params.section import Section


class SimulatedParams(Section):
    """The built-in simulator of a body-worn inertial unit."""

    name: Literal["simulated"]
    seconds_per_activity: Annotated[float, Field(ge=5, le=3600, description="of each person")]


class UciHarParams(Section):
    """UCI HAR as published: windows of 128 samples at 50 Hz."""

    name: Literal["uci_har"]


class HaptParams(Section):
    """HAPT: the continuous recordings behind UCI HAR, with postural transitions."""

    name: Literal["hapt"]


class HharParams(Section):
    """HHAR: phones and watches of many models, each at its own rate."""

    name: Literal["hhar"]
    experiment: Annotated[Literal["activity", "still"], Field(description="people moving, or devices lying still")]
    clock: Annotated[Literal["creation", "arrival"], Field(description="which of the two timestamps to believe")]


class Pamap2Params(Section):
    """PAMAP2: three inertial units and a heart rate, 18 activities."""

    name: Literal["pamap2"]


class DsadsParams(Section):
    """DSADS: five inertial units, 19 daily and sports activities."""

    name: Literal["dsads"]


class HungarianChickenpoxParams(Section):
    """Weekly cases of chickenpox in the 20 counties of Hungary: no people, no labels."""

    name: Literal["hungarian_chickenpox"]


class ExamStressParams(Section):
    """Students with an Empatica E4 in exams."""

    name: Literal["exam_stress"]
    label: Annotated[Literal["exam", "grade"], Field(description="which exam it was, or whether its grade was high")]


class KEmoConParams(Section):
    """Debates with an Empatica E4; given out on request only, so `folder` names the user's own copy."""

    name: Literal["k_emocon"]
    folder: Annotated[str, Field(min_length=1, description="of your own copy")]
    annotator: Annotated[Literal["self", "partner", "external"], Field(description="whose judgement is the label")]
    target: Annotated[Literal["arousal", "valence"], Field(description="of what was judged, high or low")]


class FilesParams(Section):
    """The user's own files, as a description in YAML explains them."""

    name: Literal["files"]
    description: Annotated[str, Field(min_length=1, description="path of the description")]


DatasetParams = Annotated[
    SimulatedParams
    | UciHarParams
    | HaptParams
    | HharParams
    | Pamap2Params
    | DsadsParams
    | HungarianChickenpoxParams
    | ExamStressParams
    | KEmoConParams
    | FilesParams,
    Field(discriminator="name"),
]
