"""What sources.toml may say of a server, and what follows from it."""

from __future__ import annotations

import pytest

from sensormon.model.errors import UsageError
from sensormon.sources.named_edit import with_source
from sensormon.sources.named_text import parse_sources
from sensormon.sources.opcua.kind import NodeTag, OpcUaSource
from sensormon.sources.opcua.timing import Timing
from tests.support.opcua_line import source_text

HEAD = '[sources.line]\nkind = "opcua"\nurl = "opc.tcp://10.0.0.1:4840/"\n'
NODE = '[[sources.line.tags]]\nnode = "ns=2;s=TI-101"\ntag = "ti_101"\n'


def parsed(text: str) -> OpcUaSource:
    source = parse_sources(text)["line"]
    assert isinstance(source, OpcUaSource)
    return source


def test_a_source_is_written_back_as_it_was_read() -> None:
    more = (
        'security = "Aes256_Sha256_RsaPss"\nencrypt = false\nuser = "op"\npassword_env = "LINE_PASSWORD"\n'
        'publishing = 0.25\nsampling = 0.1\nbridge = 60.0\nqueue = 900\nmode = "poll"\ninterval = 2.0\n'
        "repeats = false\ndeadband = 0.5\nhistory = 3600.0\nper_call = 100\ntimeout = 5.0\n"
        "plain_password = true\n"
    )
    source = parsed(HEAD + more + NODE)
    assert source.nodes == (NodeTag("ns=2;s=TI-101", "ti_101"),)
    assert source.timing == Timing(0.25, 0.1, 60.0, 900)
    assert parsed(with_source("", source)) == source
    plain = parsed(HEAD + NODE)
    assert "timeout" not in with_source("", plain)
    assert parsed(with_source("", plain)) == plain


def test_five_thousand_nodes_fit_into_a_source() -> None:
    assert len(parsed(source_text("opc.tcp://127.0.0.1/", 5_000)).nodes) == 5_000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD.replace("opc.tcp://10.0.0.1:4840/", "http://10.0.0.1/"), "a URL such as opc.tcp"),
        (HEAD.replace("10.0.0.1", "op:secret@10.0.0.1"), "no user or password in the URL"),
        (HEAD + NODE + NODE, "the tag 'ti_101' occurs twice"),
        (HEAD + NODE.replace("ns=2;s=", ""), "a node such as ns=2;s=TI-101 is needed"),
        (HEAD + 'password_env = "P"\n', "there is a password but no user"),
        (HEAD + 'user_key = "key.pem"\n', "belong together"),
        (HEAD + "queue = 0\n", "a whole number from 1"),
        (HEAD + 'security = "Basic128Rsa15"\n', "use none, Basic256Sha256"),
    ],
)
def test_what_is_wrong_is_refused_in_a_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as error:
        parse_sources(text)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("bridge", [0.0, 60.0, 600.0])
@pytest.mark.parametrize("sampling", [0.0, 0.2, 1.0])
def test_the_queue_outlasts_the_outage(bridge: float, sampling: float) -> None:
    timing = Timing(publishing=0.5, sampling=sampling, bridge=bridge)
    assert timing.queue >= bridge / (sampling or 0.1)
    assert timing.queue > 1
    assert timing.lifetime_count >= 3 * timing.keep_alive_count
    assert timing.lifetime_count * timing.publishing >= bridge
    assert timing.silence <= 10
