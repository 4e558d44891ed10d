import pytest

from tests.serving.makers import make_trained_model


@pytest.fixture(scope="session")
def trained_model(tmp_path_factory):
    """RESNET8 at 16 px with random weights, for images stored at 20 by 24 pixels."""
    return make_trained_model(tmp_path_factory.mktemp("trained"))
