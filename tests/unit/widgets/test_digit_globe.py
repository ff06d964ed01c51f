import json
import math
import shutil
import subprocess

import numpy as np
import pytest
import torch
import traitlets

from ktnlib import data
from ktnlib.data.architectures import classifier
from ktnlib.experiments.digit_readers import converted, exact
from ktnlib.experiments.placed_digits import PlacedDigits
from ktnlib.sphere import place_perspective
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


# the page's own reading of the traits, as digit_globe.js does it
READ = """
const given = %s, setup = { ...given.setup, weights: Float32Array.from(given.setup.weights) };
const read = makeReader(setup);
console.log(JSON.stringify(given.latitudes.map((latitude) => READERS.map((name) =>
  read(name, placeDigit(given.digit, setup.height, latitude, given.fov), latitude)))));
"""
NODE = shutil.which("node")
LATITUDES = (0.0, 0.94, -1.4)


@pytest.mark.skipif(NODE is None, reason="no Node here; the small net's parity runs in the browser too")
def test_the_pages_scores_are_those_of_to_sphere_and_exact_at():
    widget, fov = DigitGlobe(), math.radians(65.5)
    picture = np.frombuffer(widget.digits, np.uint8).reshape(-1, 28, 28)[18] / 255
    setup = {"height": widget.grid_height, "spacing": widget.spacing, "stages": widget.stages}
    setup["weights"] = np.frombuffer(widget.weights, "<f4").tolist()
    coefficients = np.frombuffer(widget.coefficients, "<f4").tolist()
    setup["learned"] = {"coefficients": coefficients, "knots": len(coefficients) // 72}
    given = {"setup": setup, "digit": picture.flatten().tolist(), "latitudes": LATITUDES, "fov": fov}
    run = subprocess.run(
        [NODE, "--input-type=module"],
        input=widget._esm + READ % json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    got = torch.tensor(json.loads(run.stdout)).transpose(0, 1)  # reader, latitude, class

    digit = torch.from_numpy(picture).float()[None, None]
    placed = PlacedDigits(
        torch.cat([place_perspective(digit, height=80, yaw=0.0, pitch=one, fov=fov)[0] for one in LATITUDES]),
        torch.arange(len(LATITUDES)),
        torch.tensor(LATITUDES, dtype=torch.float64),
        torch.zeros(len(LATITUDES), dtype=torch.float64),
        torch.zeros(len(LATITUDES), dtype=torch.int64),
    )
    net = data.source_network("globe-net")
    readers = [converted(net, name, fov=fov, resolution="pyramid") for name in ("direct", "spherenet", "ktn")]
    wanted = torch.stack([reader(placed) for reader in (*readers, exact(net, fov=fov))])
    assert (got - wanted).abs().max() < 1e-4
    assert wanted.std(dim=0).max() > 1  # the readers differ, so they can be told apart
