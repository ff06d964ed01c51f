"""The published kernel transformer: matrices tied over bands of rows, and a residual branch."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import check

from ..row_bands import RowBand
from ..taps import TapTable, kernel_sides, tangent_taps
from .bands import band_shapes
from .projection import tap_projection

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}
# What two 3x3 filters without padding take off each side of the residual branch's window.
MARGIN = 2


class PublishedHead(nn.Module):
    """From a source kernel to one kernel for each band of rows, as published.

        K_r = A_r·K + residual_r,    residual_r = filter(σ(mix(σ(filter(σ(mix(σ(B_r·K))))))))

    A_r takes the taps of each slice of K to the band's window, B_r to one two positions larger on each side.
    `mix` is a 1×1 convolution over K's input channels, `filter` one 3×3 filter for every channel without
    padding; each stands twice, and all four are shared by every band. A_r and B_r start as the projection
    of the band's middle row, at the positions the dilated window touches (`tap_projection`), the shared ones
    near zero, so that at the start K_r is the tangent-plane kernel read bilinearly.

    Args:
        in_channels: of the source kernel.
        height: of the panorama; matrices belong to its rows.
        width: None is 2·height.
        kernel_size: of the source kernel, (rows, columns) or one number.
        spacing: of its taps, sphere radii; None is a pixel at the equator, `published_spacing` the authors'.
        ties: rows a band; the north's matrices are not the south's.
        activation: σ, "tanh" as released or "relu" as written.
        dilation, max_taps, layout: of the windows, see `band_shapes`.
        residual: whether there is a residual branch; the published conv1_1 has none.
        std: of the shared weights at the start; their biases start at 0.
        generator: for the shared weights.

    Raises:
        ValueError, TypeError: what `band_shapes` refuses, an unknown activation.

    Source: Su and Grauman, Kernel Transformer Networks, CVPR 2019, and their program.

    >>> head = PublishedHead(4, 16)
    >>> bands = head(torch.ones(2, 4, 3, 3))
    >>> len(bands), bands[1].weight.shape
    (4, torch.Size([2, 4, 5, 5]))
    """

    base: nn.ParameterList  # one a band: (window_height, window_width, taps)
    residual: nn.ParameterList  # one a band: (window_height + 4, window_width + 4, taps); or empty
    mixes: nn.ModuleList  # two 1x1 convolutions, in_channels to in_channels
    filters: nn.ModuleList  # two 3x3 convolutions, one channel to one

    def __init__(
        self,
        in_channels: int,
        height: int,
        *,
        width: int | None = None,
        kernel_size: int | tuple[int, int] = 3,
        spacing: float | int | None = None,
        ties: int = 5,
        activation: str = "tanh",
        dilation: int = 1,
        max_taps: int = 65,
        layout: str = "dilated",
        residual: bool = True,
        std: float = 0.01,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.in_channels = check.positive_int("in_channels", in_channels)
        self.height, self.width = height, 2 * height if width is None else width
        self.activation = check.choice("activation", activation, ACTIVATIONS)
        kernel = {"kernel_size": kernel_size, "spacing": spacing}
        windows = {"ties": ties, "dilation": dilation, "max_taps": max_taps, "layout": layout}
        self.shapes = band_shapes(height, width=width, **kernel, **windows)
        self.kernel_size = kernel_sides(kernel_size, stride=1)
        table = tangent_taps(height, self.width, **kernel)
        self.base = nn.ParameterList(self._start(table, 0))
        self.residual = nn.ParameterList(self._start(table, MARGIN) if residual else [])
        shared = 2 if residual else 0
        self.mixes = nn.ModuleList(_drawn(in_channels, 1, std, generator) for _ in range(shared))
        self.filters = nn.ModuleList(_drawn(1, 3, std, generator) for _ in range(shared))

    def forward(
        self, weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"]
    ) -> tuple[RowBand, ...]:
        """The kernel of every band, from north to south, of the head's own type.

        Raises:
            ValueError: a source kernel of other channels or sides than the head was made for.
        """
        kernels = {}
        for bands in self.groups():
            kernels |= dict(zip(bands, self.kernels_of(weight, bands), strict=True))
        return tuple(
            RowBand(rows=shape.rows, weight=kernels[band], dilation=shape.dilation)
            for band, shape in enumerate(self.shapes)
        )

    def groups(self) -> list[list[int]]:
        """Numbers of the bands whose windows have as many rows and columns: they are made in one go."""
        sizes = {}
        for band, shape in enumerate(self.shapes):
            sizes.setdefault(shape.size, []).append(band)
        return list(sizes.values())

    def kernels_of(
        self, weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"], bands: Sequence[int]
    ) -> Float[Tensor, "bands out_channel in_channel window_height window_width"]:
        """The kernels of bands of one window size, counted from the north."""
        self._check_kernel(weight)
        taps = weight.flatten(2).to(self.base[0].dtype)
        kernels = _project(self.base, bands, taps)
        if len(self.residual) == 0:
            return kernels
        activate = ACTIVATIONS[self.activation]
        branch = _project(self.residual, bands, taps).flatten(0, 1)
        for mix, narrow in zip(self.mixes, self.filters, strict=True):
            branch = activate(mix(activate(branch)))
            branch = narrow(branch.flatten(0, 1)[:, None]).unflatten(0, branch.shape[:2])[:, :, 0]
        return kernels + branch.unflatten(0, kernels.shape[:2])

    def extra_repr(self) -> str:
        """What the head was made for, for `print`."""
        return (
            f"{self.in_channels}, {self.height} x {self.width}, kernel {self.kernel_size[0]} x "
            f"{self.kernel_size[1]}, {len(self.shapes)} bands, {self.activation}"
        )

    def _start(self, table: TapTable, margin: int) -> list[nn.Parameter]:
        matrices = (tap_projection(table, shape, margin=margin) for shape in self.shapes)
        return [nn.Parameter(matrix.to(torch.get_default_dtype())) for matrix in matrices]

    def _check_kernel(self, weight: Tensor) -> None:
        check.floating("weight", weight)
        wanted = self.in_channels, *self.kernel_size
        if weight.ndim != 4 or tuple(weight.shape[1:]) != wanted:
            raise ValueError(
                f"`weight` has shape {tuple(weight.shape)}; wanted (out_channel, *{wanted}), the kernels "
                "this head was made for; make another head for another layer"
            )

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        """Refuse another head's matrices in one sentence, before torch lists them one by one."""
        mine = {f"{prefix}{name}": value.shape for name, value in self.state_dict().items()}
        saved = {name: value.shape for name, value in state_dict.items() if name.startswith(prefix)}
        if saved and saved != mine:
            differing = sorted(name for name in {*saved, *mine} if saved.get(name) != mine.get(name))
            rest[-1].append(
                f"{len(differing)} of {len(mine)} tensors of the stored published head are of another form, "
                f"`{differing[0]}` the first; this one is PublishedHead({self.extra_repr()}): make it with "
                "the channels, height, spacing, ties, dilation and layout of the stored one"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _project(
    matrices: nn.ParameterList, bands: Sequence[int], taps: Float[Tensor, "out_channel in_channel taps"]
) -> Float[Tensor, "bands out_channel in_channel window_height window_width"]:
    return torch.einsum("bvuk,oik->boivu", torch.stack([matrices[band] for band in bands]), taps)


def _drawn(channels: int, side: int, std: float, generator: torch.Generator | None) -> nn.Conv2d:
    layer = nn.utils.skip_init(nn.Conv2d, channels, channels, side)
    nn.init.normal_(layer.weight, std=std, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer
