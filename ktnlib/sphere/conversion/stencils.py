"""The operations of a planar network that look beyond their own place, stated alike: side, stride, padding."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

# how torch calls the arguments of the functional forms, in order
MAX_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
AVG_POOL = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
FUNCTIONAL_POOLS = {
    functional.max_pool2d: (functional.max_pool2d, MAX_POOL),
    torch.max_pool2d: (functional.max_pool2d, MAX_POOL),
    functional.avg_pool2d: (functional.avg_pool2d, AVG_POOL),
}


@dataclass(frozen=True)
class Stencil:
    """A convolution or a pool: output unit i reads `side` units from i·stride − padding, `dilation` apart.

    `run(x)` is the operation without any padding; `side`, `stride` and the others hold both ways.
    """

    run: Callable[[Tensor], Tensor]
    side: int
    stride: int
    padding: int
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Input units from the first to the last that are read, both counted."""
        return self.dilation * (self.side - 1) + 1


def stencil(node: fx.Node, modules: Mapping[str, nn.Module]) -> Stencil | None:
    """The stencil of a graph's node; None for what works place by place, or isn't a convolution or a pool.

    Raises:
        ValueError: sides, strides, paddings or dilations that differ from rows to columns.
    """
    module = modules.get(node.target) if node.op == "call_module" else None
    if isinstance(module, nn.Conv2d):
        return convolution(module, module.weight, module.bias)
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        pool = functional.max_pool2d if isinstance(module, nn.MaxPool2d) else functional.avg_pool2d
        return _pool(pool, vars(module))
    if node.op == "call_function" and node.target in FUNCTIONAL_POOLS:
        pool, names = FUNCTIONAL_POOLS[node.target]
        return _pool(pool, dict(zip(names, node.args, strict=False)) | node.kwargs)
    return None


def convolution(module: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> Stencil:
    """The stencil of a convolution, with this weight and bias (its own, or with a batch norm folded in)."""
    side, stride, dilation = (_one(getattr(module, name)) for name in ("kernel_size", "stride", "dilation"))
    padding = {"valid": 0, "same": dilation * (side - 1) // 2}.get(module.padding)
    if padding is None:
        padding = _one(module.padding)
    run = partial(
        functional.conv2d, weight=weight, bias=bias, stride=stride, dilation=dilation, groups=module.groups
    )
    return Stencil(run, side, stride, padding, dilation)


def _pool(pool: Callable[..., Tensor], options: Mapping[str, Any]) -> Stencil:
    side = _one(options["kernel_size"])
    stride = _one(options.get("stride") or side)
    dilation = _one(options.get("dilation", 1))
    wide = {"dilation": dilation} if pool is functional.max_pool2d else {}
    run = partial(pool, kernel_size=side, stride=stride, **wide)
    return Stencil(run, side, stride, _one(options.get("padding", 0)), dilation)


def _one(value: int | tuple[int, ...]) -> int:
    sides = set(value) if isinstance(value, tuple | list) else {value}
    if len(sides) > 1:
        raise ValueError(
            f"a convolution or pool of `model` has {value} for rows and columns; wanted one number for both, "
            "because the patches and views of the sphere are square"
        )
    return sides.pop()
