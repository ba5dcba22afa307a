"""Filters along time, zero phase, on signals that are already regular (Anguita et al., 2013, section 3)."""

from sensegen.params.windowing import NoFiltering, UciHarFiltering
from sensegen.source import Source

AXES = ("x", "y", "z")


def channels(filtering: NoFiltering | UciHarFiltering, source: Source) -> tuple[str, ...]:
    """Every channel that can be windowed: those of the source, and those that the filtering adds."""
    if isinstance(filtering, NoFiltering):
        return source.channels
    return (*source.channels, *(f"{filtering.body}_{axis}" for axis in AXES))
