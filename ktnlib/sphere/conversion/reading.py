"""Reading an operation of the graph as a step, or as one that works place by place, or not at all."""

import math
import operator
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import fx, nn
from torch.nn import functional

from ..fitting.graph import ARITHMETIC
from .steps import Border, Pair, Resize, Step, Transposed, Whole, Window

POINTWISE_MODULES = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Tanhshrink, nn.Softplus, nn.Softsign, nn.Hardtanh),
    *(nn.Hardswish, nn.Hardsigmoid, nn.Hardshrink, nn.Softshrink, nn.Threshold, nn.Identity),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.BatchNorm2d),
)
POOLED_MODULES = (*POINTWISE_MODULES, nn.Linear, nn.Flatten, nn.BatchNorm1d, nn.LayerNorm, nn.Softmax)
POOLED_MODULES += (nn.LogSoftmax,)
_NAMES = "relu relu6 leaky_relu prelu elu celu selu gelu silu mish sigmoid logsigmoid tanh softplus softsign"
_NAMES += " hardtanh hardswish hardsigmoid hardshrink softshrink tanhshrink threshold dropout dropout1d"
_NAMES += " dropout2d alpha_dropout feature_alpha_dropout"
_METHODS = "relu relu_ sigmoid sigmoid_ tanh tanh_ clamp clamp_ clamp_min clamp_max contiguous float double"
_METHODS += " exp log sqrt abs neg square pow add_ sub_ mul_ div_ clone detach"
_TORCH = "relu sigmoid tanh clamp exp log sqrt abs neg square pow minimum maximum"
POINTWISE = {getattr(functional, name) for name in _NAMES.split()} | set(_METHODS.split())
POINTWISE |= {getattr(torch, name) for name in _TORCH.split()} | {operator.neg, operator.pow}
POINTWISE |= {*ARITHMETIC, operator.iadd, operator.isub, operator.imul, operator.itruediv}
ALONG_CHANNELS = {torch.cat, torch.concat, torch.concatenate, torch.softmax, torch.log_softmax}
ALONG_CHANNELS |= {functional.softmax, functional.log_softmax, "softmax", "log_softmax"}
POOLED = {torch.flatten, torch.squeeze, torch.unsqueeze, torch.reshape, operator.getitem, *ALONG_CHANNELS}
POOLED |= {"flatten", "view", "reshape", "squeeze", "unsqueeze"}


def module_step(module: nn.Module) -> Step | None:
    """The step of a leaf module, None for one that works place by place.

    Raises:
        ValueError: a module with no place on the sphere; the message is for the middle of a sentence.
    """
    for kind, read in _MODULES.items():
        if isinstance(module, kind):
            return read(module)
    if isinstance(module, POINTWISE_MODULES):
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is None:
            raise ValueError("it measures every picture anew; wanted a batch norm with running statistics")
        return None
    raise ValueError("there is no way to lay it on the sphere" + _why(module))


def function_step(node: fx.Node) -> Step | None:
    """The step of a function or method call on a map, None for one that works place by place.

    Raises:
        ValueError: a call with no place on the sphere.
    """
    if node.target in _FUNCTIONS:
        try:
            return _FUNCTIONS[node.target](*node.args, **node.kwargs)
        except TypeError as error:
            raise ValueError(f"its arguments can't be read ({error})") from error
    if node.target in POINTWISE:
        return None
    if node.target in ALONG_CHANNELS:
        if (node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)) in (1, -3):
            return None
        raise ValueError("it works along another axis than the channels; wanted axis 1")
    if node.target in POOLED:
        raise ValueError("it reorders a map that still has places; take the mean over the places first")
    raise ValueError("there is no way to lay it on the sphere")


def _why(module: nn.Module) -> str:
    if isinstance(module, (nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm)):
        return ": its statistics are of one picture's places"
    if isinstance(module, (nn.Linear, nn.Flatten)):
        return ": its input still has places; take the mean over them first, by nn.AdaptiveAvgPool2d(1)"
    return ""


def _pair(value: object, name: str) -> Pair:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(isinstance(side, int) for side in pair):
        raise ValueError(f"its {name} is {value!r}; wanted a whole number or two")
    return pair


def _single(value: object, name: str) -> int:
    down, across = _pair(value, name)
    if down != across:
        raise ValueError(f"its {name} is {value!r}; wanted the same down and across")
    return down


def _conv(module: nn.Conv2d) -> Window:
    kernel, dilation = _pair(module.kernel_size, "kernel"), _pair(module.dilation, "dilation")
    if module.padding == "same":
        padding = tuple(step * (side - 1) // 2 for side, step in zip(kernel, dilation, strict=True))
    else:
        padding = (0, 0) if module.padding == "valid" else _pair(module.padding, "padding")
    return Window("conv", kernel, _single(module.stride, "stride"), dilation, padding)


def _transposed(module: nn.ConvTranspose2d) -> Transposed:
    kernel, dilation = _pair(module.kernel_size, "kernel"), _pair(module.dilation, "dilation")
    return Transposed(kernel, _single(module.stride, "stride"), dilation, _pair(module.padding, "padding"))


def _max(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    if return_indices:
        raise ValueError("it returns indices of the plane's pixels; wanted return_indices=False")
    kernel = _pair(kernel_size, "kernel")
    step = _single(stride or kernel, "stride")
    return Window("max", kernel, step, _pair(dilation, "dilation"), _pair(padding, "padding"))


def _mean(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    kernel = _pair(kernel_size, "kernel")
    step = _single(stride or kernel, "stride")
    scale = math.prod(kernel) / divisor_override if divisor_override else 1.0
    return Window("mean", kernel, step, (1, 1), _pair(padding, "padding"), scale, count_include_pad)


def _resize(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    if mode not in ("nearest", "nearest-exact", "bilinear"):
        raise ValueError(f"its mode is {mode!r}; wanted nearest or bilinear")
    if align_corners:
        raise ValueError("it aligns corners, which a sphere has not; wanted align_corners=False")
    mode = "bilinear" if mode == "bilinear" else "nearest"
    if scale_factor is None:
        return Resize(mode, None, size)
    factors = set(scale_factor) if isinstance(scale_factor, (tuple, list)) else {scale_factor}
    factor = factors.pop()
    if factors or not isinstance(factor, (int, float)) or factor < 1 or Fraction(factor).denominator > 1:
        raise ValueError(f"its scale factor is {scale_factor!r}; wanted one whole number of at least 1")
    return Resize(mode, int(factor))


def _adaptive(what: str) -> Callable[..., Whole]:
    def read(input, output_size, return_indices=False):
        if output_size not in (1, (1, 1), [1, 1]) or return_indices:
            raise ValueError(
                f"it pools to {output_size} places of the plane; wanted one place, the whole sphere, and no "
                "indices"
            )
        return Whole(what, True)

    return read


def _reduced(what: str) -> Callable[..., Whole]:
    def read(input, dim=None, keepdim=False, dtype=None):
        if not isinstance(dim, (tuple, list)) or sorted(axis % 4 for axis in dim) != [2, 3]:
            raise ValueError(f"it reduces the axes {dim}; wanted both of the places, (2, 3)")
        return Whole(what, keepdim)

    return read


def _pad(input, pad, mode="constant", value=None):
    if not isinstance(pad, (tuple, list)) or len(pad) not in (2, 4, 6):
        raise ValueError(f"its pad is {pad!r}; wanted numbers for the last axes")
    if len(pad) == 6 and any(pad[4:]):
        if any(pad[:4]):
            raise ValueError("it pads places and channels at once; wanted one of them")
        return None
    whole = [amount if isinstance(amount, int) else 0 for amount in (*pad, 0, 0)]
    return Border((whole[2], whole[0]))


def _slice(input, index):
    every = slice(None)
    parts = index if isinstance(index, tuple) else (index,)
    if parts[:1] == (Ellipsis,):
        parts = (every, every, *parts[1:])
    whole = all(isinstance(part, slice) and (part.start or 0, part.stop) == (0, None) for part in parts)
    steps = {part.step or 1 for part in parts[2:]} if whole else ()
    if len(parts) != 4 or parts[:2] != (every, every) or len(steps) != 1:
        raise ValueError("it takes a part of the map; wanted only every s-th row and column, from the first")
    return Window("take", (1, 1), steps.pop())


_MODULES: dict[type, Callable[[nn.Module], Step]] = {
    nn.ConvTranspose2d: _transposed,
    nn.Conv2d: _conv,
    nn.MaxPool2d: lambda m: _max(
        None, m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode, m.return_indices
    ),
    nn.AvgPool2d: lambda m: _mean(
        None, m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad, m.divisor_override
    ),
    nn.Upsample: lambda m: _resize(None, m.size, m.scale_factor, m.mode, m.align_corners),
    nn.AdaptiveAvgPool2d: lambda m: _adaptive("mean")(None, m.output_size),
    nn.AdaptiveMaxPool2d: lambda m: _adaptive("max")(None, m.output_size, m.return_indices),
    nn.ZeroPad2d: lambda m: Border((m.padding[2], m.padding[0])),
    nn.ConstantPad2d: lambda m: Border((m.padding[2], m.padding[0])),
    nn.ReflectionPad2d: lambda m: Border((m.padding[2], m.padding[0])),
    nn.ReplicationPad2d: lambda m: Border((m.padding[2], m.padding[0])),
    nn.CircularPad2d: lambda m: Border((m.padding[2], m.padding[0])),
}
_FUNCTIONS: dict[object, Callable[..., Step | None]] = {
    functional.max_pool2d: _max,
    torch.max_pool2d: _max,
    functional.avg_pool2d: _mean,
    functional.interpolate: _resize,
    functional.adaptive_avg_pool2d: _adaptive("mean"),
    functional.adaptive_max_pool2d: _adaptive("max"),
    torch.mean: _reduced("mean"),
    "mean": _reduced("mean"),
    torch.amax: _reduced("max"),
    "amax": _reduced("max"),
    functional.pad: _pad,
    operator.getitem: _slice,
}
