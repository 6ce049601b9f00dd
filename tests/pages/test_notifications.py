"""The Notifications page: the first rule, rules, contacts, calendars and the mail server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.access.roles import Role
from sensormon.model.clock import ManualClock
from sensormon.model.events import Severity
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Calendar, Contact, Escalation, Limit, Mail, NotifyConfig, Rule
from sensormon.notify.config_text import parse_config
from sensormon.stores.entries import AuditQuery
from sensormon.ui.notify_ways import way_refusal
from tests.support.pages import show
from tests.support.pages import text as markdown
from tests.support.people import visit_of, with_accounts
from tests.support.plant import START, Adopt

FAR = 2 * START
FILE = """\
# kept in version control
[mail]
server = "smtp+starttls://mail.plant.example:587"
from = "sensormon@plant.example"
user = "sensormon"
password_env = "MAIL_PASSWORD"

[contacts.shift]
ways = ["mailto:lead@plant.example", "https://me:s3cret@hooks.plant.example/alarm/T0K3N"]

[contacts.boss]
ways = ["tgram://123456:AAtoken/42"]

[calendars.night]
zone = "Europe/Prague"
begin = "22:00"
end = "06:00"

[rules.hot]
tags = ["fermenter_*"]  # both
severity = "medium"
to = ["shift"]

[rules.cold]
to = ["boss"]
when = ["night"]
"""


@pytest.fixture
def plant(settings: Settings, adopt: Adopt, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """A monitor in the mode `users`; its administrator looks at the pages."""
    monitor = adopt(Monitor(replace(settings, access="users"), clock))
    token = with_accounts(monitor)[Role.ADMINISTRATOR]
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: visit_of(token))
    clock.advance(1.0)
    return monitor


@pytest.fixture
def filled(plant: Monitor) -> Monitor:
    """The same with rules, contacts and a calendar."""
    plant.settings.notify_file.write_text(FILE)
    return plant


def text(app: AppTest) -> str:
    """All text on the page, without what escapes it for Markdown."""
    return markdown(app).replace("\\", "")


def in_file(monitor: Monitor) -> NotifyConfig:
    return parse_config(path(monitor).read_text())


def path(monitor: Monitor) -> Path:
    return monitor.settings.notify_file


def press(app: AppTest, key: str) -> AppTest:
    """Press the button whose key ends like this; the page must not fail."""
    button = next(button for button in app.button if button.key and button.key.endswith(key))
    button.click().run()
    assert not app.exception, app.exception
    return app


def field(app: AppTest, kind: str, key: str) -> Any:
    """The field whose key ends like this."""
    return next(each for each in app.get(kind) if each.key and each.key.endswith(key))


def test_first_rule_is_made_in_one_form(plant: Monitor) -> None:
    app = show("notifications")
    assert "Nobody is told of anything yet" in text(app)
    app.text_input(key="first-0-way").input("lead@plant.example")
    app.text_input(key="first-0-host").input("mail.plant.example")
    app.text_input(key="first-0-from").input("sensormon@plant.example")
    press(app, "first-save")
    assert in_file(plant).rules == {
        "events": Rule("events", ("shift",), severity=Severity.MEDIUM, returned=True)
    }
    assert in_file(plant).contacts == {"shift": Contact("shift", ("mailto:lead@plant.example",))}
    assert "Tells shift of events of at least medium severity, at once" in text(app)
    newest = plant.access.audit.read(AuditQuery(0, FAR))[0]
    assert (newest.act, newest.who) == ("manage notifications", "Ada")
    assert newest.subject == "mail server, contact shift, rule events"
    assert "Tells shift of events of at least medium severity" in newest.after


def test_first_rule_of_a_webhook_needs_no_mail_server(plant: Monitor) -> None:
    app = show("notifications")
    app.get("button_group")[1].set_value("Webhook").run()
    app.text_input(key="first-0-way").input("https://hooks.plant.example/alarm")
    press(app, "first-save")
    assert in_file(plant).mail is None
    assert in_file(plant).contacts["shift"].ways == ("https://hooks.plant.example/alarm",)


def test_refused_first_rule_says_why_and_writes_nothing(plant: Monitor) -> None:
    app = show("notifications")
    app.text_input(key="first-0-way").input("not an address")
    app.text_input(key="first-0-host").input("mail.plant.example")
    app.text_input(key="first-0-from").input("sensormon@plant.example")
    press(app, "first-save")
    assert "A way begins with mailto:, https://" in text(app)
    assert not path(plant).exists()


@pytest.mark.usefixtures("filled")
def test_list_says_what_each_rule_does() -> None:
    words = text(show("notifications"))
    assert "Tells shift of events of at least medium severity on fermenter_*, at once." in words
    assert "Tells boss of all events, at once, during night." in words


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("section", ["Rules", "Contacts", "Calendars"])
@pytest.mark.parametrize("opened", ["", "shift"])
def test_secrets_in_ways_are_on_no_page(section: str, opened: str) -> None:
    app = show("notifications", notify=section, contact=opened)
    shown = text(app) + repr([each.value for each in (*app.text_input, *app.multiselect)])
    assert "s3cret" not in shown
    assert "T0K3N" not in shown
    assert "AAtoken" not in shown
    if section == "Contacts":
        assert "https://hooks.plant.example/…" in shown


def test_rule_is_switched_off_and_the_comments_stay(filled: Monitor) -> None:
    app = show("notifications")
    app.toggle[0].set_value(False).run()
    assert not app.exception
    assert not in_file(filled).rules["hot"].on
    assert "# both" in path(filled).read_text()
    assert not app.toggle[0].value
    assert "hot is off: it tells nobody" in text(app)
    newest = filled.access.audit.read(AuditQuery(0, FAR))[0]
    assert newest.subject == "rule hot"
    assert newest.after == f"Off. {newest.before}"


def test_long_list_is_searched(filled: Monitor) -> None:
    more = "".join(f'[rules.r{number}]\nto = ["boss"]\ntags = ["p{number}_*"]\n' for number in range(110))
    path(filled).write_text(FILE + more)
    app = show("notifications")
    assert len(app.toggle) == 100
    assert "12 more; search for them above" in text(app)
    app.text_input(key="rule-search").input("p107_").run()
    assert "112 rules" in text(app)
    assert [toggle.label for toggle in app.toggle] == ["r107 on"]


def test_rule_is_edited_with_a_sentence_that_follows(filled: Monitor) -> None:
    app = press(show("notifications"), "rule-edit-hot")
    field(app, "text_input", "-after").input("5 min").run()
    assert "that last 5 min or longer" in text(app)
    press(app, "-step-add")
    field(app, "text_input", "-escalate-0").input("15 min")
    field(app, "multiselect", "-escalate-to-0").set_value(["boss"])
    app.run()
    assert "boss after 15 min without acknowledgement" in text(app)
    press(app, "rule-save")
    rule = in_file(filled).rules["hot"]
    assert (rule.after, rule.escalate) == (300.0, (Escalation(900.0, ("boss",)),))
    assert rule.tags == ("fermenter_*",)
    assert "hot is saved and in force" in text(app)


def test_refused_value_says_why_beside_its_field_and_writes_nothing(filled: Monitor) -> None:
    app = press(show("notifications"), "rule-edit-hot")
    field(app, "text_input", "-remind").input("5 s").run()
    press(app, "rule-save")
    assert "A number of seconds from 60" in text(app)
    field(app, "text_input", "-remind").input("soon").run()
    assert "'soon' is not a length of time" in text(app)
    assert path(filled).read_text() == FILE
    field(app, "text_input", "-remind").input("30 min").run()
    press(app, "rule-save")
    assert in_file(filled).rules["hot"].remind == 1800.0


def test_new_rule_takes_no_name_that_there_is(filled: Monitor) -> None:
    app = press(show("notifications"), "rule-new")
    field(app, "multiselect", "-to").set_value(["shift"])
    press(app, "rule-save")
    assert "The rule needs a name" in text(app)
    field(app, "text_input", "-name").input("hot").run()
    assert "There is already a rule hot" in text(app)
    field(app, "text_input", "-name").input("two words").run()
    assert "'two words' is not a name" in text(app)
    field(app, "text_input", "-name").input("warm").run()
    press(app, "rule-save")
    assert [*in_file(filled).rules] == ["hot", "cold", "warm"]


def test_rule_is_duplicated_and_removed(filled: Monitor) -> None:
    app = press(show("notifications"), "rule-copy-hot")
    press(app, "rule-save")
    assert in_file(filled).rules["hot-2"] == replace(in_file(filled).rules["hot"], name="hot-2")
    press(app, "rule-edit-hot")
    press(app, "rule-remove")
    assert [*in_file(filled).rules] == ["cold", "hot-2"]


def test_change_of_somebody_else_is_not_overwritten(filled: Monitor) -> None:
    app = press(show("notifications"), "rule-edit-hot")
    path(filled).write_text(FILE.replace('severity = "medium"', 'severity = "high"'))
    field(app, "text_input", "-after").input("5 min").run()
    press(app, "rule-save")
    assert "somebody has changed this rule since you opened it" in text(app)
    assert in_file(filled).rules["hot"].severity is Severity.HIGH
    assert in_file(filled).rules["hot"].after == 0


def test_change_of_another_rule_meanwhile_is_kept(filled: Monitor) -> None:
    app = press(show("notifications"), "rule-edit-hot")
    path(filled).write_text(FILE.replace('when = ["night"]', "after = 60"))
    field(app, "text_input", "-after").input("5 min").run()
    press(app, "rule-save")
    assert [rule.after for rule in in_file(filled).rules.values()] == [300.0, 60.0]


def test_rule_of_the_monitor_itself(filled: Monitor) -> None:
    app = press(show("notifications"), "rule-new")
    field(app, "text_input", "-name").input("ill")
    field(app, "multiselect", "-to").set_value(["boss"])
    field(app, "button_group", "-subject").set_value("The monitor itself").run()
    assert "Not complete yet. Choose at least one." in text(app)
    assert "Complete the rule first." in text(app)
    press(app, "rule-save")
    assert "Choose at least one" in text(app)
    field(app, "button_group", "-health").set_value(["store", "disk"]).run()
    assert "Tells boss when the database is away or the disk is about to be full" in text(app)
    press(app, "rule-save")
    assert [*map(str, in_file(filled).rules["ill"].health)] == ["store", "disk"]


def test_contact_is_added_with_ways_in_order(filled: Monitor) -> None:
    app = press(show("notifications", notify="Contacts"), "contact-new")
    field(app, "text_input", "-name").input("crew")
    for way in ("https://hooks.plant.example/crew", "crew@plant.example"):
        field(app, "text_input", "-way-new").input(way)
        press(app, "-way-add")
        assert field(app, "text_input", "-way-new").value == ""
    press(app, "-way-up-1")
    field(app, "number_input", "-most").set_value(5).run()
    press(app, "contact-save")
    assert in_file(filled).contacts["crew"] == Contact(
        "crew", ("mailto:crew@plant.example", "https://hooks.plant.example/crew"), Limit(5, 3_600)
    )


@pytest.mark.usefixtures("filled")
def test_wrong_way_is_refused_and_stays_in_the_field() -> None:
    app = press(show("notifications", notify="Contacts"), "contact-new")
    field(app, "text_input", "-way-new").input("call me")
    press(app, "-way-add")
    assert "A way begins with mailto:" in text(app)
    assert field(app, "text_input", "-way-new").value == "call me"


@pytest.mark.usefixtures("filled")
def test_contact_that_a_rule_tells_cannot_be_removed() -> None:
    app = show("notifications", notify="Contacts", contact="boss")
    button = field(app, "button", "contact-remove")
    assert button.disabled
    assert "Rules tell this contact: cold" in button.help


def test_calendar_is_edited(filled: Monitor) -> None:
    app = show("notifications", notify="Calendars", calendar="night")
    field(app, "button_group", "-days").set_value([5, 6]).run()
    field(app, "multiselect", "-but").set_value(["tomorrow"]).run()
    press(app, "calendar-save")
    assert "'tomorrow' is not a day" in text(app)
    field(app, "multiselect", "-but").set_value([]).run()
    assert "Sat, Sun from 22:00 to 06:00 the next day, Europe/Prague" in text(app)
    press(app, "calendar-save")
    assert in_file(filled).calendars["night"] == replace(
        Calendar("night", "Europe/Prague"),
        days=(5, 6),
        begin=parse_config(FILE).calendars["night"].begin,
        end=parse_config(FILE).calendars["night"].end,
    )


@pytest.mark.usefixtures("filled")
def test_mail_server_shows_whether_the_password_is_set_and_never_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "hunter22")
    app = show("notifications", notify="Contacts")
    assert "MAIL_PASSWORD is set." in text(app)
    assert "hunter22" not in text(app)
    monkeypatch.delenv("MAIL_PASSWORD")
    assert "MAIL_PASSWORD is not set" in text(show("notifications", notify="Contacts"))


def test_mail_server_is_changed(filled: Monitor) -> None:
    app = show("notifications", notify="Contacts")
    field(app, "text_input", "-host").input("relay.plant.example")
    press(app, "mail-save")
    mail = in_file(filled).mail
    assert mail is not None
    assert mail.server == "smtp+starttls://relay.plant.example:587"


def test_wrong_file_is_shown_with_its_reason_and_cannot_be_edited(filled: Monitor) -> None:
    show("notifications")
    path(filled).write_text(FILE.replace("severity", "gravity"))
    app = show("notifications")
    assert "the key 'gravity' is not known" in text(app)
    assert "Tells shift of events" in text(app), "what was in force stays"
    assert field(app, "button", "rule-new").disabled
    assert app.toggle[0].disabled


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ENGINEER])
def test_others_may_look(filled: Monitor, monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    token = with_accounts(filled)[role]
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: visit_of(token))
    app = show("notifications", rule="hot")
    assert "Tells shift of events" in text(app)
    assert "Needs the role administrator" in text(app)
    assert all(toggle.disabled for toggle in app.toggle)
    assert not [each for each in app.text_input if each.key.startswith("rule")]


MAIL = Mail("smtp://mail.plant.example", "sensormon@plant.example")


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("slck://a/b/c", "slck:// is not among the ways"),
        ("exec://rm", "exec:// is not among the ways"),
        ("http://127.0.0.1:9/x", "this machine's own address. If messages should go there, tick “May call"),
        ("https://hooks.slack.com/services/T/B/x", "Write slack://… instead"),
        ("https://x.webhook.office.com/y", "Write workflows://… instead"),
        ("https://hooks.plant.example/T0K3N", ""),
        ("https://hooks.plant.example/${HOOK}", ""),
        ("mailto:lead@plant.example", ""),
    ],
)
def test_a_way_that_cannot_be_used_is_refused_before_it_is_saved(way: str, words: str) -> None:
    refusal = way_refusal(Contact("shift", (way,)), MAIL)
    assert words in (refusal.what if refusal else "")
    assert bool(refusal) == bool(words)
    assert "T0K3N" not in str(refusal)


def test_a_password_never_goes_over_an_unencrypted_line() -> None:
    login = Mail(MAIL.server, MAIL.sender, "monitor", "MAIL_PASSWORD")
    refusal = way_refusal(Contact("shift", ("mailto:lead@plant.example",)), login)
    assert refusal is not None
    assert refusal.what.startswith("server: smtp:// would send the password unencrypted")


def test_what_was_typed_as_a_way_is_never_dropped(filled: Monitor) -> None:
    app = press(show("notifications", notify="Contacts"), "contact-new")
    field(app, "text_input", "-name").input("chief").run()
    field(app, "text_input", "-way-new").input("https://hooks.plant.example/chief").run()
    press(app, "contact-save")
    assert in_file(filled).contacts["chief"].ways == ("https://hooks.plant.example/chief",)
