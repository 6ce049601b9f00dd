"""outputs.toml: what it says is kept, what it cannot mean is refused in one line."""

from __future__ import annotations

import pytest

from sensormon.model.errors import UsageError
from sensormon.outputs.config import Broker, Secret, Server, ServerUser
from sensormon.outputs.config_text import parse_outputs

BROKER = '[outputs.b]\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1883"\n'
SERVER = '[outputs.s]\nkind = "opcua"\nport = 4841\n'


def test_a_broker_and_a_server_are_read_with_their_defaults() -> None:
    broker, server = parse_outputs(BROKER + SERVER).values()
    assert isinstance(broker, Broker)
    assert (broker.prefix, broker.shape, broker.qos, broker.retain) == ("sensormon", "json", 1, True)
    assert broker.what == ("values", "flags", "events", "health")
    assert broker.place == "127.0.0.1:1883, sensormon/"
    assert isinstance(server, Server)
    assert (server.url, server.security, server.sessions) == ("opc.tcp://127.0.0.1:4841/", "none", 20)


def test_every_key_is_kept() -> None:
    text = """
    [outputs.b]
    kind = "mqtt"
    on = false
    collector = "west"
    tags = ["fermenter_*", "line?"]
    url = "mqtts://broker.plant.example"
    version = "5"
    client_id = "me"
    user = "ada"
    password_env = "BROKER_PASSWORD"
    ca = "ca.pem"
    certificate = "own.pem"
    key = "own.key"
    prefix = "plant/sensormon"
    shape = "sparkplug"
    group = "plant"
    node = "monitor"
    qos = 0
    retain = false
    what = ["values", "flags"]
    [outputs.s]
    kind = "opcua"
    port = 4850
    address = "0.0.0.0"
    security = "Basic256Sha256"
    trusted = "clients"
    sessions = 3
    users = [{ name = "scada", password_file = "scada.secret" }]
    """
    broker, server = parse_outputs(text).values()
    assert isinstance(broker, Broker)
    assert (broker.port, broker.user, broker.secret) == (8883, "ada", Secret("BROKER_PASSWORD"))
    assert (broker.common.on, broker.common.collector) == (False, "west")
    assert [broker.common.takes()(name) for name in ("fermenter_ph", "line1", "line12")] == [
        True,
        True,
        False,
    ]
    assert (broker.group, broker.node, broker.what) == ("plant", "monitor", ("values", "flags"))
    assert isinstance(server, Server)
    assert server.users == (ServerUser("scada", Secret(file="scada.secret")),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[outputs.b]\nkind = "mqqt"', "Was 'mqtt' meant?"),
        (f"{BROKER}prefx = 'x'", "Was 'prefix' meant?"),
        (BROKER.replace("mqtt://", "mqtt://ada:secret@"), "user and password do not belong here"),
        (BROKER.replace("mqtt://", "http://"), "use mqtt://HOST:PORT"),
        (f'{BROKER}prefix = "a/#"', "levels of a topic"),
        (f"{BROKER}qos = 2", "from 0 to 1"),
        (f'{BROKER}ca = "ca.pem"', "Begin url with mqtts://"),
        (f'{BROKER}password_env = "X"', "no user"),
        (f'{BROKER}what = ["alarms"]', "'alarms' is not one of"),
        (f"{BROKER}{BROKER.replace('.b]', '.c]')}client_id = 'other'", "the same prefix as b"),
        (f"{SERVER}{SERVER.replace('.s]', '.t]')}", "the same port as s"),
        (f'{SERVER}trusted = "clients"', "trusted needs security"),
        (f'{SERVER}address = "plant.example"', "an address of this machine"),
        (f'{SERVER}users = [{{ name = "ada" }}]', "ada has no password"),
        (
            f'{SERVER}address = "0.0.0.0"\nusers = [{{ name = "ada", password_env = "A" }}]',
            "would travel readable",
        ),
    ],
)
def test_what_it_cannot_mean_is_refused_in_one_line_with_its_place(text: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_outputs(text)
    line = str(refused.value)
    assert why in line
    assert "outputs" in line
    assert "\n" not in line
    assert "secret" not in line


@pytest.mark.parametrize(
    "url", ["tcp://ada:s3cr3t@h", "mqtt://ada:a/s3cr3t@h", "mqtt://h:s3cr3t", "mqtt://[s3cr3t"]
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="url: ") as refused:
        parse_outputs(f'[outputs.plant]\nkind = "mqtt"\nurl = "{url}"\n')
    assert "s3cr3t" not in str(refused.value)
