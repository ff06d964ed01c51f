import jaxtyping
import pytest


@pytest.fixture
def as_a_user():
    """Without the shape checks of the test run, so that the library's own refusals are reached."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)
