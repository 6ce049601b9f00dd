"""A password that somebody wrote into a URL is refused, in words that everybody may read."""

from __future__ import annotations

import pytest

from sensormon.model.errors import UsageError
from sensormon.sources.named_text import parse_sources


@pytest.mark.parametrize(
    "form", ["tcp://ada:{}@h", "{}://ada:{}@h/a/b", "{}://ada:a/{}@h", "{}://h:{}", "{}://[{}"]
)
@pytest.mark.parametrize(
    ("kind", "scheme", "more"),
    [
        ("mqtt", "mqtt", ""),
        ("sparkplug", "mqtts", 'group = "plant"'),
        ("opcua", "opc.tcp", ""),
        ("modbus", "modbus", ""),
        ("influxdb", "http", 'database = "d"\nquery = "SELECT"'),
        ("sql", "postgresql", 'cursor = "a"\nquery = "SELECT"'),
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(
    form: str, kind: str, scheme: str, more: str
) -> None:
    word = "s3cr3t"
    url = form.format(*[scheme] * (form.count("{}") - 1), word)
    with pytest.raises(UsageError) as refused:
        parse_sources(f'[sources.line]\nkind = "{kind}"\nurl = "{url}"\n{more}\n')
    assert word not in str(refused.value)
    assert not refused.value.__cause__ or word not in str(refused.value.__cause__)
