"""The experiment `sphconv-rows`: more places a row make rows that hold on panoramas they have not seen."""

import pytest

from ktnlib.experiments import Checkpoint, sphconv_rows

SMALL = {"network": "room-net", "until": "conv2", "height": 32, "pictures": "painted-room"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_more_places_lower_the_error_and_finished_fits_are_kept(tmp_path, monkeypatch):
    def run():
        checkpoint = Checkpoint(tmp_path / "seed.npz", "cpu")
        return sphconv_rows.run_seed(0, device="cpu", checkpoint=checkpoint, **SMALL, every=(8, 1))

    found = run()
    assert (found["places.every-8"], found["places.every-1"]) == (5 * 8, 5 * 64)
    assert found["error.plain.every-1.conv2"] < found["error.plain.every-8.conv2"]
    monkeypatch.setattr(sphconv_rows, "fit_row_kernels", None)
    assert run() == found
