"""The methods of `to_sphere` by name."""

from collections.abc import Callable

from .direct import direct_network
from .interpolate import exact_network, interpolated_network
from .network import SphereNetwork
from .options import Options as Options
from .plan import Plan
from .projected import projected_network
from .row_fitted import sphconv_network
from .sampled import equiconv_network, ktn_network, spherenet_network
from .views import cubemap_network, cubemap_zero_network, tangent_image_network

Builder = Callable[[Plan, Options], SphereNetwork]

METHODS: dict[str, Builder] = {
    "ktn": ktn_network,
    "spherenet": spherenet_network,
    "equiconv": equiconv_network,
    "direct": direct_network,
    "direct-wrap": direct_network,
    "direct-zero": direct_network,
    "sphconv": sphconv_network,
    "projected": projected_network,
    "cubemap": cubemap_network,
    "cubemap-zero": cubemap_zero_network,
    "tangent-images": tangent_image_network,
    "exact": exact_network,
    "interpolate": interpolated_network,
}
