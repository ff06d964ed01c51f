import copy
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from ktnlib.sphere import EquirectGrid, KernelTransformer, row_conv2d, tangent_conv2d, tangent_taps
from ktnlib.sphere.published import PublishedHead, published_spacing
from ktnlib.sphere.shared_taps import shared_taps, with_knots
from ktnlib.sphere.tap_filters import ZERO_SUM, spline_basis

from .images import assert_close, noise

SIZES = [(8, None, 1, (3, 3)), (5, 12, 1, (1, 5)), (8, None, 2, (2, 2)), (9, 18, 3, (3, 3))]


def angles(rows):
    return EquirectGrid(rows).polar_angles


def drawn(kernel_size=3, *, knots=8, seed=3, **options):
    """A transformer whose tap filters are far from bicubic."""
    taps = kernel_size**2 if isinstance(kernel_size, int) else kernel_size[0] * kernel_size[1]
    shares = noise(taps, 8, knots, seed=seed) / 5
    return KernelTransformer(kernel_size, coefficients=shares, **options)


@pytest.mark.parametrize("head", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("height", "width", "stride", "size"), SIZES, ids=str)
def test_geometric_heads_are_the_tangent_convolution(height, width, stride, size, head):
    x, weight = noise(2, 3, height, width or 2 * height), noise(4, 3, *size, seed=1)
    transformer = KernelTransformer(size, head=head, spacing=0.4)
    assert not list(transformer.parameters())
    kernels = transformer(weight, angles(height // stride), width=width, stride=stride)
    wanted = tangent_conv2d(x, weight, spacing=0.4, stride=stride, interpolation=head)
    assert_close(row_conv2d(x, kernels), wanted, 1e-12)


@pytest.mark.parametrize(("height", "width", "stride", "size"), SIZES, ids=str)
def test_taps_without_coefficients_are_bicubic(height, width, stride, size):
    weight = noise(4, 3, *size, seed=1)
    taps = KernelTransformer(size, coefficients=torch.zeros(size[0] * size[1], 8, 6))
    dense = [
        head(weight, angles(height // stride), width=width, stride=stride).to_dense()
        for head in (taps, KernelTransformer(size, head="bicubic"))
    ]
    assert_close(*dense, 1e-15)


@pytest.mark.parametrize("kind", ["keys -3/4", "bilinear", "spline x"])
def test_one_coefficient_moves_one_tap_by_its_basis_filter_where_its_spline_lives(kind):
    shares = torch.zeros(9, 8, 6, dtype=torch.float64)
    shares[5, ZERO_SUM.index(kind), 2] = 0.7
    table = tangent_taps(12, 24, 3, spacing=0.2)
    learned = KernelTransformer(3, coefficients=shares).filters(table).weights
    moved = learned - KernelTransformer(3, head="bicubic").filters(table).weights
    assert not moved[:, [0, 1, 2, 3, 4, 6, 7, 8]].any()
    if kind == "bilinear":
        # a share of 1 at all angles replaces bicubic by bilinear: the 2x2 in the middle of the window
        shares[5, 1] = 1.0
        read = KernelTransformer(3, coefficients=shares).filters(table).weights[:, 5]
        two_by_two = KernelTransformer(3, head="bilinear").filters(table).weights[:, 5]
        assert_close(read[:, [5, 6, 9, 10]], two_by_two, 1e-12)
        assert_close(read[:, [0, 3, 4, 12, 15]], torch.zeros(12, 5), 1e-12)
    live = spline_basis(angles(12), 6)[:, 2] > 0
    assert torch.equal(moved[:, 5].abs().sum(1) > 1e-9, live)


@pytest.mark.parametrize("stride", [1, 2])
def test_every_tap_s_weights_sum_to_one_so_that_a_constant_stays(stride):
    transformer = drawn(3)
    kernels = transformer(noise(4, 3, 3, 3), angles(8 // stride), stride=stride)
    assert_close(kernels.neighbours.weights.sum(-1), torch.ones(8 // stride, 9), 1e-12)
    out = row_conv2d(torch.ones(1, 3, 8, 16, dtype=torch.float64), kernels)
    wanted = noise(4, 3, 3, 3).sum((1, 2, 3))[:, None, None].expand(out.shape[1:])
    assert_close(out[0], wanted, 1e-11)


def test_the_same_coefficients_serve_any_height_smoothly():
    transformer = drawn(3)
    weight = noise(1, 1, 3, 3)
    assert transformer(weight, angles(4)).height == 4
    assert transformer(weight, angles(64)).height == 64


@pytest.mark.parametrize("head", ["bilinear", "bicubic", "taps"])
def test_a_kernel_of_one_pixel_is_left_alone(head):
    x, weight = noise(1, 3, 6, 12), noise(4, 3, 1, 1)
    transformer = KernelTransformer(1, head=head)
    assert not list(transformer.parameters())
    assert_close(row_conv2d(x, transformer(weight, angles(6))), torch.nn.functional.conv2d(x, weight), 1e-13)


def test_larger_kernels_take_the_shipped_filters_of_the_tap_on_their_side(monkeypatch):
    stored = noise(9, 8, 16, dtype=torch.float32)
    monkeypatch.setattr("ktnlib.sphere.shared_taps._stored", lambda: stored)
    assert KernelTransformer(3).coefficients.equal(stored)
    tall = KernelTransformer((5, 3)).coefficients
    for tap, source in ((0, 0), (4, 1), (6, 3), (7, 4), (10, 7), (14, 8)):
        assert tall[tap].equal(stored[source]), tap
    assert KernelTransformer(2).coefficients.equal(stored[[0, 2, 6, 8]])


def test_the_set_that_ships_fits_a_three_by_three_kernel_and_is_left_as_it_is():
    transformer = KernelTransformer(3)
    assert transformer.coefficients.equal(shared_taps())
    assert transformer.coefficients.shape == (9, 8, 16)
    with torch.no_grad():
        transformer.coefficients.add_(1.0)
    assert not KernelTransformer(3).coefficients.equal(transformer.coefficients)


def test_the_shipped_set_can_be_had_with_other_knots():
    assert KernelTransformer(3, knots=8).coefficients.shape == (9, 8, 8)


def test_other_knots_hold_the_same_functions_where_they_can():
    # a cubic in the angle lies in every spline space
    few = noise(2, 8, 4)
    many = with_knots(few, 16)
    at = angles(9)
    shares = [torch.einsum("ij,kbj->ikb", spline_basis(at, knots.shape[-1]), knots) for knots in (few, many)]
    assert_close(*shares, 1e-9)
    assert_close(with_knots(many, 4), few, 1e-9)


def test_gradients_reach_the_coefficients_and_the_source_kernel():
    x, weight = noise(1, 2, 6, 12), noise(3, 2, 3, 3).requires_grad_()
    transformer = drawn(3, knots=4)
    names = [name for name, _ in transformer.named_parameters()]
    assert names == ["coefficients"]

    def forward(shares, weight):
        kernels = torch.func.functional_call(transformer, {"coefficients": shares}, (weight, angles(6)))
        return row_conv2d(x, kernels)

    shares = transformer.coefficients.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(forward, (shares, weight), fast_mode=True)


def published(**change):
    options = {"in_channels": 2, "height": 8, "ties": 2, "generator": torch.Generator().manual_seed(0)}
    return KernelTransformer(3, head="published", **options | change)


def test_the_published_head_gives_bands_and_takes_a_head_that_exists():
    weight = noise(3, 2, 3, 3, dtype=torch.float32)
    head = PublishedHead(2, 8, ties=2, generator=torch.Generator().manual_seed(0))
    kernels = published()(weight, angles(8))
    assert kernels.form == "bands"
    assert_close(kernels.to_dense(), KernelTransformer(3, head=head)(weight, angles(8)).to_dense(), 1e-6)


def test_a_named_spacing_is_the_published_one_s():
    named = published(spacing="released", camera_width=40)
    given = published(spacing=published_spacing(40, rule="released"))
    assert [band.size for band in named.published.shapes] == [band.size for band in given.published.shapes]
    taps = KernelTransformer(3, spacing="pinhole", camera_width=100)
    assert taps.spacing == published_spacing(100, rule="pinhole")


@pytest.mark.parametrize("make", [drawn, published])
def test_kernels_are_kept_while_nothing_changes_and_made_anew_when_something_does(make, monkeypatch):
    transformer, weight = make(), noise(3, 2, 3, 3, dtype=torch.float32)
    calls = []
    target = transformer.published if transformer.published is not None else transformer
    name = "forward" if transformer.published is not None else "filters"
    original = getattr(target, name)
    monkeypatch.setattr(target, name, lambda *arguments: calls.append(1) or original(*arguments))

    def made():
        before = len(calls)
        dense = transformer(weight, angles(8)).to_dense().detach()
        return dense, len(calls) - before

    with torch.no_grad():
        first, count = made()
        assert (count, made()[1]) == (1, 0)
        parameter = next(transformer.parameters())
        parameter.add_(0.1)
        second, count = made()
        assert count == 1
        assert not second.equal(first)
        assert made()[1] == 0
        transformer.load_state_dict({name: 2 * p for name, p in transformer.state_dict().items()})
        third, count = made()
        assert count == 1
        assert not third.equal(second)
        weight.mul_(2.0)
        fourth, _ = made()
        assert not fourth.equal(third)
        weight = weight.clone().neg_()
        assert not made()[0].equal(fourth)
    assert (made()[1], made()[1]) == (1, 1)  # a gradient is asked for


def test_kernels_are_kept_for_the_latest_sizes_and_not_in_copies():
    transformer, weight = drawn(), noise(3, 2, 3, 3)
    with torch.no_grad():
        for rows in (4, 5, 6, 7, 8, 9):
            transformer(weight, angles(rows))
    assert len(transformer._cache) == 4
    for other in (copy.deepcopy(transformer), pickle.loads(pickle.dumps(transformer))):
        assert len(other._cache) == 0
        assert_close(other(weight, angles(4)).to_dense(), transformer(weight, angles(4)).to_dense(), 1e-14)


def test_tensors_made_for_inference_pass_without_being_kept():
    transformer = published()
    with torch.inference_mode():
        weight = noise(3, 2, 3, 3, dtype=torch.float32)
        once, twice = (transformer(weight, angles(8)).to_dense() for _ in range(2))
    assert_close(once, twice, 1e-6)
    assert len(transformer._cache) == 0


@pytest.mark.parametrize("make", [drawn, published])
def test_kernels_kept_from_inference_serve_a_gradient_through_the_image(make):
    transformer, weight = make().requires_grad_(False), noise(3, 2, 3, 3, dtype=torch.float32)
    x = noise(1, 2, 8, 16, dtype=torch.float32).requires_grad_()
    with torch.inference_mode():
        transformer(weight, angles(8))
    kernels = transformer(weight, angles(8))
    kept = kernels.bands[0].weight if kernels.bands else kernels.neighbours.weights
    assert not kept.is_inference()
    row_conv2d(x, kernels).sum().backward()
    assert x.grad.any()


def test_a_state_without_the_transformer_loads_around_it_if_asked_to():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), drawn(3))
    planar = {"0.weight": torch.zeros(1, 1, 3, 3), "0.bias": torch.zeros(1)}
    assert network.load_state_dict(planar, strict=False).missing_keys == ["1.coefficients"]
    with pytest.raises(RuntimeError, match=r'Missing key.* "1.coefficients"'):
        network.load_state_dict(planar)


@pytest.mark.parametrize("make", [drawn, published])
def test_parameters_survive_a_file(make, tmp_path):
    transformer, weight = make(), noise(3, 2, 3, 3, dtype=torch.float32)
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.add_(noise(*parameter.shape).to(parameter) / 10)
    save_file(transformer.state_dict(), tmp_path / "head.safetensors")
    other = make(seed=9) if make is drawn else make()
    other.load_state_dict(load_file(tmp_path / "head.safetensors"))
    assert_close(other(weight, angles(8)).to_dense(), transformer(weight, angles(8)).to_dense(), 1e-6)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (
            lambda: drawn(5).state_dict(),
            r"has `coefficients` \(25, 8, 8\); wanted `coefficients` \(9, 8, 8\)",
        ),
        (
            lambda: drawn(3, knots=6).state_dict(),
            r"\(9, 8, 6\); wanted .* \(9, 8, 8\) for KernelTransformer\(3",
        ),
        (lambda: published().state_dict(), r"has `published.base.0` .* more; wanted `coefficients`"),
        (lambda: KernelTransformer(3, head="bicubic").state_dict(), r'Missing key.* "coefficients"'),
    ],
)
def test_parameters_of_another_transformer_are_refused(stored, message):
    with pytest.raises(RuntimeError, match=message):
        drawn(3).load_state_dict(stored())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"head": "cubic"},
            ValueError,
            "`head` is 'cubic'; wanted one of 'bilinear', 'bicubic', 'taps', 'pub",
        ),
        ({"kernel_size": 0}, ValueError, "`kernel_size` is 0"),
        ({"kernel_size": (3, 3, 3)}, ValueError, r"`kernel_size` is \(3, 3, 3\)"),
        ({"spacing": 0.0}, ValueError, "`spacing` is 0; wanted more than 0"),
        ({"spacing": -1}, ValueError, "`spacing` is -1"),
        ({"spacing": "released"}, TypeError, "`spacing` is 'released' without `camera_width`"),
        ({"spacing": "wide", "camera_width": 40}, ValueError, "`rule` is 'wide'; wanted one of 'released'"),
        ({"knots": 3}, ValueError, "`knots` is 3; wanted at least 4"),
        ({"coefficients": torch.zeros(8, 8, 6)}, ValueError, r"shape \(8, 8, 6\); wanted \(9, 8, 6\)"),
        ({"coefficients": torch.zeros(9, 8, 3)}, ValueError, "at least 4 splines"),
        ({"coefficients": torch.zeros(9, 8, 6), "knots": 5}, ValueError, "make both agree"),
        ({"coefficients": torch.zeros(9, 8, 6).long()}, TypeError, "`coefficients` has dtype torch.int64"),
        ({"ties": 5}, TypeError, "`ties` given to head 'taps', which has no use for it"),
        ({"head": "bicubic", "knots": 8}, TypeError, "`knots` given to head 'bicubic'"),
        (
            {"head": "bilinear", "coefficients": torch.zeros(9, 8, 6)},
            TypeError,
            '`coefficients` only with head="taps"',
        ),
        ({"spacing": 0.2, "camera_width": 40}, TypeError, "`camera_width` given to .* a named `spacing`"),
        (
            {"head": "published", "in_channels": 2, "height": 8, "camera_width": 40},
            TypeError,
            "`camera_width` given to head 'published'",
        ),
        ({"head": PublishedHead(2, 8), "spacing": 0.2}, TypeError, "`spacing` given .* head that exists"),
        ({"head": PublishedHead(2, 8), "ties": 5}, TypeError, "`ties` given to head 'published'"),
        (
            {"head": PublishedHead(2, 8), "kernel_size": 5},
            ValueError,
            r"`kernel_size` is \(5, 5\) and `head` was made for \(3, 3\)",
        ),
        (
            {"head": torch.nn.ReLU()},
            TypeError,
            "`head` is a ReLU; wanted a PublishedHead or one of 'bilinear'",
        ),
        ({"head": "published", "height": 8}, TypeError, "was given no `in_channels`"),
        ({"head": "published", "in_channels": 8}, TypeError, "was given no `height`"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_impossible_transformers_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        KernelTransformer(**{"kernel_size": 3} | change)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"weight": torch.zeros(2, 2, 5, 5)}, ValueError, r"shape \(2, 2, 5, 5\); wanted .*, 3, 3\)"),
        ({"weight": torch.zeros(2, 3, 3)}, ValueError, r"`weight` has shape \(2, 3, 3\)"),
        ({"polar_angles": angles(8)[:7]}, ValueError, r"rad off those of a panorama of 7 rows; .*Grid\(7\)"),
        ({"polar_angles": angles(8).rad2deg()}, ValueError, "`polar_angles` are up to 16"),
        ({"polar_angles": angles(8) * float("nan")}, ValueError, "up to nan rad off"),
        ({"polar_angles": angles(8)[:0]}, ValueError, "`height` is 0"),
        ({"width": 15}, ValueError, "`width` is 15"),
        ({"stride": 0}, ValueError, "`stride` is 0"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_calls_that_do_not_fit_are_refused(change, error, message):
    arguments = {"weight": torch.zeros(2, 2, 3, 3), "polar_angles": angles(8)} | change
    with pytest.raises(error, match=message):
        KernelTransformer(3)(arguments.pop("weight"), arguments.pop("polar_angles"), **arguments)


def test_an_even_kernel_needs_a_stride():
    with pytest.raises(ValueError, match="`kernel_size` is 2 x 2 at stride 1; wanted odd sides"):
        KernelTransformer(2)(torch.zeros(1, 1, 2, 2), angles(8))


@pytest.mark.parametrize("change", [{"width": 18}, {"stride": 2}, {"rows": 9}])
def test_a_published_head_serves_the_one_panorama_it_was_made_for(change):
    rows = change.pop("rows", 8)
    with pytest.raises(ValueError, match=r"wanted \(8, 16, 1\), for which the published head was made"):
        published()(torch.zeros(3, 2, 3, 3), angles(rows), **change)
