import base64
import io
import re

import numpy as np
import PIL.Image
import pytest
import torch

from ktnlib.figures import kernels, panorama, photograph, pictures, seams, three_arrows

ALT = "A picture that is described here at more than sufficient length."


def images_of(shown):
    sources = re.findall(r'src="data:image/webp;base64,([^"]+)"', shown.html)
    return [PIL.Image.open(io.BytesIO(base64.b64decode(source))) for source in sources]


@pytest.fixture
def noise():
    return torch.rand(1, 3, 512, 1024, generator=torch.Generator().manual_seed(0))


def test_a_photograph_is_a_lazy_webp_that_keeps_its_place():
    shown = photograph(torch.rand(3, 40, 60), alt=ALT, caption="c")
    assert 'loading="lazy"' in shown.html
    assert 'width="60" height="40"' in shown.html
    assert f'alt="{ALT}"' in shown.html
    assert images_of(shown)[0].format == "WEBP"


def test_a_wide_photograph_is_scaled_to_the_column(noise):
    smooth = torch.nn.functional.avg_pool2d(noise, 33, 1, 16)
    assert images_of(photograph(smooth, alt=ALT, caption="c"))[0].size == (720, 360)
    assert images_of(photograph(smooth, alt=ALT, caption="c", width=100))[0].size == (100, 50)


def test_a_photograph_that_cannot_fit_says_what_width_to_try(noise):
    with pytest.raises(ValueError, match=r"`image` of 720 x 360 pixels takes .* such as `width=480`"):
        photograph(noise, alt=ALT, caption="c")


def test_what_is_no_image_is_refused():
    with pytest.raises(TypeError, match="`image` has dtype"):
        photograph(torch.zeros(3, 4, 4, dtype=torch.uint8), alt=ALT, caption="c")
    with pytest.raises(ValueError, match=r"`image` has shape \(2, 3, 4, 4\)"):
        photograph(torch.zeros(2, 3, 4, 4), alt=ALT, caption="c")


def test_small_pictures_keep_their_pixels_exactly():
    values = torch.linspace(0, 1, 64).reshape(8, 8)
    shown = pictures([values], ["ramp"], alt=ALT, caption="c")
    assert "image-rendering:pixelated" in shown.html
    exact = np.round(values.numpy() * 255)
    assert np.array_equal(np.asarray(images_of(shown)[0].convert("L")), exact)


def test_a_signed_picture_is_transparent_at_zero_and_opaque_at_its_limits():
    shown = pictures([torch.tensor([[-2.0, 0.0, 1.0]])], ["difference"], alt=ALT, caption="c", cmap="signed")
    pixels = np.asarray(images_of(shown)[0].convert("RGBA"))[0]
    assert pixels[:, 3].tolist() == [255, 0, 128]
    assert pixels[0, 2] > pixels[0, 0]  # negative is bluish
    assert pixels[2, 0] > pixels[2, 2]  # positive is reddish
    assert "<span>−2</span><span>0</span><span>2</span>" in shown.html


def test_panels_share_one_scale_and_say_it():
    shown = pictures(
        [torch.ones(2, 2), 4 * torch.ones(2, 2)], ["a", "b"], alt=ALT, caption="c", cmap="cividis"
    )
    low, high = (np.asarray(image.convert("RGB"))[0, 0] for image in images_of(shown))
    assert high.sum() > low.sum()
    assert "<span>4</span>" in shown.html


def test_limits_may_be_given():
    shown = pictures([torch.ones(2, 2)], ["a"], alt=ALT, caption="c", limits=(0.0, 2.0))
    assert np.asarray(images_of(shown)[0].convert("L"))[0, 0] == 128


def test_colour_pictures_are_shown_as_they_are():
    shown = pictures(torch.ones(2, 3, 4, 4), ["a", "b"], alt=ALT, caption="c")
    assert len(images_of(shown)) == 2
    assert "linear-gradient" not in shown.html


def test_pictures_and_titles_go_together():
    with pytest.raises(ValueError, match="`images` holds 2 and `titles` 1; wanted one to four of each"):
        pictures(torch.zeros(2, 3, 3), ["a"], alt=ALT, caption="c")
    with pytest.raises(ValueError, match="`images` holds 5"):
        pictures(torch.zeros(5, 3, 3), list("abcde"), alt=ALT, caption="c")
    with pytest.raises(ValueError, match=r"a picture of shape \(2, 3, 3\)"):
        pictures(torch.zeros(1, 2, 3, 3), ["a"], alt=ALT, caption="c")
    with pytest.raises(ValueError, match="`cmap` is 'jet'; wanted one of 'grey', 'cividis', 'signed'"):
        pictures(torch.zeros(1, 3, 3), ["a"], alt=ALT, caption="c", cmap="jet")


def test_a_kernel_shows_signs_numbers_its_centre_and_a_scale():
    shown = kernels(torch.tensor([[-1.0, 0.0, 0.5]]).repeat(3, 1), alt=ALT, caption="c").html
    assert shown.count(">−1<") == 3
    assert shown.count(">+.5<") == 3
    assert ">1 pixel<" in shown
    assert shown.count("<rect ") == 2  # the frame and the centre cell


def test_an_even_kernel_has_its_centre_between_cells():
    shown = kernels(torch.ones(2, 2), alt=ALT, caption="c").html
    assert shown.count("<rect ") == 1


def test_large_kernels_keep_signs_and_then_colours_only():
    assert kernels(torch.ones(9, 9), alt=ALT, caption="c").html.count(">+<") == 81
    assert ">+<" not in kernels(torch.ones(13, 13), alt=ALT, caption="c").html


def test_kernels_of_other_axes_are_refused():
    with pytest.raises(ValueError, match=r"a tensor of shape \(1, 1, 3, 3\); wanted \(height, width\)"):
        kernels(torch.ones(1, 1, 3, 3), alt=ALT, caption="c")
    with pytest.raises(ValueError, match="`weights` holds 2 kernels and `titles` 1"):
        kernels([torch.ones(3, 3), torch.ones(3, 3)], ["a"], alt=ALT, caption="c")


@pytest.mark.parametrize("draw", [photograph, kernels, panorama, seams])
def test_everything_needs_words(draw):
    with pytest.raises(ValueError, match="`alt` has 5 characters"):
        draw(torch.ones(3, 8, 16) if draw is not kernels else torch.ones(3, 3), alt="short", caption="c")


def test_a_panorama_has_its_latitudes_and_an_outline_that_breaks_at_the_seam():
    longitudes = torch.tensor([3.0, 3.1, -3.1, -3.0])
    outline = torch.stack([torch.zeros(4), longitudes], -1)
    shown = panorama(torch.rand(3, 16, 32), alt=ALT, caption="c", outline=outline).html
    assert all(f">{name}<" in shown for name in ("90° N", "60° N", "30° S", "90° W", "0°"))
    assert re.search(r'd="M351\.9 90\.0L357\.6 90\.0M2\.4 90\.0L8\.1 90\.0"', shown)


def test_an_outline_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"`outline` has shape \(4,\); wanted \(points, 2\)"):
        panorama(torch.rand(3, 16, 32), alt=ALT, caption="c", outline=torch.zeros(4))


def test_past_a_pole_lie_the_same_rows_mirrored_and_half_a_turn_away():
    rows = torch.arange(8.0)[:, None] * 16 + torch.arange(16.0)[None]
    image = (rows / 255).expand(3, 8, 16)
    pixels = np.asarray(images_of(seams(image, alt=ALT, caption="c", margin=0.25))[0].convert("L")).astype(
        int
    )
    values = rows.numpy().astype(int)
    assert pixels.shape == (12, 20)
    assert np.array_equal(pixels[2:10, 2:18], values)
    assert np.array_equal(pixels[1, 2:18], np.roll(values[0], 8))  # just north of row 0: row 0 itself
    assert np.array_equal(pixels[0, 2:18], np.roll(values[1], 8))
    assert np.array_equal(pixels[11, 2:18], np.roll(values[6], 8))
    assert np.array_equal(pixels[2:10, :2], values[:, -2:])  # west of the left edge: the right side


def test_seams_need_an_even_width_and_a_margin_below_a_half():
    with pytest.raises(ValueError, match="wanted an even width"):
        seams(torch.rand(3, 8, 15), alt=ALT, caption="c")
    with pytest.raises(ValueError, match=r"`margin` is 0\.6"):
        seams(torch.rand(3, 8, 16), alt=ALT, caption="c", margin=0.6)


@pytest.mark.parametrize("lit", ["image", "map", "kernel"])
def test_the_head_diagram_lights_one_arrow_in_its_colour(lit):
    shown = three_arrows(lit).html
    assert shown.count(">moves</text>") == 1
    assert [token for token in ("image", "map", "kernel") if f"var(--ktn-{token}," in shown] == [lit]


def test_the_head_diagram_can_light_all_and_lists_what_it_can_light():
    assert three_arrows("all").html.count(">moves</text>") == 3
    with pytest.raises(ValueError, match="`lit` is 'both'; wanted one of 'image', 'map', 'kernel', 'all'"):
        three_arrows("both")
