"""Training the published head: Adam, on every pixel at once."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from ..grid import EquirectGrid
from ..published import PublishedHead
from .equations import check_every, row_weights
from .windows import band_equations, check_layer, sampled_columns


# eq=False: records of tensors compare element by element
@dataclass(frozen=True, eq=False)
class PublishedFit:
    """How a training went, in relative errors sqrt(Σ w·(y − t)² / Σ w·t²) of this one layer.

    Fields: `history`, the error before each step and after the last; `before` and `after`, the error of each
    band from north to south. A band can end worse than it began: bands share the residual branch.
    """

    history: tuple[float, ...]
    before: Float[Tensor, "bands"]
    after: Float[Tensor, "bands"]


def fit_published(
    head: PublishedHead,
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None,
    inputs: Float[Tensor, "batch in_channel height width"],
    targets: Float[Tensor, "batch out_channel height width"],
    *,
    steps: int = 400,
    learning_rate: float | int = 1e-3,
    weight_decay: float | int = 0.0,
    weighting: str = "plain",
    every: int = 1,
) -> PublishedFit:
    """Train a head in place so that its kernels turn a layer's exact inputs into its exact targets.

    The mean squared error over all pixels, or over the sphere, is a quadratic in each band's kernel
    (`band_equations`). That is summed up once; every step then sees all panoramas, without a draw. The
    published training took 240 steps on batches of four panoramas at the same rate, a tenth of it after half
    of them, with a weight decay of 5e-4; here the rate falls likewise and the decay is off unless given. The
    source kernel and its bias stay as they are.

    Args:
        head: made for the layer's input channels and the panoramas' height and width.
        weight, bias: of the source layer.
        inputs: what the source layer reads, after the activation.
        targets: what it answers at every pixel, before the activation, bias included.
        steps: of Adam.
        learning_rate: of the first half of the steps.
        weight_decay: added to the gradient, times the parameters.
        weighting: "plain" counts every pixel alike, as published; "solid-angle" by what it covers.
        every: only every so many columns of a row are looked at.

    Raises:
        ValueError: tensors that do not belong together or are not finite, a head for another panorama, an
            unknown weighting, a step or rate that is not positive, `every` below one or beyond the width.

    Source: Su and Grauman, Kernel Transformer Networks, CVPR 2019, and their program.

    >>> x = torch.rand(2, 3, 8, 16, generator=torch.Generator().manual_seed(0))
    >>> head = PublishedHead(3, 8, generator=torch.Generator().manual_seed(0))
    >>> fit = fit_published(head, torch.rand(2, 3, 3, 3), None, x, x[:, :2], steps=20, learning_rate=0.01)
    >>> len(fit.history), fit.history[-1] < fit.history[0]
    (21, True)
    """
    check_layer(inputs, targets, weight, bias)
    _check_head(head, inputs)
    check.positive_int("steps", steps)
    check_every(every, inputs.shape[-1])
    check.between("learning_rate", learning_rate, 0, math.inf, "")
    importance = row_weights(EquirectGrid(*inputs.shape[-2:]), weighting)
    weight = weight.detach()
    errors = _BandErrors(head, weight, bias, inputs, targets, every=every, row_weights=importance)
    with torch.no_grad():
        before = errors(head, weight)
    history = _descend(head, weight, errors, steps, lr=learning_rate, weight_decay=weight_decay)
    with torch.no_grad():
        after = errors(head, weight)
    history.append(errors.relative(after.sum(), errors.target.sum()).item())
    return PublishedFit(
        tuple(history), errors.relative(before, errors.target), errors.relative(after, errors.target)
    )


def _descend(
    head: PublishedHead, weight: Tensor, errors: "_BandErrors", steps: int, **options: float
) -> list[float]:
    """Adam on the mean squared error, its rate a tenth after half of the steps; the error before each."""
    optimiser = torch.optim.Adam(head.parameters(), **options)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, max(1, steps // 2), gamma=0.1)
    history = []
    for _ in range(steps):
        error = errors(head, weight).sum()
        history.append(errors.relative(error.detach(), errors.target.sum()).item())
        optimiser.zero_grad()
        (error / errors.values).backward()
        optimiser.step()
        schedule.step()
    return history


class _BandErrors:
    """Squared errors of a head's bands from their normal equations, written about the kernels it starts from.

    With D = K − K₀, E(K) = E(K₀) + 2 tr(D (G K₀ᵀ − M)) + tr(D G Dᵀ): the large terms cancel once, in float64,
    and the steps can run in the head's own type.
    """

    def __init__(
        self,
        head: PublishedHead,
        weight: Tensor,
        bias: Tensor | None,
        inputs: Tensor,
        targets: Tensor,
        *,
        every: int,
        row_weights: Float[Tensor, "height"],
    ):
        self.groups = []
        options = {"every": every, "row_weights": row_weights}
        for bands in head.groups():
            with torch.no_grad():
                start = head.kernels_of(weight, bands).flatten(2)
            parts = []
            for kernel, band in zip(start, bands, strict=True):
                sums = band_equations(inputs, targets, bias, head.shapes[band], **options)
                unknowns = kernel.T[None].to(sums.gram)
                slope = sums.gram @ unknowns - sums.moment
                parts.append((sums.gram.to(weight), slope.to(weight), sums.errors(unknowns)))
            self.groups.append((bands, start, *map(torch.cat, zip(*parts, strict=True))))
        self.order = torch.tensor([band for bands, *_ in self.groups for band in bands]).argsort()
        sampled = [sampled_columns(head.width, row, every) for row in range(head.height)]
        energies = torch.stack(
            [targets[:, :, row, columns].double().square().sum() for row, columns in enumerate(sampled)]
        ).cpu()
        rows = [list(shape.rows) for shape in head.shapes]
        self.target = torch.stack([(energies * row_weights)[band].sum() for band in rows])
        samples = torch.tensor([len(columns) for columns in sampled])
        self.values = (samples * row_weights).sum().item() * len(inputs) * targets.shape[1]

    def __call__(self, head: PublishedHead, weight: Tensor) -> Float[Tensor, "bands"]:
        """Σ w·(y − t)² of each band, from north to south."""
        errors = []
        for bands, start, gram, slope, at_start in self.groups:
            change = head.kernels_of(weight, bands).flatten(2) - start
            with torch.no_grad():
                bent = change @ gram
                value = ((bent + 2 * slope.mT) * change).sum((1, 2))
                gradient = 2 * (bent + slope.mT)
            # the value, with its gradient beside it: backward need not multiply by the Gram matrix again
            quadratic = value + (gradient * (change - change.detach())).sum((1, 2))
            errors.append(at_start + quadratic.to(at_start))
        return torch.cat(errors)[self.order]

    @staticmethod
    def relative(error: Tensor, target: Tensor) -> Tensor:
        # rounding may leave a perfect fit below nothing; a band of nothing has no error
        return (error.clamp(min=0) / target.clamp(min=torch.finfo(torch.float64).tiny)).sqrt()


def _check_head(head: PublishedHead, inputs: Tensor) -> None:
    wanted = head.in_channels, head.height, head.width
    if tuple(inputs.shape[1:]) != wanted:
        raise ValueError(
            f"`inputs` have (channel, height, width) = {tuple(inputs.shape[1:])} and `head` was made for "
            f"{wanted}; wanted the same; make a head for these panoramas"
        )
