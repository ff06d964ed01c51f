"""Other people's libraries that some baselines stand on: none is needed, each is imported when it is used."""

import importlib
import importlib.util
import warnings
from types import ModuleType

from ktnlib import check

# torch-harmonics names one release of torch as its requirement and runs with others
PEERS = {
    "e3nn": ("e3nn.o3", "pip install e3nn"),
    "torch-harmonics": ("torch_harmonics", "pip install --no-deps torch-harmonics"),
}


def installed(name: str) -> bool:
    """Whether a peer can be imported; it is not imported for that.

    Raises:
        ValueError: an unknown name (the known are listed).

    >>> installed("e3nn") in (True, False)
    True
    """
    module, _ = PEERS[check.choice("name", name, PEERS)]
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def peer(name: str) -> ModuleType:
    """Import a peer; what it warns of on import is not the reader's business.

    Raises:
        ImportError: it is not installed, with the way to install it.
        ValueError: an unknown name (the known are listed).
    """
    module, command = PEERS[check.choice("name", name, PEERS)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as cause:
        raise ImportError(f"{name} is not installed ({cause}); install it: {command}") from cause
