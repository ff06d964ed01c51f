"""Widgets that compute in the browser: each a class beside its .js file, alive on the static page."""

from .base import BookWidget as BookWidget
from .base import assemble as assemble
