"""A network on the sphere: the source's modules under their own names, and its graph to run them by."""

import copy
import math
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, fx, nn

from ktnlib import check

from .options import Options
from .plan import Plan


class SphereNetwork(nn.Module):
    """Takes panoramas (batch, channel, height, 2·height) and answers what the source network answers.

    It holds copies of the modules of `plan.model` under their own names, so that its state dict has the
    source's; a method replaces modules by others with the same parameters, or answers in a way of its own by
    `answer`. Parameters ask for no gradients until they are told to.

    Fields: `plan`, `options`; `graph`, the operations in order; `root`, a module with the same contents and
    nothing else, so that no name of the model's meets one of ours.
    """

    def __init__(self, plan: Plan, options: Options):
        super().__init__()
        self.plan, self.options, self.graph = plan, options, plan.traced.graph
        model = copy.deepcopy(plan.model)
        self._modules.update(model.named_children())
        self._parameters.update(model._parameters)
        self._buffers.update(model._buffers)
        self._non_persistent_buffers_set.update(model._non_persistent_buffers_set)
        self._keep_constants()
        root = nn.Module()
        for shared in ("_modules", "_parameters", "_buffers"):
            root.__dict__[shared] = self.__dict__[shared]
        self.__dict__["root"] = root
        self.requires_grad_(False)
        self.eval()

    def _keep_constants(self) -> None:
        """Tensors that the source itself has as plain attributes or in `forward` become unsaved buffers."""
        named = {**self._parameters, **self._buffers}
        constants = {node.target for node in self.graph.nodes if node.op == "get_attr"} - named.keys()
        for name in constants:
            if "." not in name:  # or it lies in a module, which is copied whole
                self._buffers[name] = self.plan.traced.get_buffer(name).clone()
                self._non_persistent_buffers_set.add(name)

    @property
    def stride(self) -> int:
        """What must divide a panorama's height."""
        return self.plan.stride

    def forward(self, x: Float[Tensor, "batch channel height width"]):
        check_panorama(x, self.stride)
        return self.answer(x)

    def answer(self, x: Tensor):
        """The source's operations in order; a method that does not replace modules overrides this."""
        return self.run_graph(x)

    def run_graph(self, x: Tensor):
        """Run the graph on x with the modules as they are: the planar network where nothing is replaced."""
        walk = fx.Interpreter(self.root, graph=self.graph)
        walk.extra_traceback = False  # or every message of ours would end with the interpreter's own lines
        return walk.run(x)

    def save(self, path: str | Path) -> None:
        """Write path.safetensors and path.json; `conversion.load(model, path)` brings the network back."""
        from .saving import save  # which stands on everything that makes networks

        save(self, path)

    def __deepcopy__(self, memo: dict) -> "SphereNetwork":
        # nodes are known by identity, and nobody changes a graph that is finished
        memo[id(self.graph)] = self.graph
        made = memo[id(self)] = type(self).__new__(type(self))
        made.__dict__ = copy.deepcopy(self.__dict__, memo)
        return made

    def train(self, mode: bool = True) -> "SphereNetwork":
        """Stays in eval mode: its statistics are the source's."""
        return super().train(False)

    def extra_repr(self) -> str:
        options = self.options
        return f"method={options.method!r}, resolution={options.resolution!r}, spacing={options.spacing}"


def check_panorama(x: Tensor, stride: int) -> Tensor:
    """Refuse what is no 2:1 panorama, or one whose height the stride does not divide."""
    check.panorama("x", x)
    height, width = x.shape[-2:]
    if width != 2 * height:
        raise ValueError(
            f"`x` is {height} x {width} pixels; wanted a whole panorama, {height} x {2 * height}, twice as "
            "wide as high; resample it, or put a picture on one by `place_perspective`"
        )
    check_height("x", height, stride)
    return x


def check_height(name: str, height: int, stride: int) -> int:
    """Refuse a height that the network's stride does not divide."""
    if height % stride:
        below, above = height // stride * stride, math.ceil(height / stride) * stride
        raise ValueError(
            f"`{name}` has {height} rows, and the network's stride is {stride}; wanted a height that it "
            f"divides, {f'{below} or ' if below else ''}{above}"
        )
    return height
