"""Our own networks: what ships, what is trained on this machine, and what is refused."""

import importlib.util
import json
import math

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from torch.nn.functional import interpolate, pad

from ktnlib import data
from ktnlib.data import own_networks
from ktnlib.data.architectures import ResNet, classifier
from ktnlib.data.own_networks import kept_at, read_card, read_network, write_network
from ktnlib.shipped import shipped

CARD = {"seed": 3, "measured": {"accuracy.test": 12.5}}
SHIPS = ("digit-net", "globe-net", "room-net")


@pytest.fixture
def kept():
    """A CIFAR net with random weights and statistics, kept in the (empty) cache."""
    torch.manual_seed(0)
    net = ResNet(3)
    net(torch.rand(4, 3, 8, 8))  # moves the batch norms' statistics
    return net.eval(), write_network("cifar-net-1", net, CARD)


def test_a_kept_network_comes_back_bit_for_bit(kept):
    net, _ = kept
    back = data.source_network("cifar-net-1")
    assert not back.training
    for name, value in net.state_dict().items():
        assert value.ndim == 0 or torch.equal(value, back.state_dict()[name]), name


def test_a_kept_file_says_what_it_is_and_how_it_was_made(kept):
    card = read_card(kept[1])
    assert card | CARD == card
    assert card["network"] == "cifar-net-1"
    assert card["command"] == "python -m ktnlib.experiments run train-cifar-nets --scale laptop"


def test_equal_weights_give_equal_bytes_whatever_their_order_in_memory(kept):
    net, path = kept
    before = path.read_bytes()
    write_network("cifar-net-1", net.to(memory_format=torch.channels_last), CARD)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["sign-net", "cifar-net-0"])
def test_a_network_that_was_not_trained_names_its_command(name):
    wanted = f"{kept_at(name)} is not there; train it: {own_networks.command(name)}"
    with pytest.raises(FileNotFoundError) as refused:
        data.source_network(name)
    assert wanted in str(refused.value)


@pytest.mark.parametrize("part", [0, 7, 100, 0.5, 0.999])
def test_a_file_cut_short_is_refused_with_the_way_to_make_it_again(kept, part):
    whole = kept[1].read_bytes()
    kept[1].write_bytes(whole[: part if isinstance(part, int) else int(part * len(whole))])
    with pytest.raises(ValueError, match=r"can't be read as a network .* train the network again: python"):
        data.source_network("cifar-net-1")


def test_weights_that_changed_are_refused(kept):
    content = bytearray(kept[1].read_bytes())
    content[-5] ^= 1
    kept[1].write_bytes(content)
    with pytest.raises(ValueError, match="are not those that were written there; remove the file"):
        read_network("cifar-net-1")


def test_another_networks_file_is_refused(kept):
    kept[1].rename(kept_at("cifar-net-2"))
    with pytest.raises(ValueError, match="holds 'cifar-net-1'; wanted 'cifar-net-2'"):
        read_network("cifar-net-2")


def test_weights_without_a_card_are_refused(kept):
    kept[1].write_bytes(save({"weight": np.zeros(3, np.float32)}))
    with pytest.raises(ValueError, match="has no card in its metadata"):
        read_network("cifar-net-1")


def test_weights_of_another_architecture_are_refused():
    write_network("sign-net", classifier(3, ((4, 4),), 43), CARD)
    with pytest.raises(ValueError, match=r"'sign-net' belong to another architecture; train it again"):
        data.source_network("sign-net")


@pytest.mark.parametrize("name", SHIPS)
def test_what_ships_is_small_and_whole(name):
    path = own_networks.own_network(name)
    assert path == shipped("networks", f"{name}.safetensors")
    assert path.stat().st_size <= 300_000
    assert sum(array.nbytes for array in load(path.read_bytes()).values()) > 50_000
    channels = 3 if name == "room-net" else 1
    assert data.source_network(name)(torch.rand(1, channels, 44, 44)).isfinite().all()


@pytest.mark.parametrize("name", SHIPS)
def test_the_card_beside_a_network_is_what_its_file_says(name):
    spec = importlib.util.spec_from_file_location("ship_networks", shipped("ship_networks.py"))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    path = shipped("networks", f"{name}.safetensors")
    assert path.with_suffix(".md").read_text(encoding="utf-8") == script.model_card(path)


@pytest.mark.parametrize("name", SHIPS)
def test_what_the_card_says_of_its_seed_is_what_was_recorded(name):
    card = read_card(shipped("networks", f"{name}.safetensors"))
    result = json.loads(shipped("results", f"{own_networks.TRAINED_BY[name]}-laptop.json").read_bytes())
    place = result["seeds"].index(card["seed"])
    for metric, value in card["measured"].items():
        assert value == result["metrics"][metric]["values"][place]


@pytest.mark.parametrize(("name", "border"), [("digit-net", 0), ("globe-net", 8)])
def test_a_reader_reads_the_digits_it_was_not_trained_on(name, border):
    digits, net = data.digits(), data.source_network(name)
    images = interpolate(digits.test_images, size=28, mode="bilinear", align_corners=False)
    images = pad(images, (border,) * 4)
    with torch.no_grad():
        right = (net(images).argmax(dim=1) == digits.test_labels).float().mean().item()
    assert right >= 0.97


def test_a_unit_of_the_globe_net_sees_32_pixels_and_black_is_zero():
    trunk = data.source_network("globe-net")[:-3]
    canvas = torch.rand(1, 1, 44, 44, generator=torch.Generator().manual_seed(0))
    last = trunk(canvas)
    assert last.shape == (1, 32, 4, 4)
    for row, column in ((0, 0), (1, 3), (3, 2)):
        alone = trunk(canvas[..., 4 * row : 4 * row + 32, 4 * column : 4 * column + 32])
        assert (alone - last[..., row : row + 1, column : column + 1]).abs().max() < 1e-5
    assert torch.equal(trunk[0](canvas), canvas)


def test_the_room_net_takes_noise_out_of_the_wall_it_never_saw():
    room = data.panoramas(height=256)[0][1][..., 100:148, 360:408]  # the eastern wall, near the horizon
    noisy = room + 25 / 255 * torch.randn(room.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        cleaned = noisy - data.source_network("room-net")(noisy)
    gain = 10 * math.log10((noisy - room).square().mean() / (cleaned - room).square().mean())
    assert gain > 5
