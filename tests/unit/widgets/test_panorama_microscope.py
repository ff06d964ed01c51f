import math
import zlib

import pytest
import torch
import traitlets

from ktnlib import data
from ktnlib.sphere import EquirectGrid, render_perspective
from ktnlib.widgets.microscope_maps import SHOWN, room_maps
from ktnlib.widgets.panorama_microscope import METHODS, PanoramaMicroscope, pack


@pytest.fixture(scope="module")
def room():
    return data.panoramas(height=64)[0][1]


@pytest.fixture(scope="module")
def maps(room):
    return room_maps(room)


def error(method, exact):
    areas = EquirectGrid(len(exact)).solid_angles[:, None]
    middle = (areas * exact).sum() / areas.expand_as(exact).sum()
    return ((areas * (method - exact) ** 2).sum() / (areas * (exact - middle) ** 2).sum()).sqrt().item()


def plane(seed=0, height=8):
    return torch.rand(height, 2 * height, generator=torch.Generator().manual_seed(seed))


def planes(**change):
    return {name: plane(seed) for seed, name in enumerate(("exact", *METHODS))} | change


def test_the_exact_map_is_the_network_on_a_flat_patch(room, maps):
    net, row, column = data.source_network("room-net"), 9, 70
    grid, fov = EquirectGrid(64), 2 * math.atan(15 * math.pi / 128)
    where = {"yaw": grid.longitudes[column].item(), "pitch": grid.latitudes[row].item()}
    kept = []
    net.conv7.register_forward_hook(lambda module, given, answer: kept.append(answer))
    net(render_perspective(room, **where, fov=fov, size=15))
    found, wanted = maps["layer 7"]["exact"][row, column], kept[0][0, SHOWN["conv7"], 7, 7]
    assert found.item() == pytest.approx(wanted.item(), abs=1e-4)


def test_the_methods_come_in_the_order_the_description_gives(maps):
    last, early = maps["layer 7"], maps["layer 2"]
    direct, bilinear, ktn = (error(last[name], last["exact"]) for name in METHODS)
    assert ktn < bilinear < direct
    # bilinear taps keep up in layer 2 and fade by layer 7
    ratios = [error(one["bilinear"], one["exact"]) / error(one["ktn"], one["exact"]) for one in (early, last)]
    assert ratios[0] < 1.3
    assert ratios[1] > 1.3


def test_what_the_page_carries_is_small_and_close_to_the_maps(maps):
    widget = PanoramaMicroscope(maps)
    packed, scales, height = pack(maps)
    assert widget.maps == packed
    assert (widget.grid_height, widget.labels) == (height, list(maps))
    assert len(widget.picture) <= 12_000
    content = torch.frombuffer(bytearray(zlib.decompress(packed)), dtype=torch.uint8).view(3, 4, 64, 128)
    low, high, most, *_ = scales[2]
    exact, direct = (maps["layer 7"][name] for name in ("exact", "direct"))
    assert (content[2, 0] / 255 * (high - low) + low - exact).abs().max() <= (high - low) / 509
    steps = content[2, 1].view(torch.int8) / 127 * most
    assert (steps - (direct - exact)).abs().max() <= most / 253


def test_no_value_given_means_the_painted_room_in_less_than_300_kilobytes():
    widget = PanoramaMicroscope()
    assert widget.labels == ["layer 2", "layer 4", "layer 7"]
    assert widget.layer == 2
    assert len(widget.maps) + len(widget.picture) < 300_000


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ({}, "holds 0 layers; wanted one to three"),
        ({"a": {"exact": plane()}}, r"lacks \['bilinear', 'direct', 'ktn'\] for 'a'"),
        ({"a": planes(ktn=plane(1, 4))}, r"shape \(4, 8\) for 'ktn' of 'a'; wanted \(height"),
        ({"a": planes(ktn=plane() / 0)}, "'ktn' of 'a' is not finite"),
        ({"a": planes(exact=torch.ones(8, 16))}, "exact map of 'a' is constant"),
    ],
)
def test_maps_that_cannot_be_shown_are_refused(maps, message):
    with pytest.raises(ValueError, match=message):
        PanoramaMicroscope(maps)


def test_maps_of_whole_numbers_are_refused():
    with pytest.raises(TypeError, match=r"`maps` has dtype torch\.int64"):
        PanoramaMicroscope({"a": planes(direct=plane().long())})


@pytest.mark.parametrize(("name", "value"), [("method", "exact"), ("row", -1), ("layer", -1)])
def test_states_that_cannot_be_shown_are_refused(name, value):
    with pytest.raises(traitlets.TraitError, match=name):
        PanoramaMicroscope({"a": planes()}, **{name: value})
