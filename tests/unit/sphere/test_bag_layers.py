"""Taps read as bags, one image after another: against sums written out pixel by pixel, forward and back."""

import pytest
import torch

from ktnlib.sphere import bags, tangent_taps
from ktnlib.sphere.bag_layers import largest_tap, mix_taps
from ktnlib.sphere.baselines.cap import CapConv2d
from ktnlib.sphere.baselines.spherenet import SphereNetConv2d, spherenet_taps
from ktnlib.sphere.sampling import Neighbours

from .images import assert_close, noise

# height, width, kernel, stride, interpolation
PLANS = {
    "3x3": (tangent_taps(5, 10, 3), "bilinear"),
    "bicubic, strided": (tangent_taps(6, 12, 3, spacing=0.9, stride=3), "bicubic"),
    "even": (tangent_taps(6, 12, 2, stride=2), "bilinear"),
    "one tap": (tangent_taps(3, 6, 1), "bilinear"),
    "wider than the sphere": (tangent_taps(4, 8, (1, 5), spacing=3.0), "bicubic"),
    "an odd width is left": (spherenet_taps(6, 10, 3, stride=2), "bilinear"),
}


def written_out(table, interpolation):
    """(rows · out_width, taps, height · width), float64: how much of each pixel each tap takes."""
    rows, columns, shares = table.neighbours(interpolation=interpolation)
    count, taps, pixels = rows.shape
    out_width = table.width // table.stride
    dense = torch.zeros(count, out_width, taps, table.height, table.width, dtype=torch.float64)
    for i in range(count):
        for m in range(out_width):
            for t in range(taps):
                for p in range(pixels):
                    column = (columns[i, t, p] + m * table.stride) % table.width
                    dense[i, m, t, rows[i, t, p], column] += shares[i, t, p]
    return dense.flatten(3).flatten(0, 1)


@pytest.fixture(params=PLANS, ids=str, scope="module")
def case(request):
    table, interpolation = PLANS[request.param]
    return table, interpolation, written_out(table, interpolation)


def in_rows(flat, table):
    return flat.unflatten(-1, (-1, table.width // table.stride))


@pytest.fixture(params=[2**20, 1], ids=["one chunk", "a chunk a row"], autouse=True)
def chunk(request, monkeypatch):
    monkeypatch.setattr(bags, "CHUNK", request.param)


def gradients(out, inputs):
    return torch.autograd.grad(out, inputs, noise(*out.shape, seed=9, dtype=out.dtype))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("batch", [1, 2])
def test_products_and_all_their_gradients_are_the_sums_written_out(case, channels, batch):
    table, interpolation, dense = case
    x, kernel = noise(batch, channels, table.height, table.width), noise(4, channels, dense.shape[1], seed=1)
    inputs = [value.requires_grad_() for value in (x, kernel, noise(4, seed=2))]
    found = mix_taps(*inputs, table.neighbours(interpolation=interpolation), table.stride)
    wanted = in_rows(torch.einsum("opx,bcx,qcp->bqo", dense, x.flatten(2), kernel), table)
    wanted = wanted + inputs[2][:, None, None]
    assert_close(found, wanted, 1e-12)
    for mine, theirs in zip(gradients(found, inputs), gradients(wanted, inputs), strict=True):
        assert_close(mine, theirs, 1e-11)


def test_the_largest_and_its_gradient_are_those_of_the_sums_written_out(case):
    table, interpolation, dense = case
    x = noise(2, 3, table.height, table.width).requires_grad_()
    found = largest_tap(x, table.neighbours(interpolation=interpolation), table.stride)
    # taps that read the same pixels twice over tie to rounding: no matter here, noise has no others
    wanted = in_rows(torch.einsum("opx,bcx->bcop", dense, x.flatten(2)).amax(-1), table)
    assert_close(found, wanted, 1e-12)
    assert_close(gradients(found, x)[0], gradients(wanted, x)[0], 1e-11)


def test_only_the_gradients_that_are_asked_for_are_made():
    table = tangent_taps(4, 8, 3)
    x, kernel = noise(1, 2, 4, 8), noise(3, 2, 9, seed=1)
    kernel.requires_grad_()
    mix_taps(x, kernel, None, table.neighbours(), 1).sum().backward()
    alone = kernel.grad.clone()
    x.requires_grad_()
    mix_taps(x, kernel.detach(), None, table.neighbours(), 1).sum().backward()
    assert_close(kernel.grad, alone, 0)
    assert_close(x.grad.sum(), kernel.detach().sum() * 4 * 8, 1e-10)


def test_equal_largest_taps_share_the_gradient():
    x = torch.full((1, 1, 4, 8), 0.5, dtype=torch.float64, requires_grad=True)
    whole = Neighbours(
        torch.tensor([[[1], [1], [2]]] * 4),
        torch.tensor([[[0], [1], [0]]] * 4),
        torch.ones(4, 3, 1, dtype=torch.float64),
    )
    largest_tap(x, whole, 1).sum().backward()
    wanted = torch.tensor([0, 4 * 2 / 3, 4 / 3, 0], dtype=torch.float64)
    assert_close(x.grad, wanted[:, None].expand(1, 1, 4, 8), 1e-12)


def test_float32_and_strided_memory_give_the_same_to_rounding():
    table = tangent_taps(6, 12, 3)
    plan = table.neighbours()
    x, kernel = noise(2, 5, 6, 12), noise(4, 5, 9, seed=1)
    wanted, largest = mix_taps(x, kernel, None, plan, 1), largest_tap(x, plan, 1)
    x = x.float().permute(1, 3, 0, 2).contiguous().permute(2, 0, 3, 1)
    kernel = kernel.float().permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert not x.is_contiguous()
    assert_close(mix_taps(x, kernel, None, plan, 1).double(), wanted, 1e-5)
    assert_close(largest_tap(x, plan, 1).double(), largest, 1e-6)


def test_no_image_gives_none_and_zero_gradients():
    plan = tangent_taps(4, 8, 3).neighbours()
    x, kernel = noise(0, 2, 4, 8).requires_grad_(), noise(3, 2, 9).requires_grad_()
    mix_taps(x, kernel, None, plan, 1).sum().backward()
    assert x.grad.shape == x.shape
    assert not kernel.grad.any()
    assert largest_tap(x, plan, 1).shape == (0, 2, 4, 8)


@pytest.mark.usefixtures("as_a_user")
def test_a_panorama_of_other_channels_is_refused():
    for layer in (SphereNetConv2d(2, 3, 3), CapConv2d(2, 3, rings=1, sectors=4, radius=0.7)):
        with pytest.raises(ValueError, match="`x` has 4 channels and the kernel reads 2; wanted the same"):
            layer(torch.zeros(1, 4, 8, 16))


def test_a_gradient_of_a_gradient_is_refused():
    plan = tangent_taps(4, 8, 3).neighbours()
    x, kernel = noise(1, 2, 4, 8).requires_grad_(), noise(3, 2, 9).requires_grad_()
    for out in (mix_taps(x, kernel, None, plan, 1), largest_tap(x, plan, 1)):
        (first,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            first.sum().backward()


def test_under_autocast_sums_stay_wide():
    table = tangent_taps(6, 12, 5)
    x, kernel = noise(1, 9, 6, 12, dtype=torch.float32), noise(4, 9, 25, dtype=torch.float32)
    wanted = mix_taps(x, kernel, None, table.neighbours(), 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(mix_taps(x, kernel, None, table.neighbours(), 1), wanted)
