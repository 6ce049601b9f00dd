"""The document's example works, and explains every key."""

from __future__ import annotations

import re

from sensormon.model.settings import ROOT
from sensormon.sources.named_text import parse_sources
from sensormon.sources.opcua.kind import KIND, OpcUaSource

DOCUMENT = (ROOT / "docs" / "sources-opcua.md").read_text(encoding="utf-8")


def test_the_example_is_a_file_that_works() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    source = parse_sources(example)["line1"]
    assert isinstance(source, OpcUaSource)
    assert source.tags == ("ti_101", "step")
    assert source.security == "Basic256Sha256"


def test_every_key_is_explained() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    source = parse_sources(example)["line1"]
    assert isinstance(source, OpcUaSource)
    explained = set(
        re.findall(r"`(\w+)`", "\n".join(line for line in DOCUMENT.splitlines() if line[:1] == "|"))
    )
    assert set(KIND.items(source)) <= explained
