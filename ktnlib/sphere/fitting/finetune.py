"""SphConv's second training: all row kernels of a chain together, on the error of its last layer."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from ..grid import EquirectGrid
from ..row_bands import RowBand
from ..row_kernels import RowKernels
from .equations import row_weights

Chain = Callable[[Mapping[str, RowKernels], Tensor], Tensor]


# eq=False: row kernels compare by identity
@dataclass(frozen=True, eq=False)
class Finetuned:
    """Fine-tuned row kernels by layer, and the last layer's relative error before each step."""

    kernels: dict[str, RowKernels]
    history: tuple[float, ...]


def finetune_row_kernels(
    kernels: Mapping[str, RowKernels],
    chain: Chain,
    panoramas: Float[Tensor, "batch channel height width"],
    targets: Float[Tensor, "batch out_channel height width"],
    *,
    steps: int = 100,
    learning_rate: float | int = 1e-3,
    momentum: float | int = 0.9,
    weighting: str = "plain",
    seed: int = 0,
) -> Finetuned:
    """Descend on the last layer's error through the whole chain, one panorama a step.

    Its square, relative to the mean square of all targets, is the loss; so a rate means the same for networks
    of other scales. Inner layers are free to leave their own targets, and do: what the published fine-tuning
    won at the last layer it lost at the others. Rows kept as tangent kernels take part.

    Args:
        kernels: of the layers to train, in bands, as from `fit_row_kernels`; they are not changed.
        chain: runs a panorama through all layers with the kernels it is given and returns the last one's
            answer; with a trunk `lambda kernels, x: trunk.walk(x, convolve)`, where `convolve` reads
            `kernels[name]` and runs layers without any, like the first, by `tangent_conv2d`.
        panoramas: what the chain reads.
        targets: what its last layer should answer, before the activation, bias included.
        steps: of stochastic gradient descent; each panorama is seen once before any is seen again.
        learning_rate, momentum: of the descent, the momentum below 1; 0 is none.
        weighting: "plain" counts every pixel alike, "solid-angle" by what it covers.
        seed: of the order of panoramas.

    Raises:
        ValueError: kernels as taps, features that are not finite, targets of another shape than the chain's
            answer, an unknown weighting, a step or rate that is not positive, a descent that diverges.

    Source: Su and Grauman, Learning spherical convolution for fast features from 360° imagery, NeurIPS 2017.

    >>> from ktnlib.sphere.row_conv import row_conv2d
    >>> band = RowBand(range(4), torch.zeros(1, 1, 1, 1))
    >>> start = {"conv": RowKernels.from_bands([band], height=4, width=8)}
    >>> x = torch.rand(3, 1, 4, 8, generator=torch.Generator().manual_seed(0))
    >>> chain = lambda kernels, x: row_conv2d(x, kernels["conv"])
    >>> tuned = finetune_row_kernels(start, chain, x, 2 * x, steps=60, learning_rate=0.2, momentum=0.0)
    >>> round(tuned.kernels["conv"].bands[0].weight.item(), 1)
    2.0
    """
    _check_kernels(kernels)
    check.finite_values("panoramas", check.panorama("panoramas", panoramas))
    check.finite_values("targets", targets)
    check.positive_int("steps", steps)
    check.between("learning_rate", learning_rate, 0, math.inf, "")
    if not 0 <= check.finite("momentum", momentum) < 1:
        raise ValueError(f"`momentum` is {momentum}; wanted at least 0 and less than 1")
    weights = {
        name: [band.weight.detach().clone().requires_grad_() for band in layer.bands]
        for name, layer in kernels.items()
    }
    flat = [weight for layer in weights.values() for weight in layer]
    optimiser = torch.optim.SGD(flat, lr=learning_rate, momentum=momentum)
    importance = row_weights(EquirectGrid(*panoramas.shape[-2:]), weighting)
    scale = (targets.square().mean((0, 1, 3), dtype=torch.float64).cpu() * importance).mean()
    history = []
    for number in _order(len(panoramas), steps, seed):
        one = slice(number, number + 1)
        answer = chain(_rebuilt(kernels, weights), panoramas[one])
        _check_answer(answer, targets[one])
        loss = ((answer - targets[one]).square().mean((0, 1, 3)) * importance.to(answer)).mean()
        loss = loss / scale.to(answer)
        history.append(loss.item() ** 0.5)
        _check_descent(history, learning_rate)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    trained = {name: [weight.detach() for weight in layer] for name, layer in weights.items()}
    return Finetuned(_rebuilt(kernels, trained), tuple(history))


def _rebuilt(kernels: Mapping[str, RowKernels], weights: Mapping[str, list[Tensor]]) -> dict[str, RowKernels]:
    """The same bands with other weights."""
    return {
        name: RowKernels.from_bands(
            [
                RowBand(band.rows, new, band.dilation)
                for band, new in zip(layer.bands, weights[name], strict=True)
            ],
            height=layer.height,
            width=layer.width,
        )
        for name, layer in kernels.items()
    }


def _order(panoramas: int, steps: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    passes = [torch.randperm(panoramas, generator=generator) for _ in range(-(-steps // panoramas))]
    return torch.cat(passes)[:steps].tolist()


def _check_kernels(kernels: Mapping[str, RowKernels]) -> None:
    as_taps = [name for name, layer in kernels.items() if layer.form != "bands"]
    if as_taps or not kernels:
        listed = ", ".join(map(repr, as_taps)) + " as taps" if as_taps else "no layer"
        raise ValueError(
            f"`kernels` holds {listed}; wanted one layer or more, each with kernels in bands, as from "
            "`fit_row_kernels`"
        )


def _check_answer(answer: Tensor, wanted: Tensor) -> None:
    if answer.shape != wanted.shape:
        raise ValueError(
            f"`targets` have shape {tuple(wanted.shape)} for one panorama, and `chain` answers "
            f"{tuple(answer.shape)}; wanted the same; give the targets of the chain's last layer"
        )


def _check_descent(history: list[float], learning_rate: float) -> None:
    if not math.isfinite(history[-1]):
        raise ValueError(
            f"`learning_rate` is {learning_rate}, and the error is {history[-1]} after {len(history) - 1} "
            "steps; wanted a descent; try a tenth of it"
        )
