"""Widgets that compute in the browser: each a class beside its .js file, alive on the static page."""

from .base import BookWidget as BookWidget
from .base import assemble as assemble
from .commutation import Commutation as Commutation
from .digit_globe import DigitGlobe as DigitGlobe
from .kernel_morph import KernelMorph as KernelMorph
from .panorama_microscope import PanoramaMicroscope as PanoramaMicroscope
from .panorama_viewer import PanoramaViewer as PanoramaViewer
from .predict import Predict as Predict
from .tangent_taps import TangentTaps as TangentTaps
from .taps_and_rows import TapsAndRows as TapsAndRows
from .three_moves import ThreeMoves as ThreeMoves
