"""What `to_sphere` was asked for, beside the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Options:
    """The same record for every method.

    Fields: the `method`'s name; `spacing` in sphere radii, None for 2π/width of each panorama; `resolution`
    "pyramid" or "full"; `transformer` as `to_sphere` takes it; `height` of the panoramas to prepare for, None
    for whatever comes; `extra` for the method alone.
    """

    method: str = "ktn"
    spacing: float | None = None
    resolution: str = "pyramid"
    transformer: object = None
    height: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
