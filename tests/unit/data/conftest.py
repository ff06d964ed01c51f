"""A data folder in little, with its own manifest, and a server that can misbehave."""

import contextlib
import gzip
import hashlib
import io
import os
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ktnlib.data import architectures, download, manifest
from ktnlib.data.content import arrays_to_npz, content_sha256
from ktnlib.shipped import shipped

REAL_DATA = os.environ.get("KTNLIB_DATA")
needs_real_data = [pytest.param("real")] if REAL_DATA else []


@pytest.fixture(autouse=True)
def empty_places(monkeypatch, tmp_path):
    """No test reads or writes the reader's own folders."""
    monkeypatch.delenv("KTNLIB_DATA", raising=False)
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def use_manifest(monkeypatch, tmp_path):
    """Put another manifest in the place of the one that ships."""

    def use(text: str) -> None:
        path = tmp_path / f"manifest-{hashlib.sha256(text.encode()).hexdigest()[:8]}.toml"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr(
            manifest, "shipped", lambda *parts: path if parts == ("manifest.toml",) else shipped(*parts)
        )

    return use


def entry(name: str, files: str, **fields: object) -> str:
    known = {
        "title": "t",
        "licence": "l",
        "citation": "c",
        "source": "https://example.org/",
        "size": 1,
    } | fields
    lines = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
        for key, value in known.items()
    ]
    return "\n".join(["[[set]]", f"name = {name!r}", *lines, f"files = [{files}]", ""])


def idx(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def picture_bytes(height: int, kind: str = "JPEG", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, 2 * height, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def network_files() -> dict[str, bytes]:
    import torch

    torch.manual_seed(0)
    files = {}
    for name, depth in (("resnet20", 3), ("resnet44", 7)):
        state = architectures.ResNet(depth).state_dict().items()
        arrays = {key: value.numpy() for key, value in state if "num_batches" not in key}
        files[f"weights/cifar10_{name}.npz"] = arrays_to_npz(arrays)
    state = architectures.dncnn().state_dict().items()
    files["weights/dncnn_gray_sigma25.npz"] = arrays_to_npz({key: value.numpy() for key, value in state})
    state = architectures.squeezenet().state_dict().items()
    halves = {
        key.replace(".", "/", key.count(".") - 1): value.numpy().astype(np.float16) for key, value in state
    }
    files["weights/squeezenet11_imagenet_fp16.npz"] = arrays_to_npz(halves)
    values = [value.numpy() for value in architectures.tinydarknet().state_dict().values()]
    names = [f"conv{layer:02d}.{part}" for layer in range(16) for part in ("weight", "bias")]
    order = np.random.default_rng(1).permutation(1000).astype(np.int16)
    darknet = dict(zip(names, values, strict=True)) | {"class_to_sorted_synset": order}
    files["weights/tinydarknet_imagenet_folded.npz"] = arrays_to_npz(darknet)
    return files


def little_files() -> dict[str, bytes]:
    """What a data folder holds, with few and small images."""
    generator = np.random.default_rng(5)

    def byte(*shape):
        return generator.integers(0, 256, shape, dtype=np.uint8)

    packed = {
        "x_train": byte(5, 32, 32, 3),
        "y_train": np.arange(5),
        "x_test": byte(2, 32, 32, 3),
        "y_test": np.arange(2),
    }
    lens = generator.random((9, 12, 25, 25, 3), dtype=np.float32)
    lens /= lens.sum(axis=(2, 3), keepdims=True)
    return {
        "mnist/train-images-idx3-ubyte.gz": gzip.compress(idx(byte(3, 28, 28))),
        "mnist/train-labels-idx1-ubyte.gz": gzip.compress(idx(np.array([5, 0, 4], np.uint8))),
        "mnist/t10k-images-idx3-ubyte.gz": gzip.compress(idx(byte(2, 28, 28))),
        "mnist/t10k-labels-idx1-ubyte.gz": gzip.compress(idx(np.array([7, 2], np.uint8))),
        "panoramas/ldr1k/meadow.jpg": picture_bytes(32, seed=1),
        "panoramas/ldr1k/night.jpg": picture_bytes(32, seed=2),
        "images/gtsrb32_dev.npz": arrays_to_npz(packed),
        "images/cifar10_dev.npz": arrays_to_npz(packed),
        "images/imagenet256/0002_n01484850.jpg": picture_bytes(16, seed=3),
        "images/imagenet256/0004_n01494475.jpg": picture_bytes(16, seed=4),
        "weights/imagenet1000_labels.txt": b"tench\ngoldfish\n",
        "psf/lens_63762BB_psf_grid.npz": arrays_to_npz({"psf": lens}),
    } | network_files()


LITTLE_SETS = {
    "mnist": ("mnist/train-im", "mnist/train-la", "mnist/t10k-im", "mnist/t10k-la"),
    "panoramas": ("panoramas/ldr1k/",),
    "gtsrb": ("images/gtsrb",),
    "cifar10": ("images/cifar10",),
    "lens": ("psf/",),
    "resnet20": ("weights/cifar10_resnet20",),
    "resnet44": ("weights/cifar10_resnet44",),
    "dncnn": ("weights/dncnn",),
    "squeezenet1.1": ("weights/squeezenet",),
    "tinydarknet": ("weights/tinydarknet",),
}


@pytest.fixture(scope="session")
def little_folder(tmp_path_factory) -> tuple[Path, str]:
    """A folder laid out as KTNLIB_DATA is, and the manifest that describes it and what ships."""
    folder = tmp_path_factory.mktemp("data")
    files = little_files()
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

    def row(path: str) -> str:
        return f'{{ path = "{path}", content = "{content_sha256(folder / path)}" }}, '

    text = ""
    for path, name in (("digits.npz", "digits"), ("painted_room.png", "painted-room")):
        text += entry(name, f'{{ path = "{path}", content = "{content_sha256(shipped(path))}" }}', ships=True)
    for name, starts in LITTLE_SETS.items():
        text += entry(
            name, "".join(row(path) for path in files if path.startswith(starts)), by_hand="ask its authors"
        )
    both = row("images/imagenet256") + row("weights/imagenet1000_labels.txt")
    return folder, text + entry("imagenet256", both, by_hand="ask its authors")


@pytest.fixture(params=["little", *needs_real_data])
def data(request, monkeypatch, use_manifest, little_folder) -> str:
    """KTNLIB_DATA: the little folder always, the real one too where there is one; says which."""
    if request.param == "little":
        use_manifest(little_folder[1])
    monkeypatch.setenv("KTNLIB_DATA", str(little_folder[0] if request.param == "little" else REAL_DATA))
    return request.param


class Server:
    """Answers each path by a function of the request handler, and counts the requests."""

    def __init__(self, port: int):
        self.base = f"http://127.0.0.1:{port}"
        self.answers: dict[str, object] = {}
        self.requests: list[str] = []

    def serve(
        self,
        path: str,
        body: bytes,
        *,
        status: int = 200,
        cut: int | None = None,
        announce: int | None = None,
        headers: tuple = (),
        wait: float = 0.0,
        chunk: int = 1 << 20,
    ) -> str:
        """Answer with `body`, cut short after `cut` bytes while `announce` are promised; returns the
        address."""

        def answer(handler):
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(body) if announce is None else announce))
            for name, value in headers:
                handler.send_header(name, value)
            handler.end_headers()
            sent = body if cut is None else body[:cut]
            for start in range(0, len(sent), chunk):
                handler.wfile.write(sent[start : start + chunk])
                handler.wfile.flush()
                time.sleep(wait)

        self.answers[path] = answer
        return self.base + path


@pytest.fixture
def server(monkeypatch):
    """A local server; plain http is allowed for it, and no pause is made between attempts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            served.requests.append(self.path)
            with contextlib.suppress(ConnectionError):
                served.answers[self.path](self)

        def log_message(self, *_):
            pass

    monkeypatch.setattr(download, "SCHEMES", ("http",))
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Server(running.server_port)
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield served
    running.shutdown()
    thread.join()
    running.server_close()
