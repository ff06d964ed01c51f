"""Options that belong to one method of `to_sphere` alone."""

from collections.abc import Mapping

from .options import Options


def own_options(options: Options, defaults: Mapping[str, object]) -> dict[str, object]:
    """What was asked for beside the options of every method, with defaults for the rest.

    Raises:
        ValueError: an option that the method has not.

    >>> own_options(Options("interpolate", extra={"every": 8}), {"every": 16})
    {'every': 8}
    """
    for name in options.extra:
        if name not in defaults:
            known = ", ".join(f"`{one}`" for one in defaults) or "none of its own"
            raise ValueError(f"`{name}` is no option of method {options.method!r}; wanted {known}")
    return dict(defaults) | dict(options.extra)
