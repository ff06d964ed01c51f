"""SphConv: row kernels of their own for every layer, fitted beforehand."""

from collections.abc import Mapping

from ..row_kernels import RowKernels
from .extras import own_options
from .layerwise import LayerwiseNetwork
from .options import Options
from .plan import Plan
from .sampled import transformed_network
from .steps import Window


def sphconv_network(plan: Plan, options: Options) -> LayerwiseNetwork:
    """Row kernels for every convolution of more than one tap, from `transformer`; `pooling` as for "ktn".

    Raises:
        ValueError: layers without row kernels; the message says how to fit them.

    Source: Su and Grauman, Learning Spherical Convolution, NeurIPS 2017.
    """
    own = own_options(options, {"pooling": None})
    given = options.transformer if isinstance(options.transformer, Mapping) else {}
    missing = [name for name in wide_convolutions(plan) if not isinstance(given.get(name), RowKernels)]
    if missing:
        listed = ", ".join(map(repr, missing[:3])) + (f" and {len(missing) - 3} more" * (len(missing) > 3))
        raise ValueError(
            f"`transformer` has no row kernels for {listed}; wanted a dictionary {{layer: RowKernels}} for "
            'method="sphconv"; fit them by `ktnlib.sphere.fitting.fit_sphconv(model, panoramas, …)`'
        )
    return transformed_network(plan, options, own["pooling"])


def wide_convolutions(plan: Plan) -> list[str]:
    """Names of the convolutions of more than one tap, in the order in which they run."""
    return [
        node.target
        for node, step in plan.steps.items()
        if isinstance(step, Window) and step.what == "conv" and step.kernel_size != (1, 1)
    ]
