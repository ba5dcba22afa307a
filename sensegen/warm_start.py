"""A generator begins with the weights of another one, where their shapes agree; the others begin anew, and are named.

What is trained is carried over, and nothing else: spectra, begins and styles are taken from the windows at hand. How
much is trained anew is for the data to say (docs/warm_starts.md): of similar data all of it, or the last layers alone
where there is little.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sensegen import weights
from sensegen.generators.generator import Generator, TrainedOn
from sensegen.params import InvalidParams
from sensegen.params.models import WarmStartParams
from sensegen.windows import Windows

KEY = "train_generator.warm_start"


@dataclass(frozen=True)
class CarriedOver:
    """The names of the arrays that were carried over, and why each of the others begins anew."""

    carried: Sequence[str]
    anew: Mapping[str, str]

    def lines(self) -> list[str]:
        """For a person, a line each."""
        return [f"{len(self.carried)} of {len(self.carried) + len(self.anew)} layers' weights fit"] + [
            f"anew: {name}, {reason}" for name, reason in self.anew.items()
        ]

    def document(self, params: WarmStartParams | None) -> str:
        """As JSON, with the model that they are of; without one, nothing was carried over."""
        return json.dumps({"model": params.model_dump() if params else None, **asdict(self)}, indent=2) + "\n"


def begin(generator: Generator, fit: Windows, params: WarmStartParams | None, root: Path) -> CarriedOver:
    """Carry over what fits from the model that the params name, if they do.

    Raises:
        InvalidParams: the model is not there or not the one that was meant, is of another kind or rate, nothing of it
            fits, or what is to stay as it is does not exist, begins anew, or is all there is.
    """
    if params is None:
        return CarriedOver([], {})
    config, arrays = _loaded(root / params.model, params)
    if config["kind"] != generator.kind:
        raise InvalidParams(
            f"{KEY}.model must be of kind {generator.kind}, as train_generator.generator.kind, but {params.model} is "
            f"of kind {config['kind']}."
        )
    compared = compare(generator, arrays)
    _same_rate(config.get("trained_on"), fit, compared)
    if not compared.carried:
        raise InvalidParams("\n".join([f"Nothing of {KEY}.model {params.model} fits:", *compared.lines()]))
    _can_be_frozen(params.frozen, generator.trained(), compared)
    carry_over(generator, arrays, compared)
    return compared


def compare(generator: Generator, arrays: Mapping[str, np.ndarray]) -> CarriedOver:
    """Which of a generator's trained arrays could be those of the same name."""
    mine, carried, anew = generator.arrays(), [], {}
    for name in generator.trained():
        if name not in arrays:
            anew[name] = "which that model has not"
        elif arrays[name].shape != mine[name].shape:
            anew[name] = f"of shape {mine[name].shape}, there {arrays[name].shape}"
        else:
            carried.append(name)
    return CarriedOver(carried, anew)


def carry_over(generator: Generator, arrays: Mapping[str, np.ndarray], compared: CarriedOver) -> None:
    """Give the generator the arrays that fit."""
    generator.assign(generator.arrays() | {name: arrays[name] for name in compared.carried})


@contextmanager
def frozen(model: Any, layers: Sequence[str]) -> Iterator[None]:
    """Layers, as `of_layer` has them, are not trained in this block."""
    from sensegen.keras_weights import trained_variables

    held = [variable for name, variable in trained_variables(model).items() if of_layer(name, layers)]
    for variable in held:
        variable.trainable = False
    try:
        yield
    finally:
        for variable in held:
            variable.trainable = True


def of_layer(name: str, layers: Sequence[str]) -> bool:
    """Whether a weight is of one of these layers, or of a layer inside one."""
    return any(f"/{layer}/" in f"/{name}/" for layer in layers)


def _can_be_frozen(layers: Sequence[str], trained: Sequence[str], compared: CarriedOver) -> None:
    """A layer that begins anew and is never trained would stay at random."""
    known = ", ".join(dict.fromkeys(name.rpartition("/")[0] for name in trained))
    for layer in layers:
        if not any(of_layer(name, [layer]) for name in trained):
            raise InvalidParams(f"{KEY}.frozen names no layer by {layer!r}. There are: {known}.")
    if anew := [name for name in compared.anew if of_layer(name, layers)]:
        raise InvalidParams(
            f"{KEY}.frozen must name layers that come from the model, but {anew[0]} begins anew "
            f"({compared.anew[anew[0]]}). Leave that layer out."
        )
    if all(of_layer(name, layers) for name in trained):
        raise InvalidParams(f"{KEY}.frozen must leave a layer to train, but names all of them: {known}.")


def _loaded(folder: Path, params: WarmStartParams) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        found = weights.digest(folder)
    except FileNotFoundError as error:
        raise InvalidParams(
            f"{KEY}.model must name the folder of a generator, but there is no {error.filename}. "
            "`sensegen warm-start MODEL` puts one there."
        ) from None
    if found != params.sha256:
        raise InvalidParams(
            f"{KEY}.sha256 must be that of {params.model}, but is {params.sha256} and the folder's is {found}. Was it "
            "changed? `sensegen warm-start MODEL` takes a model anew."
        )
    return weights.load(folder)


def _same_rate(told: Mapping[str, Any] | None, fit: Windows, compared: CarriedOver) -> None:
    trained_on = TrainedOn(**told) if told else None
    if trained_on and not np.isclose(trained_on.rate_hz, fit.rate_hz, rtol=1e-6):
        raise InvalidParams(
            "\n".join(
                [
                    f"{KEY}.model must be trained on windows of {fit.rate_hz:g} Hz, as window.rate_hz, but was on "
                    f"{trained_on.rate_hz:g} Hz ({', '.join(trained_on.channels)}): the same motion has other samples "
                    "there. Bring both to one rate. By their shapes alone:",
                    *compared.lines(),
                ]
            )
        )
