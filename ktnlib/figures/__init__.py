"""One call a figure: in the book's colours, checked, and shown as SVG or WebP that follows the theme."""

from .areas import area_per_row as area_per_row
from .areas import cap_shares as cap_shares
from .arrows import three_arrows as three_arrows
from .display import Figure as Figure
from .display import new as new
from .display import show as show
from .kernels import kernels as kernels
from .palette import METHODS as METHODS
from .palette import palette as palette
from .panorama import panorama as panorama
from .panorama import seams as seams
from .pictures import photograph as photograph
from .pictures import pictures as pictures
from .plots import bars as bars
from .plots import error_by_latitude as error_by_latitude
from .plots import lines as lines
