import pytest

from enpire.simulation.rendering import gl_missing


@pytest.fixture
def needs_gl() -> None:
    """Skip where there can be no pictures."""
    problem = gl_missing()
    if problem:
        pytest.skip(problem)
