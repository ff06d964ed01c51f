"""One network on panoramas: its exact features, who is trained and tested on what, and errors by latitude."""

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ktnlib import data
from ktnlib.sphere import EquirectGrid, rotate_panorama
from ktnlib.sphere.fitting import ConvLayer, TargetCache, Trunk, cached_features
from ktnlib.sphere.fitting.equations import RowEquations
from ktnlib.sphere.fitting.layers import filter_equations, layer_table

from .progress import progress

PHOTOGRAPHS, TURNS = 30, 6
SPLITS = 3
CACHE_BYTES = 16 << 30  # two networks on 256 rows take 3.5 GB, a third on 128 another one
BANDS = (3, 9, 18, 36, 54, 72, 90)  # degrees from the nearer pole; a band is 3° to either side

Answer = Callable[[str, ConvLayer, Tensor], Tensor]


@dataclass(frozen=True)
class Setting:
    """A source network up to one convolution, on pictures of one height, "photographs" or "painted-room".

    The room is one picture; it is turned `TURNS` ways to have something to fit and something to test. `limit`
    is how many of the photographs are used, the first ones by name.
    """

    network: str
    until: str
    height: int
    pictures: str
    limit: int = PHOTOGRAPHS

    @property
    def trunk(self) -> Trunk:
        return _trunk(self.network, self.until)

    @property
    def layers(self) -> list[str]:
        """The layers that are fitted: the first reads the image and is exact as it is."""
        return list(self.trunk.layers)[1:]

    @property
    def count(self) -> int:
        return min(self.limit, PHOTOGRAPHS if self.pictures == "photographs" else TURNS)

    def picture(self, index: int) -> Tensor:
        """(1, channel, height, 2·height), in the channels the network reads."""
        picture = _picture(self.pictures, self.height, index)
        first = next(iter(self.trunk.layers.values()))
        return picture.mean(1, keepdim=True) if first.weight.shape[1] == 1 else picture

    def exact(self, index: int) -> dict[str, Tensor]:
        """Every layer's exact answer, from the user's cache where it is there."""
        return cached_features(self.trunk, self.picture(index), cache=TargetCache(limit_bytes=CACHE_BYTES))

    def batch(self, indices: Iterable[int]) -> tuple[Tensor, dict[str, Tensor]]:
        """Pictures and exact answers of several panoramas, one after the other in each tensor."""
        indices = list(indices)
        exact = [self.exact(index) for index in indices]
        answers = {name: torch.cat([one[name] for one in exact]) for name in self.trunk.layers}
        return torch.cat([self.picture(index) for index in indices]), answers


def held_out(seed: int, count: int) -> tuple[int, ...]:
    """A fifth of the panoramas: seed 0 the last ones, 1 every fifth, further seeds drawn."""
    if seed == 0:
        return tuple(range(count - count // 5, count))
    if seed == 1:
        return tuple(range(4, count, 5))
    drawn = torch.randperm(count, generator=torch.Generator().manual_seed(seed))[: count // 5]
    return tuple(sorted(drawn.tolist()))


def not_held_out(seed: int, count: int) -> list[int]:
    """The panoramas a split is fitted on."""
    tests = held_out(seed, count)
    return [index for index in range(count) if index not in tests]


def training_equations(setting: Setting, seed: int | None) -> dict[str, RowEquations]:
    """Filter equations of every layer on exact inputs, over all panoramas the split does not test.

    Sums over panoramas that several splits share are made once: three splits cost one pass. Seed None is no
    split: all panoramas.
    """
    tests = [set(held_out(one, setting.count)) for one in range(max(SPLITS, (seed or 0) + 1))]
    groups: dict[tuple[bool, ...], list[int]] = {}
    for index in range(setting.count):
        groups.setdefault(tuple(index in test for test in tests), []).append(index)
    return added(
        [
            group_equations(setting, tuple(members))
            for pattern, members in groups.items()
            if seed is None or not pattern[seed]
        ]
    )


def added(parts: list[dict[str, RowEquations]]) -> dict[str, RowEquations]:
    """Equations of several groups of panoramas, layer by layer."""
    return {name: functools.reduce(RowEquations.__add__, (part[name] for part in parts)) for name in parts[0]}


@functools.cache
def group_equations(setting: Setting, indices: tuple[int, ...]) -> dict[str, RowEquations]:
    """Filter equations of every layer on the exact inputs of some panoramas."""
    sums: dict[str, RowEquations] = {}
    for index in progress(indices, f"equations of {setting.network}, {setting.height} rows"):
        picture, exact = setting.batch([index])
        read = setting.trunk.inputs(picture, exact)
        for name in setting.layers:
            layer = setting.trunk.layers[name]
            table = layer_table(layer, read[name])
            found = filter_equations(layer, read[name], exact[name], table)
            sums[name] = sums[name] + found if name in sums else found
    return sums


@torch.no_grad()
def squared_errors(setting: Setting, indices: Iterable[int], answer: Answer) -> dict[str, Tensor]:
    """By layer, (rows, 2): sums of squared errors and of squared targets when `answer` runs every layer."""
    sums: dict[str, Tensor] = {}
    for index in indices:
        picture, exact = setting.batch([index])
        for name, found in setting.trunk.run(picture, answer).items():
            difference, target = found.double() - exact[name], exact[name].double()
            both = torch.stack([part.square().sum(dim=(0, 1, 3)) for part in (difference, target)], dim=1)
            sums[name] = sums[name] + both if name in sums else both
    return sums


def metrics(setting: Setting, head: str, sums: dict[str, Tensor]) -> dict[str, float]:
    """Relative RMSE by layer, weighted by solid angle and plain, and of the last layer by latitude."""
    weights = EquirectGrid(setting.height).solid_angles
    found = {}
    for number, name in enumerate(setting.layers, start=2):
        found[f"error.weighted.{head}.conv{number}"] = relative(sums[name], weights)
        found[f"error.plain.{head}.conv{number}"] = relative(sums[name], torch.ones_like(weights))
    for degrees, side, rows in bands(setting.height):
        found[f"error.band.{head}.{degrees}deg.{side}"] = relative(sums[setting.layers[-1]], rows.double())
    return found


def bands(height: int) -> Iterator[tuple[int, str, Tensor]]:
    """(degrees from the pole, "north", "south" or "both", which rows)."""
    polar = EquirectGrid(height).polar_angles.rad2deg()
    for degrees in BANDS:
        north, south = ((angle - degrees).abs() < 3 for angle in (polar, 180 - polar))
        yield from ((degrees, "north", north), (degrees, "south", south), (degrees, "both", north | south))


def worst_band(found: dict[str, float], head: str, against: str, height: int) -> float:
    """The largest ratio of a head's error to another's over bands of latitude, north and south apart."""
    sides = [f"{degrees}deg.{side}" for degrees, side, _ in bands(height)]
    return max(found[f"error.band.{head}.{side}"] / found[f"error.band.{against}.{side}"] for side in sides)


def relative(sums: Tensor, weights: Tensor) -> float:
    """sqrt(Σ w·|y − t|² / Σ w·|t|²) from sums by row."""
    error, target = (weights[:, None] * sums).sum(0)
    return math.sqrt(error / target)


@functools.cache
def _trunk(network: str, until: str) -> Trunk:
    return Trunk(data.source_network(network), until=until)


@functools.lru_cache(maxsize=64)
def _picture(pictures: str, height: int, index: int) -> Tensor:
    if pictures == "painted-room":
        return _turned_room(height, index)
    photographs = data.panoramas(height=height, sets=("panoramas",))
    if len(photographs) < PHOTOGRAPHS:
        raise FileNotFoundError(
            f"there are {len(photographs)} of the {PHOTOGRAPHS} photographs at hand; get them first: "
            "python -m ktnlib.data get panoramas, or name their folder in KTNLIB_DATA"
        )
    return photographs[index][1]


def _turned_room(height: int, index: int) -> Tensor:
    """The painted room as it is (0), and seen in other positions of the head."""
    room = data.panoramas(height=512, sets=("painted-room",))[0][1]
    if index:
        turn = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(index))
        rotation, triangular = torch.linalg.qr(turn)
        rotation = rotation * triangular.diagonal().sign()
        rotation[:, 0] *= torch.linalg.det(rotation).sign()
        room = rotate_panorama(room, rotation)
    return avg_pool2d(room, 512 // height)
