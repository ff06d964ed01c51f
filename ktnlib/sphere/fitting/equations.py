"""Normal equations of a layer, row by row: all that a fit in closed form needs to know of the panoramas.

A layer whose tap k reads the pixels x_{k,p} around its tangent position through a filter A_k answers

    y_o(i, j) = b_o + Σ_k Σ_c K_{o,c,k} Σ_p A_{k,p}(i) x_c(i, j; k, p).                                  (1)

It is linear in the filters A for a given source kernel K, and linear in K for given filters. Either way the
squared error of row i is a quadratic form in its unknowns a,

    E_i(a) = aᵀ G_i a − 2 aᵀ m_i + e_i,                                                                  (2)

with the Gram matrix G, the moment m and the energy e of the target: they add up over panoramas and columns,
and fits with other knots, ridges, weights or subsets of panoramas never read a feature map again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from ktnlib import check

from ..grid import EquirectGrid
from ..sampling import Neighbours, fold_poles

# "plain" counts all pixels alike, "solid-angle" by the area they cover
WEIGHTINGS = ("plain", "solid-angle")

# Rows of a panorama whose taps are gathered at once, so that they stay in a processor's cache.
_ROWS = 16


# eq=False: records of tensors compare element by element
@dataclass(frozen=True, eq=False)
class RowEquations:
    """The quadratic (2) of every row; `moment` has a column for each output whose unknowns are its own.

    Filters are shared by all outputs and have one column, source kernels one an output. `energy` is the sum
    of squared targets without their bias. Sums are float64 on the CPU, wherever the features are.
    """

    gram: Float[Tensor, "rows unknowns unknowns"]
    moment: Float[Tensor, "rows unknowns outputs"]
    energy: Float[Tensor, "rows"]

    @classmethod
    def of_filters(
        cls,
        inputs: Float[Tensor, "batch in_channel height width"],
        targets: Float[Tensor, "batch out_channel height width"],
        weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
        bias: Float[Tensor, "out_channel"] | None,
        windows: Neighbours,
        *,
        every: int = 4,
    ) -> "RowEquations":
        """Equations for the filters of (1): unknowns are taps × pixels, the pixels of a tap together.

        Args:
            inputs: what the layer reads, panoramas after the activation.
            targets: what it should answer, before the activation, bias included.
            weight, bias: of the source layer, stride 1.
            windows: (rows, taps, pixels) the pixels whose shares are sought, unfolded, for output column 0;
                its weights are not used.
            every: only every so many columns of a row are looked at; neighbours say nearly the same.

        Raises:
            ValueError: `every` below one or beyond the width.
        """
        rows, taps, pixels = windows.rows.shape
        sums = _zeros(rows, taps * pixels, 1)
        index, columns = _pixel_index(windows, inputs, every=every)
        kernels = weight.flatten(2).permute(1, 2, 0).flatten(1)
        for image, target in zip(inputs, _without_bias(targets, bias), strict=True):
            # (pixel, tap, out): what each tap of each output would read there; then only taken, never summed
            products = (image.flatten(1).T @ kernels).reshape(-1, taps, weight.shape[0])
            for part in _chunks(rows):
                where = index[part] * taps + torch.arange(taps, device=index.device)[:, None, None]
                read = products.flatten(0, 1).index_select(0, where.flatten())
                read = read.reshape(len(where), taps * pixels, -1)
                wanted = _take_columns(target[:, part], columns[part]).flatten(1)
                _accumulate(sums, part, read, wanted[:, :, None])
        return cls(*sums)

    @classmethod
    def of_kernels(
        cls,
        inputs: Float[Tensor, "batch in_channel height width"],
        targets: Float[Tensor, "batch out_channel height width"],
        bias: Float[Tensor, "out_channel"] | None,
        filters: Neighbours,
        *,
        every: int = 4,
    ) -> "RowEquations":
        """Equations for the source kernel of (1): unknowns are taps × input channels, for each output.

        Args:
            inputs, targets, bias, every: as for `of_filters`.
            filters: (rows, taps, pixels) what each tap reads and how much of it, unfolded.

        Raises:
            ValueError: `every` below one or beyond the width.
        """
        rows, taps, pixels = filters.rows.shape
        sums = _zeros(rows, taps * inputs.shape[1], targets.shape[1])
        index, columns = _pixel_index(filters, inputs, every=every)
        shares = filters.weights.to(inputs)
        for image, target in zip(inputs, _without_bias(targets, bias), strict=True):
            by_pixel = image.flatten(1).T.contiguous()
            for part in _chunks(rows):
                where = index[part].movedim(2, 3)  # a tap at a sample is one bag of pixels
                bags = functional.embedding_bag(
                    where.flatten(0, 2),
                    by_pixel,
                    per_sample_weights=shares[part, :, None].expand(where.shape).reshape(-1, pixels),
                    mode="sum",
                )
                read = bags.unflatten(0, where.shape[:3]).movedim(3, 2).flatten(1, 2)
                _accumulate(sums, part, read, _take_columns(target[:, part], columns[part]))
        return cls(*sums)

    def __add__(self, other: "RowEquations") -> "RowEquations":
        """The equations of both sets of panoramas."""
        return RowEquations(self.gram + other.gram, self.moment + other.moment, self.energy + other.energy)

    def about(
        self, base: Float[Tensor, "rows unknowns"], directions: Float[Tensor, "rows parameters unknowns"]
    ) -> "RowEquations":
        """The same error with a = base + Σ_q z_q · directions_q, as equations for z; one output only.

        The energy is then the error of `base` itself.
        """
        left = self.moment - self.gram @ base[:, :, None]
        return RowEquations(
            gram=directions @ self.gram @ directions.mT,
            moment=directions @ left,
            energy=self.errors(base[:, :, None]),
        )

    def errors(self, unknowns: Float[Tensor, "rows unknowns outputs"]) -> Float[Tensor, "rows"]:
        """The squared error (2) of each row, all outputs together."""
        return (unknowns * (self.gram @ unknowns - 2 * self.moment)).sum(dim=(1, 2)) + self.energy

    @property
    def scale(self) -> Float[Tensor, "rows"]:
        """Mean diagonal of each row's Gram matrix: what a ridge is relative to."""
        return self.gram.diagonal(dim1=1, dim2=2).mean(1)

    def solve(
        self,
        *,
        ridge: float | int,
        towards: Float[Tensor, "rows unknowns outputs"] | None = None,
        scale: Float[Tensor, "rows"] | None = None,
    ) -> Float[Tensor, "rows unknowns outputs"]:
        """Minimise (2) plus ridge·scale_i·‖a − towards‖², each row by itself.

        Args:
            ridge: relative to the row's scale, so that it means the same in every layer.
            towards: what a row without evidence answers; None is 0.
            scale: None is the row's own, for other unknowns that of the equations they came from.
        """
        # a row of constant zeros has no scale: it stays where it is pulled
        pull = (ridge * (self.scale if scale is None else scale)).clamp(min=torch.finfo(torch.float32).tiny)
        system = self.gram + pull[:, None, None] * torch.eye(self.gram.shape[-1], dtype=self.gram.dtype)
        start = torch.zeros_like(self.moment) if towards is None else towards
        return start + torch.linalg.solve(system, self.moment - self.gram @ start)


def _zeros(rows: int, unknowns: int, outputs: int) -> tuple[Tensor, Tensor, Tensor]:
    shapes = (rows, unknowns, unknowns), (rows, unknowns, outputs), (rows,)
    return tuple(torch.zeros(shape, dtype=torch.float64) for shape in shapes)


def _accumulate(sums: tuple[Tensor, Tensor, Tensor], part: slice, read: Tensor, wanted: Tensor) -> None:
    """Add samples: `read` (rows, unknowns, samples), `wanted` (rows, samples, outputs)."""
    added = read @ read.mT, read @ wanted, wanted.double().square().sum(dim=(1, 2))
    for total, more in zip(sums, added, strict=True):
        total[part] += more.to(total)


def row_weights(grid: EquirectGrid, weighting: str) -> Float[Tensor, "height"]:
    """How much a pixel of each row counts; 1 on average.

    Raises:
        ValueError: a weighting other than "plain" and "solid-angle".
    """
    if check.choice("weighting", weighting, WEIGHTINGS) == "plain":
        return torch.ones(grid.height, dtype=torch.float64)
    return grid.solid_angles / grid.solid_angles.mean()


def check_every(every: int, width: int) -> None:
    """Refuse a step between columns that looks at none or stands still."""
    if check.positive_int("every", every) > width:
        raise ValueError(f"`every` is {every}; wanted at most {width}, the columns of a panorama")


def _pixel_index(
    windows: Neighbours, inputs: Tensor, *, every: int
) -> tuple[Int[Tensor, "rows taps pixels samples"], Int[Tensor, "rows samples"]]:
    """Flat input pixels of each row's sampled columns; the first sampled column moves on from row to row."""
    height, width = inputs.shape[-2:]
    check_every(every, width)
    folded = fold_poles(windows, height, width)
    steps = torch.arange(0, width - width % every, every)
    columns = steps + torch.arange(len(folded.rows))[:, None] % every
    across = (folded.columns[..., None] + columns[:, None, None]).remainder(width)
    return (folded.rows[..., None] * width + across).to(inputs.device), columns.to(inputs.device)


def _without_bias(targets: Tensor, bias: Tensor | None) -> Tensor:
    return targets if bias is None else targets - bias[:, None, None]


def _take_columns(
    target: Float[Tensor, "out_channel rows width"], columns: Int[Tensor, "rows samples"]
) -> Float[Tensor, "rows samples out_channel"]:
    return target.gather(2, columns.expand(len(target), -1, -1)).permute(1, 2, 0)


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(first, first + _ROWS) for first in range(0, rows, _ROWS))
