from tests.simulation.conftest import needs_gl

__all__ = ["needs_gl"]
