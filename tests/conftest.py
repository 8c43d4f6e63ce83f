"""What all tests share: the asyncio backend, and a virtual one whose time jumps."""

import pytest

from marotte.time import VirtualLoop

REAL = ("asyncio", {})
VIRTUAL = ("asyncio", {"loop_factory": VirtualLoop})


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Tests marked ``virtual`` run on virtual time, all others on the machine's."""
    return VIRTUAL if request.node.get_closest_marker("virtual") else REAL
