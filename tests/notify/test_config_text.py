"""What `notify.toml` may say, and the one line that says what is wrong with it."""

from __future__ import annotations

from datetime import date, time

import pytest

from sensormon.model.errors import UsageError
from sensormon.model.events import Severity
from sensormon.notify.config import Calendar, Condition, Contact, Escalation, Limit, Mail, NotifyConfig, Rule
from sensormon.notify.config_edit import with_value, without_value
from sensormon.notify.config_text import parse_config

FILE = """
# whom we tell
[mail]
server = "smtp+starttls://mail.plant.example:587"
from = "sensormon@plant.example"
user = "sensormon"
password_env = "MAIL_PASSWORD"

[contacts.shift]
ways = ["mailto:lead@plant.example", "https://hooks.plant.example/alarm"]   # in order
limit = "20/hour"
group = 30
secret_env = "HOOK_SECRET"
allow_private = false

[contacts.boss]
ways = ["ntfys://ntfy.plant.example/boss"]
group = 0

[calendars.night]
zone = "Europe/Prague"
days = ["fri", "mon"]
begin = 22:00:00
end = "06:00"
but = [2026-12-24, "2026-12-25"]

[rules.hot]
tags = ["fermenter_*"]
severity = "medium"
after = 0
to = ["shift"]
when = ["night"]
escalate = [{ after = 900, to = ["boss"] }]
returned = true

[rules.ill]
health = ["store", "silent"]
to = ["boss"]
on = false
"""


def test_every_key_is_read() -> None:
    config = parse_config(FILE)
    assert config == NotifyConfig(
        Mail(
            "smtp+starttls://mail.plant.example:587", "sensormon@plant.example", "sensormon", "MAIL_PASSWORD"
        ),
        {
            "shift": Contact(
                "shift",
                ("mailto:lead@plant.example", "https://hooks.plant.example/alarm"),
                Limit(20, 3600),
                30.0,
                "HOOK_SECRET",
            ),
            "boss": Contact("boss", ("ntfys://ntfy.plant.example/boss",), group=0.0),
        },
        {
            "night": Calendar(
                "night",
                "Europe/Prague",
                (0, 4),
                time(22),
                time(6),
                (date(2026, 12, 24), date(2026, 12, 25)),
            )
        },
        {
            "hot": Rule(
                "hot",
                ("shift",),
                tags=("fermenter_*",),
                severity=Severity.MEDIUM,
                calendars=("night",),
                escalate=(Escalation(900.0, ("boss",)),),
                returned=True,
            ),
            "ill": Rule("ill", ("boss",), health=(Condition.STORE, Condition.SILENT), on=False),
        },
    )


@pytest.mark.parametrize(
    ("sender", "taken"),
    [("a@b.example", True), ("Plant monitor <a@b.example>", True), ("A <a@b.example>, b@c.example", False)],
)
def test_a_sender_may_have_a_name(sender: str, taken: bool) -> None:
    text = f'[mail]\nserver = "smtp://mail.example:25"\nfrom = "{sender}"\n'
    if taken:
        mail = parse_config(text).mail
        assert mail is not None
        assert mail.sender == sender
    else:
        with pytest.raises(UsageError, match="one address"):
            parse_config(text)


def test_an_empty_file_tells_nobody_of_anything() -> None:
    assert parse_config("") == NotifyConfig()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[rules.a]\nto = ['x']", "there is no contact 'x'. Add [contacts.x]"),
        ("[rules.a]\nto = ['x']\nseverty = 'low'", "'severty' is not known. Was 'severity' meant?"),
        ("[rules.a]\nto=['shfit']\n[contacts.shift]\nways=['https://a.example']", "Was 'shift' meant?"),
        ("[rules.a]\nto = []", "[rules.a]: to: the list is empty"),
        ("[rules.a]\ntags = ['x']", '[rules.a]: to is not set. Write to = ["shift"]'),
        ("[rules.a]\nto = ['x']\ncolour = 1", "the key 'colour' is not known"),
        ("[contacts.c]\nways = ['mailto:a@b.example']", "there is no mail server"),
        ("[contacts.c]\nways = ['mailto:a@b.example,c@d.example']", "one address"),
        ("[contacts.c]\nways = ['mailto:a@b.example?bcc=c@d.example']", "one address"),
        ("[contacts.c]\nways = ['hooks.example']", "a way begins with"),
        (f"[contacts.c]\nways = {[f'https://a.example/{i}' for i in range(21)]}", "ways: more than 20"),
        (f"[rules.a]\nto = ['x']\ntags = ['{'*a' * 200}']", "tags: a pattern has more than 300"),
        ("[contacts.c]\nways = ['https:hooks.example']", "two slashes"),
        ('[contacts.c]\nways = ["https://a.example/\\u0007"]', "printable"),
        ("[contacts.c]\nways = ['https://a.example']\nlimit = '0/hour'", "a limit such as"),
        ("[contacts.c]\nways = ['https://a.example']\ngroup = -1", "from 0 to 3,600"),
        ("[contacts.c]\nways = ['https://a.example']\nsecret_env = 'a b'", "never the secret itself"),
        ("[contacts.'a b']\nways = ['https://a.example']", "is not a name"),
        ("[mail]\nserver = 'smtp://u:p@mail.example'\nfrom = 'a@b.example'", "`password_env`"),
        (
            "[mail]\nserver = 'smtp://mail.example'\nfrom = 'a@b.example'\nuser = 'u'",
            "a user needs the variable",
        ),
        ("[mail]\nserver = 'smtp://mail.example:abc'\nfrom = 'a@b.example'", "the port is a number"),
        ("[calendars.n]\nzone = 'Mars/Base'", "a time zone such as"),
        ("[calendars.n]\nzone = '../../etc/passwd'", "a time zone such as"),
        ("[calendars.n]\nbegin = '25:00'", "a time of the day"),
        ("[calendars.n]\ndays = ['monday']", "use some of mon"),
        ("[rules]\na = 1", "a table is needed"),
        ("rules = 1", "a table is needed"),
        ("nonsense", "it cannot be read"),
        ("[rules.a]\nto=['x']\nhealth=['store']\ntags=['t']", "not of both"),
        ("[rules.a]\nto=['x']\nhealth=['flood']", "is not one of"),
        ("[rules.a]\nto=['x']\nescalate=[{after=9,to=['x']},{after=5,to=['x']}]", "follow one another"),
        ("[rules.a]\nto=['x']\nescalate=[{after=9}]", "escalate: to is not set"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_config(text)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


VALUES = [
    value
    for values in (parse_config(FILE).contacts, parse_config(FILE).calendars, parse_config(FILE).rules)
    for value in values.values()
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.name)
def test_an_edit_writes_what_is_read_back_and_leaves_the_rest(value: Contact | Calendar | Rule) -> None:
    again = with_value(without_value(FILE, type(value), value.name), value)
    config, before = parse_config(again), parse_config(FILE)
    assert (config.mail, config.contacts, config.calendars, config.rules) == (
        before.mail,
        before.contacts,
        before.calendars,
        before.rules,
    )
    assert "# whom we tell" in again
    unchanged = with_value(FILE, parse_config(FILE).rules["ill"])
    assert unchanged == FILE


def test_a_file_is_made_from_nothing() -> None:
    config = parse_config(FILE)
    text = ""
    assert config.mail is not None
    for value in (
        config.mail,
        *config.contacts.values(),
        *config.calendars.values(),
        *config.rules.values(),
    ):
        text = with_value(text, value)
    assert parse_config(text) == config


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"MAIL_PASSWORD"', '"SENSORMON_TOKEN"', "of the monitor itself"),
        ('"HOOK_SECRET"', '"Sensormon_Store"', "of the monitor itself"),
        ("//ntfy.plant.example/boss", "//ntfy.plant.example/${PGPASSWORD}", "of the monitor itself"),
        ("//ntfy.plant.example/boss", "//ntfy.plant.example/${SENSORMON_OIDC_CLIENT_SECRET}", "itself"),
        ("//ntfy.plant.example/boss", "//ntfy.plant.example/${a-b}", "name of an environment variable"),
        ("//hooks.plant.example/alarm", "//${HOOK}.example/alarm", "for the host of a webhook"),
        ("//hooks.plant.example/alarm", "//me:${PASS}@x:${PORT}/alarm", "for the host of a webhook"),
        ("lead@plant.example", "${WHO}@plant.example", "in a mail address"),
    ],
)
def test_the_monitors_own_secrets_go_nowhere_and_no_secret_is_a_name(old: str, new: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_config(FILE.replace(old, new))


def test_variables_stand_for_tokens_and_passwords() -> None:
    new = "//me:${PASS}@hooks.plant.example/${T0}?k=${K}#${F}"
    ways = parse_config(FILE.replace("//hooks.plant.example/alarm", new)).contacts["shift"].ways
    assert ways[1] == f"https:{new}"
