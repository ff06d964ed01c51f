"""The kernel transformer as published: bands of tied rows, a residual branch, and what they cost."""

from .bands import BandShape as BandShape
from .bands import band_shapes as band_shapes
from .cost import HeadCost as HeadCost
from .cost import head_cost as head_cost
from .cost import vgg16_costs as vgg16_costs
from .head import PublishedHead as PublishedHead
from .projection import tap_projection as tap_projection
from .spacing import published_spacing as published_spacing
from .vgg import VGG16 as VGG16
from .vgg import PublishedLayer as PublishedLayer
