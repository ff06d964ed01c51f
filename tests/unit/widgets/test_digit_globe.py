import numpy as np
import pytest
import torch
import traitlets

from ktnlib.data.architectures import classifier
from ktnlib.widgets.digit_globe import DigitGlobe

DIGITS = torch.linspace(0, 1, 3 * 25).reshape(3, 1, 5, 5)


def small(**changes):
    form = {"channels": 1, "stages": ((2, 3), (4,)), "classes": 10, "padding": 0, "mean": 0.0, "std": 1.0}
    return classifier(**form | changes)


def test_weights_travel_in_the_order_of_the_layers():
    net = small()
    sent = torch.frombuffer(bytearray(DigitGlobe(net).weights), dtype=torch.float32)
    assert torch.equal(sent, torch.nn.utils.parameters_to_vector(net.parameters()).detach())
    assert DigitGlobe(net).stages == [[2, 3], [4]]


def test_own_digits_travel_with_their_labels():
    widget = DigitGlobe(digits=DIGITS, labels=torch.tensor([7, 0, 3]))
    levels = np.frombuffer(widget.digits, np.uint8).reshape(3, 5, 5)
    np.testing.assert_allclose(levels / 255, DIGITS[:, 0], atol=0.5 / 255 + 1e-6)
    assert widget.labels == [7, 0, 3]


def test_every_class_comes_twice_from_digits_that_the_net_was_not_trained_on():
    assert DigitGlobe().labels == [*range(10), *range(10)]


def test_what_the_page_carries_is_small():
    widget = DigitGlobe()
    assert len(widget.weights) + len(widget.digits) + len(widget.coefficients) < 130_000


@pytest.mark.parametrize(
    "network",
    [
        small(padding=1),
        small(mean=0.5),
        small(channels=3),
        small(classes=4),
        torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3)),
    ],
)
def test_a_network_that_the_page_cannot_run_is_refused(network):
    with pytest.raises(ValueError, match=r"`network` is .* wanted a `ktnlib.data.architectures.classifier`"):
        DigitGlobe(network)


@pytest.mark.usefixtures("as_a_user")
@pytest.mark.parametrize(
    ("digits", "labels"),
    [
        (DIGITS, torch.tensor([1, 2])),
        (DIGITS, None),
        (DIGITS[:, :, :4], torch.arange(3)),
        (DIGITS[0], torch.arange(1)),
    ],
)
def test_pictures_that_are_not_square_or_lack_a_label_are_refused(digits, labels):
    with pytest.raises(ValueError, match=r"`digits` has shape .* and a label for each"):
        DigitGlobe(digits=digits, labels=labels)


@pytest.mark.parametrize(
    ("name", "value"),
    [("latitude_deg", 91), ("longitude_deg", -181.0), ("digit", -1), ("fov_deg", 0.5), ("grid_height", 8)],
)
def test_states_that_cannot_be_shown_are_refused(name, value):
    with pytest.raises(traitlets.TraitError, match=name):
        DigitGlobe(small(), **{name: value})
