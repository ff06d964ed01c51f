"""The handwritten digits that ship: always there, 8 × 8 pixels."""

from .content import read_npz
from .labelled import LabelledImages, images_to_tensor, labels_to_tensor
from .obtain import obtain

TRAIN = 1437  # four of five; the file goes writer by writer, so the test part has mostly other hands


def digits() -> LabelledImages:
    """Load the 1,797 small handwritten digits: the first 1,437 to train on, the last 360 to test.

    Returns:
        Images (number, 1, 8, 8), multiples of 1/16; labels 0 … 9.

    Raises:
        ValueError: the shipped file is truncated or altered.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998, through scikit-learn.

    Example:
        >>> from ktnlib.data import digits
        >>> digits().train_images.shape
        torch.Size([1437, 1, 8, 8])
    """
    arrays = read_npz(obtain("digits"))
    images, labels = images_to_tensor(arrays["images"], largest=16), labels_to_tensor(arrays["labels"])
    return LabelledImages(images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:])
