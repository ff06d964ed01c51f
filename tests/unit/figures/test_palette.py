import pytest

from ktnlib.figures import METHODS, palette
from ktnlib.figures.palette import GROUND, NEGATIVE, POSITIVE, TEXT, TOKENS, variable


def luminance(shade):
    parts = [int(shade[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def blend(colour, ground, opacity):
    mixed = [
        round(opacity * int(colour[i : i + 2], 16) + (1 - opacity) * int(ground[i : i + 2], 16))
        for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02X}" for part in mixed)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("token", TOKENS)
def test_marks_stand_out_from_the_ground_three_to_one(token, theme):
    assert contrast(palette(token, theme=theme), getattr(GROUND, theme)) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("token", ["image", "map", "kernel", "error", "text"])
def test_what_is_written_in_colour_reads_at_four_and_a_half_to_one(token, theme):
    assert contrast(palette(token, theme=theme), getattr(GROUND, theme)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sign", [POSITIVE, NEGATIVE])
def test_signs_stand_out_on_both_grounds_and_carry_text_at_their_strongest_tint(sign, theme):
    ground = getattr(GROUND, theme)
    assert contrast(sign, ground) >= 3
    assert contrast(getattr(TEXT, theme), blend(sign, ground, 0.65)) >= 4.5


def test_every_light_shade_is_told_apart_so_that_it_can_be_themed():
    shades = [shades.light for shades in TOKENS.values()] + [TEXT.light]
    assert len(set(shades)) == len(shades)


def test_methods_differ_in_more_than_colour():
    drawn = [(style.dashes, style.width, style.token) for style in METHODS.values()]
    assert len(set(drawn)) == len(METHODS)
    assert {style.token for style in METHODS.values()} <= {*TOKENS, "text"}


def test_a_variable_falls_back_to_the_light_shade():
    assert variable("kernel") == "var(--ktn-kernel, #00805C)"
    assert variable("text") == "currentColor"


def test_unknown_tokens_and_themes_are_listed():
    with pytest.raises(ValueError, match="`token` is 'picture'; wanted one of 'image', 'map'"):
        palette("picture")
    with pytest.raises(ValueError, match="`theme` is 'sepia'; wanted one of 'light', 'dark'"):
        palette("map", theme="sepia")
