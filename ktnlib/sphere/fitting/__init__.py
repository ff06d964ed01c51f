"""Fitting row kernels: a source network cut to its convolutions, and its answers on the sphere."""

from .exact import exact_features as exact_features
from .trunk import ConvLayer as ConvLayer
from .trunk import Trunk as Trunk
