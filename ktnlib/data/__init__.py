"""The book's data: what ships, what can be downloaded, and how it is checked."""

from .cifar10 import cifar10 as cifar10
from .digits import digits as digits
from .gtsrb import gtsrb as gtsrb
from .imagenet import imagenet_classes as imagenet_classes
from .imagenet import imagenet_samples as imagenet_samples
from .labelled import LabelledImages as LabelledImages
from .lens import lens_psf as lens_psf
from .mnist import mnist as mnist
from .networks import source_network as source_network
from .obtain import obtain as obtain
from .panoramas import panoramas as panoramas
from .running import letter_w as letter_w
from .running import running_digit as running_digit
