"""Conversion of whole planar networks to the sphere: the rooms behind `to_sphere`."""

from .options import Options as Options
from .patches import exact_at as exact_at
from .plan import Place as Place
from .plan import Plan as Plan
from .plan import plan as plan
from .saving import load as load
from .to_sphere import to_sphere as to_sphere
