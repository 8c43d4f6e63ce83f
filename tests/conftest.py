"""What all tests share: the asyncio backend, a virtual one whose time jumps, and patience with a slow machine."""

import pytest
from hypothesis import HealthCheck, settings

from marotte.time import VirtualLoop

REAL = ("asyncio", {})
VIRTUAL = ("asyncio", {"loop_factory": VirtualLoop})

# Hypothesis judges by the machine's clock whether an example is slow: a machine that stalls is no bug.
settings.register_profile("marotte", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("marotte")


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Tests marked ``virtual`` run on virtual time, all others on the machine's."""
    return VIRTUAL if request.node.get_closest_marker("virtual") else REAL
