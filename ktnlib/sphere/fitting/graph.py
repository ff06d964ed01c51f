"""A model's graph, cut after one convolution and freed of everything that belongs to the plane's border."""

import copy
import inspect
import operator

import jaxtyping
import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

ARITHMETIC = (operator.add, operator.sub, operator.mul, operator.truediv, torch.add, torch.sub)
ARITHMETIC += (torch.mul, torch.div, "add", "sub", "mul", "div")
POINTWISE = (torch.relu, torch.sigmoid, torch.tanh, "relu", "sigmoid", "tanh")
POINTWISE += tuple(
    getattr(functional, name) for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "prelu")
)
POINTWISE_MODULES = (nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.ReLU6)
POINTWISE_MODULES += (nn.Identity, nn.Dropout, nn.Dropout2d, nn.BatchNorm2d)


def trace(model: nn.Module) -> fx.GraphModule:
    """The model's operations in order.

    Raises:
        ValueError: a model whose course depends on its input.
    """
    before, had = jaxtyping.config.jaxtyping_disable, set(vars(model))
    # the tracer's stand-ins are no tensors, and annotated modules would refuse them
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        return fx.symbolic_trace(model)
    except (fx.proxy.TraceError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"`model` can't be traced ({error}); wanted one that runs the same operations whatever its input"
        ) from error
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
        # the tracer hangs constants of `forward` on the model; the traced one has them too
        for name in set(vars(model)) - had:
            delattr(model, name)


def rewire_in_place(traced: fx.GraphModule) -> None:
    """Whoever reads a value after it was changed in place reads the change, as when the model itself runs."""
    modules = dict(traced.named_modules())
    order = {node: number for number, node in enumerate(traced.graph.nodes)}
    for node in traced.graph.nodes:
        if _in_place(node, modules):
            changed = node.all_input_nodes[0]
            changed.replace_all_uses_with(node, lambda user, node=node: order[user] > order[node])


def convolutions(traced: fx.GraphModule) -> list[str]:
    """Names of the convolutions in the order in which the model runs them."""
    modules = dict(traced.named_modules())
    called = dict.fromkeys(node.target for node in traced.graph.nodes if node.op == "call_module")
    return [name for name in called if isinstance(modules[name], nn.Conv2d)]


def cut(traced: fx.GraphModule, until: str) -> None:
    """End the graph with the convolution `until`; nothing is left that does not lead to it."""
    for node in reversed(traced.graph.nodes):
        if node.op == "output":
            traced.graph.erase_node(node)
    traced.graph.output(next(node for node in traced.graph.nodes if node.target == until))
    traced.graph.eliminate_dead_code()


def fold_batch_norms(traced: fx.GraphModule) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of every convolution, with the batch norm that alone reads it folded in and removed."""
    modules, folded = dict(traced.named_modules()), {}
    for node in list(traced.graph.nodes):
        convolution = modules.get(node.target) if node.op == "call_module" else None
        if not isinstance(convolution, nn.Conv2d) or node.target in folded:
            continue  # a second use of the same weights is refused where it is met
        weight, bias = convolution.weight, convolution.bias
        reader = next(iter(node.users)) if len(node.users) == 1 else node
        norm = modules.get(reader.target) if reader.op == "call_module" else None
        if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None:
            statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
            weight, bias = fuse_conv_bn_weights(weight, bias, *statistics)
            reader.replace_all_uses_with(node)
            traced.graph.erase_node(reader)
        bias = weight.new_zeros(len(weight)) if bias is None else bias
        folded[node.target] = weight.detach().clone(), bias.detach().clone()
    return folded


def simplify(traced: fx.GraphModule) -> None:
    """Take out what does nothing here (a shortcut's slice at stride 1), and let nothing work in place."""
    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        if _does_nothing(node):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
        elif node.op == "call_function":
            node.args = tuple(False if value is True else value for value in node.args)
            node.kwargs = {key: key != "inplace" and value for key, value in node.kwargs.items()}
        elif node.op == "call_module" and getattr(modules[node.target], "inplace", False):
            traced.set_submodule(node.target, copy.copy(modules[node.target]))
            traced.get_submodule(node.target).inplace = False


def measure_reach(traced: fx.GraphModule, until: str) -> dict[fx.Node, int]:
    """Side of the patch that each value sees, for the values that depend on the input.

    Raises:
        ValueError: an operation that looks beyond its own place and is no plain convolution, with its place.
    """
    modules, reach, seen = dict(traced.named_modules()), {}, []
    for node in traced.graph.nodes:
        before = [reach[value] for value in node.all_input_nodes if value in reach]
        if before or node.op == "placeholder":
            reach[node] = max(before, default=1)
        module = modules.get(node.target) if node.op == "call_module" else None
        if isinstance(module, nn.Conv2d) and _plain(module) and node.target not in seen:
            reach[node] += module.dilation[0] * (module.kernel_size[0] - 1)
            seen.append(node.target)
        elif isinstance(module, nn.Conv2d) or not _allowed(node, modules):
            raise ValueError(_refusal(node, module, until, seen))
    return reach


def crop_sums(traced: fx.GraphModule, reach: dict[fx.Node, int]) -> None:
    """Before values of unequal reach meet, cut the larger map to the middle of the smaller one."""
    for node in list(traced.graph.nodes):
        met = [value for value in node.all_input_nodes if value in reach]
        farthest = max(met, key=reach.__getitem__, default=None)
        for value in met:
            if reach[value] < reach[farthest]:
                with traced.graph.inserting_before(node):
                    node.replace_input_with(value, traced.graph.call_function(crop_like, (value, farthest)))


def crop_like(wide: Tensor, narrow: Tensor) -> Tensor:
    """The middle of `wide`, as many rows and columns as `narrow` has."""
    rows, columns = ((wide.shape[axis] - narrow.shape[axis]) // 2 for axis in (-2, -1))
    return wide[..., rows : wide.shape[-2] - rows, columns : wide.shape[-1] - columns]


def _in_place(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether an operation writes into its first input: said by a flag, or by a name as `add_`."""
    if node.op == "call_module":
        return getattr(modules[node.target], "inplace", False)
    if node.op not in ("call_function", "call_method"):
        return False
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return _flagged(node) or (name.endswith("_") and not name.endswith("__"))


def _flagged(node: fx.Node) -> bool:
    """Whether a function was called with `inplace`, by name or by position: another True may stand there."""
    if node.op != "call_function":
        return False
    try:
        given = inspect.signature(node.target).bind(*node.args, **node.kwargs).arguments
    except (TypeError, ValueError):
        return False  # built in, and without the flag; or called wrongly, which is not ours to say
    return given.get("inplace") is True


def _allowed(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether a trunk may run this operation: a value depends on nothing but the values at its own place."""
    if node.op == "call_module":
        module = modules[node.target]
        moving = isinstance(module, nn.BatchNorm2d) and module.running_mean is None
        return isinstance(module, POINTWISE_MODULES) and not moving
    if node.target is torch.cat:
        return (node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)) == 1
    return node.op in ("placeholder", "get_attr", "output") or node.target in (*ARITHMETIC, *POINTWISE)


def _plain(convolution: nn.Conv2d) -> bool:
    height, width = convolution.kernel_size
    square = height == width and height % 2 == 1 and len(set(convolution.dilation)) == 1
    return square and convolution.stride == (1, 1) and convolution.groups == 1


def _refusal(node: fx.Node, module: nn.Module | None, until: str, seen: list[str]) -> str:
    place = node.target if module is not None else next(reversed(node.meta.get("nn_module_stack", {})), "")
    what = module if module is not None else getattr(node.target, "__name__", node.target)
    earlier = f"; `until` may be one of {', '.join(map(repr, seen))}" if seen else ""
    return (
        f"`model` runs {what} at {place!r} on the way to {until!r}; wanted only what works place by "
        "place and convolutions of stride 1 with an odd square kernel, one group, used once: a trunk keeps "
        f"every pixel{earlier}"
    )


def _does_nothing(node: fx.Node) -> bool:
    if node.target is operator.getitem:
        parts = node.args[1] if isinstance(node.args[1], tuple) else ()
        return bool(parts) and all(
            isinstance(part, slice) and (part.start, part.stop) == (None, None) and part.step in (None, 1)
            for part in parts
        )
    return node.target is functional.pad and not any((*node.args, node.kwargs.get("pad"))[1])
