"""Fitting row kernels: a source network cut to its convolutions, and its answers on the sphere."""

from .cache import TargetCache as TargetCache
from .cache import cached_features as cached_features
from .exact import exact_features as exact_features
from .trunk import ConvLayer as ConvLayer
from .trunk import Trunk as Trunk
