"""Generator families: one file each, and one line here. A family is imported when it is asked for."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from sensegen import weights
from sensegen.params.models import GeneratorParams
from sensegen.windows import WindowShape

if TYPE_CHECKING:
    from sensegen.generators.generator import Generator

GENERATORS = {
    "mdn_rnn": "sensegen.generators.mdn_rnn",
    "flow_matching": "sensegen.generators.flow_matching",
    "mlp_gan": "sensegen.generators.mlp_gan",
    "wgan": "sensegen.generators.wgan",
    "wgan_gp": "sensegen.generators.wgan_gp",
    "sensegen_paper": "sensegen.generators.sensegen_paper",
    "cse555": "sensegen.generators.cse555",
}


def build_generator(shape: WindowShape, params: GeneratorParams, seed: int) -> "Generator":
    """A generator of the family `params.kind`, with new weights."""
    return importlib.import_module(GENERATORS[params.kind]).build(shape, params, seed)


def load_generator(folder: Path) -> "Generator":
    """The generator that `Generator.save` wrote."""
    from sensegen.generators.generator import TrainedOn

    config, arrays = weights.load(folder)
    params = TypeAdapter(GeneratorParams).validate_python(config["params"])
    generator = build_generator(WindowShape(**config["shape"]), params, seed=0)
    generator.assign(arrays)
    told = config.get("trained_on")
    generator.trained_on = TrainedOn(**told) if told else None
    return generator
