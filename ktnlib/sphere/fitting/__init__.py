"""Fitting row kernels to a network: what it would answer on the sphere, and kernels that come close.

The whole way, from a network to a fitted set in a file and back, here for the room net at 16 rows; real
panoramas take 128 rows or more, some ten of them, and `TargetCache` keeps their exact features:

>>> import tempfile, torch
>>> from pathlib import Path
>>> from ktnlib import data
>>> from ktnlib.sphere import EquirectGrid, KernelTransformer, row_conv2d

Cut the network after its third convolution, and run it on a tangent patch at every pixel:

>>> trunk = Trunk(data.source_network("room-net"), until="conv3")
>>> _, panorama = data.panoramas(height=16)[0]
>>> exact = exact_features(trunk, panorama)

Fit a kernel transformer to every layer behind the first, and hold it against bilinear taps:

>>> fitted = fit_taps(trunk, panorama, exact, knots=8, every=1)
>>> def error(kernels):
...     answer = transformed_features(trunk, panorama, kernels)
...     return ((answer["conv3"] - exact["conv3"]).norm() / exact["conv3"].norm()).item()
>>> error(fitted) < 0.9 * error({})
True

Keep it, and use it on panoramas of any height:

>>> with tempfile.TemporaryDirectory() as folder:
...     torch.save(fitted["conv2"].state_dict(), Path(folder, "conv2.pt"))
...     transformer = KernelTransformer(3, knots=8)
...     transformer.load_state_dict(torch.load(Path(folder, "conv2.pt")))
<All keys matched successfully>
>>> layer = trunk.layers["conv2"]
>>> kernels = transformer(layer.weight, EquirectGrid(32).polar_angles)
>>> row_conv2d(torch.rand(1, 16, 32, 64), kernels, layer.bias).shape
torch.Size([1, 16, 32, 64])

`refine_taps` goes on from there for this network alone; `fit_published` and `fit_row_kernels` are the two
published ways, a layer at a time. `fit_layers` runs a fit of one's own through a trunk. Networks with pools
and strides, as `to_sphere` converts them, are fitted by `fit_sphconv` and `fit_network_taps`.
"""

from .cache import TargetCache as TargetCache
from .cache import cached_features as cached_features
from .exact import exact_features as exact_features
from .finetune import Finetuned as Finetuned
from .finetune import finetune_row_kernels as finetune_row_kernels
from .gradient import PublishedFit as PublishedFit
from .gradient import fit_published as fit_published
from .layers import fit_layers as fit_layers
from .layers import fit_taps as fit_taps
from .layers import refine_taps as refine_taps
from .layers import transformed_features as transformed_features
from .network import fit_network_taps as fit_network_taps
from .network import fit_sphconv as fit_sphconv
from .row_kernels import fit_row_kernels as fit_row_kernels
from .trunk import ConvLayer as ConvLayer
from .trunk import Trunk as Trunk
