"""A checkpoint as one .npz without pickles: the tree as JSON, its arrays beside it.

One file, not two: a kill between two writes could otherwise join an old half to a new one.
"""

import io
import json
import zipfile
from typing import Any


def pack(tree: Any) -> bytes:
    """Dictionaries, lists, tuples, numbers, strings, None, NumPy arrays and torch tensors, nested, as bytes.

    A named tuple comes back as a plain one.

    Raises:
        TypeError: anything else, which only a pickle could hold.

    >>> import numpy as np
    >>> unpack(pack({"epoch": 3, "order": np.arange(3), 0: (1, None)}))
    {'epoch': 3, 'order': array([0, 1, 2]), 0: (1, None)}
    """
    import numpy as np

    arrays: dict[str, Any] = {}
    encoded = json.dumps(_encode(tree, arrays)).encode()
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, tree=np.frombuffer(encoded, np.uint8))
    return buffer.getvalue()


def unpack(content: bytes) -> Any:
    """The tree again; tensors come back as NumPy arrays, which share their bits.

    Raises:
        ValueError: what is no checkpoint, or a damaged one.
    """
    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _decode(json.loads(arrays["tree"].tobytes()), arrays)
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"no checkpoint, or a damaged one ({len(content)} bytes): {error}") from error


def _encode(value: Any, arrays: dict[str, Any]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {"dict": [[_encode(key, arrays), _encode(item, arrays)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(item, arrays) for item in value]}
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if not hasattr(value, "dtype") or value.dtype.hasobject:
        raise TypeError(
            f"a checkpoint cannot hold a {type(value).__name__}; wanted numbers, strings, None, arrays, "
            "tensors, and dictionaries, lists and tuples of them"
        )
    name = f"array{len(arrays)}"
    arrays[name] = value
    return {"array": name}


def _decode(value: Any, arrays: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "dict":
        return {_decode(key, arrays): _decode(item, arrays) for key, item in content}
    if kind == "array":
        return arrays[content]
    items = [_decode(item, arrays) for item in content]
    return tuple(items) if kind == "tuple" else items
