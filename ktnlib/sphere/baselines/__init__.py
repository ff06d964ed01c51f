"""What a transfer to the sphere is held against: the plain ways of laying a planar layer over a panorama."""

from .direct import direct_conv2d as direct_conv2d
from .interpolated import interpolated_conv2d as interpolated_conv2d
from .projected import projected_conv2d as projected_conv2d
from .projected import projected_kernel as projected_kernel
