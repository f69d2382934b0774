import pytest

from enpire import certificates
from tests.certificates.made import make


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A campaign with a certified claim; read only."""
    return make(tmp_path_factory.mktemp("certificates") / "campaign")


@pytest.fixture(scope="session")
def bundle(made, tmp_path_factory):
    """Its claim as a zip file; read only."""
    path = tmp_path_factory.mktemp("bundle") / "claim.zip"
    certificates.export(made.folder, made.state, made.hub, made.study(), path)
    return path
