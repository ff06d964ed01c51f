"""Run, record and resume measurements, and hold the book's claims against them. Imports no torch."""

from .claims import Claim as Claim
from .claims import claim as claim
from .engine import Checkpoint as Checkpoint
from .engine import run as run
