"""Where a node's values lie on the source's plane, and where they lie after a step."""

from dataclasses import dataclass
from fractions import Fraction

from .steps import Border, Resize, Step, Transposed, Whole, Window

Number = int | Fraction


@dataclass(frozen=True)
class Place:
    """Where the values of one node lie: a "map" of units, or "pooled", one value a channel.

    Fields: `stride`, source pixels from one unit to the next; `reach`, side of the square about its centre
    that a unit sees, source pixels; `centre`, source-pixel coordinate (down, across) of unit 0's centre when
    the model itself runs with its own padding.
    """

    kind: str = "map"
    stride: Number = 1
    reach: Number = 1
    centre: tuple[Number, Number] = (0, 0)


def after(place: Place, step: Step | None) -> Place:
    """Where the values lie after a step on a map at `place`."""
    stride, reach = place.stride, place.reach
    if isinstance(step, Window):
        shifts = (Fraction(extent, 2) - pad for extent, pad in zip(step.extent, step.padding, strict=True))
        centre = tuple(old + stride * shift for old, shift in zip(place.centre, shifts, strict=True))
        return Place("map", stride * step.stride, reach + stride * max(step.extent), centre)
    if isinstance(step, Transposed):
        extents = [(side - 1) * gap for side, gap in zip(step.kernel_size, step.dilation, strict=True)]
        finer = Fraction(stride) / step.stride
        shifts = (pad - Fraction(extent, 2) for extent, pad in zip(extents, step.padding, strict=True))
        centre = tuple(old + finer * shift for old, shift in zip(place.centre, shifts, strict=True))
        return Place("map", finer, reach + finer * max(extents), centre)
    if isinstance(step, Resize):
        # an output unit lies up to (f − 1)/2f units off the nearest one it reads, (2f − 1)/2f off the other
        farthest = Fraction(step.factor - 1 if step.mode == "nearest" else 2 * step.factor - 1, step.factor)
        shift = stride * Fraction(1 - step.factor, 2 * step.factor)
        farthest = farthest if step.factor > 1 else 0
        centre = tuple(old + shift for old in place.centre)
        return Place("map", Fraction(stride) / step.factor, reach + stride * farthest, centre)
    if isinstance(step, Border):
        centre = tuple(old - stride * pad for old, pad in zip(place.centre, step.padding, strict=True))
        return Place("map", stride, reach, centre)
    return Place("pooled") if isinstance(step, Whole) else place
