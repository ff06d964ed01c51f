"""Conversion of whole planar networks to the sphere: the rooms behind `to_sphere`."""

from .options import Options as Options
from .plan import Place as Place
from .plan import Plan as Plan
from .plan import plan as plan
from .to_sphere import to_sphere as to_sphere
