"""What a search may change: `spaces/NAME.yaml`, a preset to begin with and values or ranges of params by their keys."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from sensegen import params as schema
from sensegen import presets
from sensegen.params import InvalidParams, Params
from sensegen.params.section import Section

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Value = bool | int | float | str
Condition = Annotated[
    dict[str, Value],
    Field(default_factory=dict, description="params that must have these values for this one to be there"),
]
DIGITS = 6
POINTS = 200  # drawn of a space to find out whether it has corners that are no params


class Choice(Section):
    """One of some values."""

    values: Annotated[list[Value], Field(min_length=1)]
    when: Condition

    def drawn(self, trial: "BaseTrial", key: str) -> Value:
        """The value that a trial tries."""
        chosen: Value = trial.suggest_categorical(key, self.values)  # type: ignore[assignment]  # no value is None
        return chosen


class Range(Section):
    """A number between two, whole if these are; `log` where its size counts, not its difference."""

    low: float | int
    high: float | int
    log: bool
    when: Condition

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"low must be below high, and above 0 where log, but are {self.low} and {self.high}.")
        return self

    def drawn(self, trial: "BaseTrial", key: str) -> Value:
        """The value that a trial tries."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(key, self.low, self.high, log=self.log)
        return trial.suggest_float(key, self.low, self.high, log=self.log)


class Space(Section):
    """A preset that is applied first, and the params that a search changes on top."""

    preset: str
    search: Annotated[dict[str, Choice | Range], Field(min_length=1)]

    def drawn(self, trial: "BaseTrial") -> dict[str, Value]:
        """What a trial tries, by key; what is not there in its case is left out."""
        tried: dict[str, Value] = {}
        for key, dimension in self.search.items():
            if all(tried.get(other) == value for other, value in dimension.when.items()):
                tried[key] = dimension.drawn(trial, key)
        return tried


def read(folder: Path, name: str) -> Space:
    """A space by its name.

    Raises:
        InvalidParams: if there is none of that name, or it is not as a space must be.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in folder.glob("*.yaml")))
        raise InvalidParams(f"There is no search space {name!r} in {folder}. There are: {known}.")
    try:
        return Space.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise InvalidParams(f"{path} is no search space: {error}") from None


def present(text: str, space: Space) -> dict[str, Value]:
    """What a params file says of each key of a space, as far as it has them."""
    document = yaml.safe_load(text)
    found: dict[str, Value] = {}
    for key in space.search:
        within = document
        for folder in key.split("."):
            within = within.get(folder) if isinstance(within, dict) else None
        if within is not None:
            found[key] = within
    return found


def preset_text(values: Mapping[str, Value]) -> str:
    """Values by dotted key as the text of a preset."""
    stream = StringIO()
    yaml.safe_dump(_nested(values), stream, sort_keys=False)
    return stream.getvalue()


def tried_params(text: str, values: Mapping[str, Value]) -> Params:
    """The params of the text of a params file with these values, taken as `presets.applied` takes a preset: a mapping
    that names its kind is replaced.

    Raises:
        InvalidParams: if they cannot be used together.
    """
    document = _merged(yaml.safe_load(text), _nested(values))
    return schema.check(document, f"params.yaml with {dict(values)}")


def _nested(values: Mapping[str, Value]) -> dict[str, Any]:
    """Values by section. Of a fraction six digits count, so that a preset, written and read, is what was tried."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *folders, last = key.split(".")
        within = nested
        for folder in folders:
            within = within.setdefault(folder, {})
        within[last] = float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
    return nested


def _merged(old: Any, new: Any) -> Any:
    """On plain mappings, since a space is tried at hundreds of points: `presets` keeps comments, and is slow."""
    if not (isinstance(old, dict) and isinstance(new, dict)) or "kind" in new:
        return new
    return old | {key: _merged(old.get(key), value) for key, value in new.items()}


def base_text(root: Path, space: Space, epochs: int | None = None) -> str:
    """The text of params.yaml with the space's preset, and with the epochs of a trial where they are others."""
    committed = (root / "params.yaml").read_text(encoding="utf-8")
    text = presets.applied(committed, presets.read(root / "presets", space.preset))
    return text if epochs is None else presets.applied(text, f"train_generator: {{epochs: {epochs}}}")


def impossible(text: str, space: Space, seed: int) -> list[str]:
    """Of points drawn of a space, why those that are no params are none.

    Raises:
        InvalidParams: if none of the points is.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    reasons = []
    for _ in range(POINTS):
        try:
            tried_params(text, space.drawn(study.ask()))
        except InvalidParams as error:
            reasons.append(str(error))
    if len(reasons) == POINTS:
        raise InvalidParams(f"No point of the search space makes params that can be used. The last: {reasons[-1]}")
    return reasons
