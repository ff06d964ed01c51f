"""The wheel carries what the library needs at run time, and little else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_widgets_types_and_shipped_data_in_less_than_five_megabytes(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "ktnlib/py.typed" in names
    for path in (ROOT / "ktnlib").rglob("*"):
        if path.suffix in (".py", ".js", ".css") and "shipped_data" not in path.parts:
            assert path.relative_to(ROOT).as_posix() in names
    for name in ("manifest.toml", "claims.toml", "digits.npz", "painted_room.png"):
        assert f"ktnlib/shipped_data/{name}" in names
    assert wheel.stat().st_size < 5_000_000


def test_the_wheel_works_unpacked_in_another_folder_without_a_network(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "lib")
    code = (
        "import socket\n"
        "def cut(*_): raise RuntimeError('the network was used')\n"
        "socket.socket.connect = socket.getaddrinfo = cut\n"
        "import ktnlib, torch\n"
        "from ktnlib.data import panoramas\n"
        "from ktnlib.sphere import tangent_conv2d\n"
        "assert 'lib' in ktnlib.__file__, ktnlib.__file__\n"
        "name, room = panoramas(height=32)[0]\n"
        "print(name, tuple(tangent_conv2d(room, torch.ones(1, 3, 3, 3)).shape))\n"
        "from ktnlib.experiments.__main__ import main\n"
        "assert main(['check']) == main(['list']) == main(['report']) == 0\n"
        "from ktnlib.data.__main__ import main\n"
        "assert main(['list']) == main(['verify']) == main(['where']) == 0\n"
    )
    # -I leaves out the checkout and the environment; -S would leave out torch
    runner = f"import sys; sys.path.insert(0, {str(tmp_path / 'lib')!r})\n" + code
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", runner], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
    assert "(1, 1, 32, 64)" in done.stdout
