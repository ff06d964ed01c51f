"""Pack the handwritten digits that scikit-learn carries into data/digits.npz: `python data/pack_digits.py`.

Needs scikit-learn, and only to make the file again. The digits are the test part of the UCI "Optical
Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998, CC BY 4.0, https://doi.org/10.24432/C50P49):
1,797 images of 8 x 8 pixels, each the count 0..16 of dark pixels in a 4 x 4 block of the scanned bitmap.
"""

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """A compressed .npz whose bytes depend on the arrays alone (a zip's own time stamps would not)."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as members:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(
                content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False
            )
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            members.writestr(entry, content.getvalue())
    return archive.getvalue()


def main() -> None:
    from sklearn.datasets import load_digits

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("digits.npz"))
    arguments = parser.parse_args()
    digits = load_digits()
    arrays = {"images": digits.images.astype(np.uint8), "labels": digits.target.astype(np.uint8)}
    arguments.output.write_bytes(npz_bytes(arrays))
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
