"""Transformations of images and feature maps, and how far a layer is from commuting with them."""

from .affine import compose as compose
from .affine import invert as invert
from .affine import rotation as rotation
from .affine import shear as shear
from .affine import shift as shift
from .affine import zoom as zoom
from .commutation import FilterLayer as FilterLayer
from .commutation import commutation_error as commutation_error
from .commutation import filters as filters
from .commutation import there_and_back_error as there_and_back_error
from .warp import affine_warp as affine_warp
