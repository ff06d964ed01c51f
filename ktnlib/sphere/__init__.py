"""Operations on the sphere: the grid, views, rotations and convolution on tangent planes."""

from .conversion import to_sphere as to_sphere
from .gnomonic import camera_spacing as camera_spacing
from .gnomonic import sphere_to_plane as sphere_to_plane
from .gnomonic import tangent_points as tangent_points
from .grid import EquirectGrid as EquirectGrid
from .perspective import place_perspective as place_perspective
from .perspective import render_perspective as render_perspective
from .rotation import rotate_panorama as rotate_panorama
from .row_conv import row_conv2d as row_conv2d
from .row_kernels import RowKernels as RowKernels
from .tangent_conv import tangent_conv2d as tangent_conv2d
from .tangent_layers import TangentConv2d as TangentConv2d
from .tangent_layers import TangentMaxPool2d as TangentMaxPool2d
from .taps import TapTable as TapTable
from .taps import tangent_taps as tangent_taps
from .transformer import KernelTransformer as KernelTransformer
