"""The source network up to one convolution, as a chain in which every convolution can be replaced."""

import copy
import hashlib
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn
from torch.nn.functional import conv2d

from ktnlib import check

from . import graph


@dataclass(frozen=True, eq=False)
class ConvLayer:
    """One convolution of a trunk, its batch norm folded in.

    `receptive_field` is the side in source pixels of the patch that one value of this layer sees, 15 after
    seven 3×3 convolutions; odd.
    """

    weight: Float[Tensor, "out_channel in_channel side side"]
    bias: Float[Tensor, "out_channel"]
    dilation: int
    receptive_field: int

    @property
    def kernel_size(self) -> int:
        return self.weight.shape[-1]


Convolve = Callable[[str, ConvLayer, Tensor], Tensor]


def valid(name: str, layer: ConvLayer, x: Tensor) -> Tensor:
    """The source's own convolution without any padding: the map shrinks."""
    return conv2d(x, layer.weight, layer.bias, dilation=layer.dilation)


class Trunk:
    """A network in eval mode up to and with the convolution `until`; planar borders, and padding, are gone.

    Batch norms are folded into the convolutions before them. What a convolution answers is its output with
    bias and batch norm, before activation and shortcut. Where maps of unequal size meet, as in a valid run
    through a shortcut, the larger is cropped about its centre. The weights are copies without gradients.

    Args:
        model: takes (batch, channel, height, width); its own normalisation, if any, is part of the trunk.
        until: the name of the last convolution as in `model.named_modules()`, "layer1.2.conv2".

    Raises:
        ValueError: a model in train mode or one that can't be traced, an unknown name (the known are
            listed), an operation that looks beyond its own place other than a convolution of stride 1 with
            an odd square kernel (stride, pooling, means), named with its place.

    >>> import torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1)).eval()
    >>> trunk = Trunk(net, until="2")
    >>> {name: layer.receptive_field for name, layer in trunk.layers.items()}
    {'0': 3, '2': 5}
    >>> tuple(trunk.walk(torch.zeros(7, 3, 5, 5)).shape)
    (7, 2, 1, 1)
    """

    layers: dict[str, ConvLayer]
    receptive_field: int

    def __init__(self, model: nn.Module, *, until: str):
        if any(module.training for module in model.modules()):
            raise ValueError(
                "`model` is in train mode; wanted its statistics at rest: call model.eval() first"
            )
        self._traced = graph.trace(model)
        check.choice("until", until, graph.convolutions(self._traced))
        graph.rewire_in_place(self._traced)
        folded = graph.fold_batch_norms(self._traced)
        graph.cut(self._traced, until)
        graph.simplify(self._traced)
        reach = graph.measure_reach(self._traced, until)
        graph.crop_sums(self._traced, reach)
        self._traced.recompile()
        modules = dict(self._traced.named_modules())
        self.layers = {
            node.target: ConvLayer(*folded[node.target], modules[node.target].dilation[0], reach[node])
            for node in self._traced.graph.nodes
            if node.target in folded
        }
        self.receptive_field = self.layers[until].receptive_field
        self._walk = _Walk(self._traced, self.layers)

    def walk(
        self, x: Float[Tensor, "batch in_channel height width"], convolve: Convolve = valid
    ) -> Float[Tensor, "batch out_channel height2 width2"]:
        """Run the trunk with `convolve(name, layer, x)` in place of every convolution; the last output."""
        walk = copy.copy(self._walk)  # a plan of what may be dropped when, and the values of one run
        walk.convolve = convolve
        return walk.run(x)

    def run(
        self, x: Float[Tensor, "batch in_channel height width"], convolve: Convolve = valid
    ) -> dict[str, Tensor]:
        """As `walk`, and keep what every convolution answers: {name: (batch, out_channel, height, width)}."""
        outputs: dict[str, Tensor] = {}

        def keep(name: str, layer: ConvLayer, x: Tensor) -> Tensor:
            return outputs.setdefault(name, convolve(name, layer, x))

        self.walk(x, keep)
        return outputs

    def inputs(
        self, x: Float[Tensor, "batch in_channel height width"], outputs: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """What every convolution reads when the convolutions answer `outputs`: {name: its input}.

        Between convolutions a trunk works place by place, so exact outputs give exact inputs.

        Args:
            x: what the outputs were computed from, of the same height and width.
            outputs: an output for every layer, as from `run` on the sphere or from `exact_features`.
        """
        read: dict[str, Tensor] = {}

        def answer(name: str, layer: ConvLayer, x: Tensor) -> Tensor:
            read[name] = x
            return outputs[name]

        self.walk(x, answer)
        return read

    def fingerprint(self) -> str:
        """A hash of the trunk's operations and numbers: equal for equal trunks, in any process."""
        digest = hashlib.sha256()
        for node in self._traced.graph.nodes:
            if node.op != "placeholder":
                digest.update(str(node.format_node()).encode())
            if node.op == "call_module" and node.target not in self.layers:
                digest.update(repr(self._traced.get_submodule(node.target)).encode())
        for name, value in self._numbers():
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    def _numbers(self) -> Iterator[tuple[str, Tensor]]:
        for name, layer in self.layers.items():
            yield from ((f"{name} {layer.dilation}", value) for value in (layer.weight, layer.bias))
        for node in self._traced.graph.nodes:
            if node.op == "get_attr":
                yield node.target, operator.attrgetter(node.target)(self._traced)
            elif node.op == "call_module" and node.target not in self.layers:
                module = self._traced.get_submodule(node.target)
                yield from module.state_dict().items()


class _Walk(fx.Interpreter):
    """Runs the graph, hands the convolutions out, and drops what is no longer needed."""

    convolve: Convolve

    def __init__(self, traced: fx.GraphModule, layers: dict[str, ConvLayer]):
        super().__init__(traced)
        self.extra_traceback = False  # or every message of ours would end with the interpreter's own lines
        self.layers = layers

    def call_module(self, target, args, kwargs):
        if target in self.layers:
            return self.convolve(target, self.layers[target], args[0])
        return super().call_module(target, args, kwargs)
