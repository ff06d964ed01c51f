"""The methods of `to_sphere` by name."""

from collections.abc import Callable

from .network import SphereNetwork
from .options import Options as Options
from .plan import Plan

Builder = Callable[[Plan, Options], SphereNetwork]
METHODS: dict[str, Builder] = {}
