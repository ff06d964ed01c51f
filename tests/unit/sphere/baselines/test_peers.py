import sys

import pytest

from ktnlib.sphere.baselines import peers
from ktnlib.sphere.baselines.disco import DiscoConv2d
from ktnlib.sphere.baselines.peers import installed, peer
from ktnlib.sphere.baselines.s2cnn import RotationConv, SphereToRotations
from ktnlib.sphere.baselines.zonal import ZonalConv2d

BUILD = {
    "zonal": (lambda: ZonalConv2d(1, 1, height=8), "torch-harmonics"),
    "disco": (lambda: DiscoConv2d(1, 1, height=8, radius=0.8), "torch-harmonics"),
    "s2cnn": (lambda: SphereToRotations(1, 1, height=8, degrees=2), "e3nn"),
    "rotations": (lambda: RotationConv(1, 1, in_degrees=2, degrees=2), "e3nn"),
}


@pytest.mark.parametrize("name", BUILD)
def test_a_missing_peer_is_named_with_the_way_to_install_it(name, monkeypatch):
    build, needed = BUILD[name]
    # None in this table is Python's word for a module that must not be found
    monkeypatch.setitem(sys.modules, peers.PEERS[needed][0], None)
    with pytest.raises(ImportError, match=f"{needed} is not installed.*pip install .*{needed}"):
        build()


def test_whether_a_peer_is_installed_is_known_without_importing_it(monkeypatch):
    monkeypatch.setitem(peers.PEERS, "ours", ("colorsys", ""))
    monkeypatch.setitem(peers.PEERS, "nobody's", ("no_such_module_anywhere", ""))
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    assert installed("ours")
    assert not installed("nobody's")
    assert "colorsys" not in sys.modules


@pytest.mark.usefixtures("as_a_user")
@pytest.mark.parametrize("ask", [installed, peer])
def test_an_unknown_peer_is_refused(ask):
    with pytest.raises(ValueError, match="`name` is 's2cnn'; wanted one of 'e3nn', 'torch-harmonics'"):
        ask("s2cnn")
