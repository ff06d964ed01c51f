"""The few functions that raise input errors: what was given, what is wanted, what to do."""

import math
from collections.abc import Iterable

from torch import Tensor


def image_batch(name: str, value: Tensor) -> Tensor:
    """Refuse what is no floating-point batch of images, (batch, channel, height, width)."""
    floating(name, value)
    if value.ndim != 4:
        hint = f"; add the batch axis: `{name}[None]`" if value.ndim == 3 else ""
        raise ValueError(
            f"`{name}` has shape {tuple(value.shape)}; wanted four axes (batch, channel, height, width){hint}"
        )
    return value


def panorama(name: str, value: Tensor) -> Tensor:
    """Refuse what is no batch of equirectangular images; the width is even, a pole fold is half a turn."""
    image_batch(name, value)
    height, width = value.shape[-2:]
    if height < 1 or width < 2 or width % 2:
        raise ValueError(
            f"`{name}` is {height} x {width} pixels; wanted an even width of at least 2, because a sample "
            "that passes a pole comes back half a revolution away; resample it to height x 2*height first"
        )
    return value


def floating(name: str, value: Tensor) -> Tensor:
    """Refuse what is no floating-point tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"`{name}` is a {type(value).__name__}; wanted a torch tensor; try `torch.as_tensor({name})`"
        )
    if not value.is_floating_point():
        raise TypeError(
            f"`{name}` has dtype {value.dtype}; wanted a floating-point image in [0, 1]; "
            f"convert it first: `{name}.float() / 255`"
        )
    return value


def same_device(**tensors: Tensor | None) -> None:
    """Refuse tensors that lie on different devices."""
    places = {name: str(value.device) for name, value in tensors.items() if value is not None}
    if len(set(places.values())) > 1:
        listed = ", ".join(f"`{name}` on {place}" for name, place in places.items())
        raise ValueError(f"{listed}; wanted all on one device; move them with `.to(device)`")


def finite(name: str, value: float | int) -> float:
    """Refuse NaN and infinity."""
    if not isinstance(value, (int, float)):
        raise TypeError(
            f"`{name}` is a {type(value).__name__}; wanted a number in radians or pixels, as documented; "
            f"`float({name})` makes one of a tensor's or an array's"
        )
    if not math.isfinite(value):
        raise ValueError(f"`{name}` is {value}; wanted a finite number")
    return float(value)


def between(name: str, value: float | int, low: float | int, high: float | int, unit: str) -> float:
    """Refuse numbers outside the open interval (low, high); an infinite end is not spoken of."""
    finite(name, value)
    if not low < value < high:
        wanted = f"more than {low:g}" + (f" and less than {high:g}" if math.isfinite(high) else "")
        raise ValueError(f"`{name}` is {value:g}; wanted {wanted} {unit}".rstrip())
    return float(value)


def positive_int(name: str, value: int) -> int:
    """Refuse what is no whole number of at least one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"`{name}` is a {type(value).__name__}; wanted a whole number; try `int({name})`")
    if value < 1:
        raise ValueError(f"`{name}` is {value}; wanted a whole number of at least 1")
    return value


def finite_values(name: str, value: Tensor) -> Tensor:
    """Refuse features that hold NaN or infinity."""
    if bad := int((~value.isfinite()).sum()):
        raise ValueError(
            f"`{name}` holds {bad} values that are NaN or infinite; wanted finite features; look for the "
            "panorama or layer they come from"
        )
    return value


def choice(name: str, value: str, allowed: Iterable[str]) -> str:
    """Refuse what is not in the table, and list the table."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise ValueError(f"`{name}` is {value!r}; wanted one of {', '.join(map(repr, allowed))}")
    return value
