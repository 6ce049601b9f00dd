"""Pages in these tests are run without a server, so nothing is known of a visitor: access is open."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner

from sensormon.model.settings import Settings
from tests.support.plant import own_table


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", source="none", access="open", tags=own_table(tmp_path))


@pytest.fixture(scope="session", autouse=True)
def components_of_packages() -> Iterator[None]:
    """Each AppTest would look through all installed packages for components; only the first does here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
        )
        yield
