"""What every section of `params.yaml` is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Hertz = Annotated[float, Field(gt=0, le=10_000)]
Epochs = Annotated[int, Field(gt=0, description="passes over what is learned from")]
Layers = Annotated[int, Field(ge=1, le=8, description="recurrent layers")]


class Section(BaseModel):
    """A mapping in `params.yaml`: every key is needed, none may be added, numbers are not guessed from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
