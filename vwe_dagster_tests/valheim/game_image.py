"""placeholder"""
import pytest
@pytest.fixture(scope="session")
def game_image(): pytest.skip("x")
