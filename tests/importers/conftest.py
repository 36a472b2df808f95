"""Every weight of a network here is loaded from a file or a case."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def loaded_afterwards(undrawn: None) -> None:
    """Zeros until then: a weight that was forgotten is no lucky number."""
