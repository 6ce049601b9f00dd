"""What each role may do on the pages: every act that has a widget, walked with every role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.access.roles import GIVEN, NEEDS, Act, Role
from sensormon.access.tokens import Scope
from sensormon.access.visit import Visit
from sensormon.model.clock import HOUR, SECOND, ManualClock
from sensormon.model.entries import AuditRecord
from sensormon.model.settings import ROOT, Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.entries import AuditQuery
from tests.support.lines import known_here
from tests.support.pages import show, text
from tests.support.people import NAMES, PHRASE, visit_of, with_accounts
from tests.support.people import ROOT as COMMAND_LINE
from tests.support.plant import START, Adopt

FAR = START + 10**6 * SECOND


@dataclass(frozen=True)
class Widget:
    """The widget of an act: its kind and key, and the page that has it."""

    act: Act
    page: str
    query: dict[str, str]
    kind: str
    key: str
    captioned: bool = False  # a line in its panel says it too: no hover on a phone, nor on a menu


WIDGETS = [
    Widget(Act.ACKNOWLEDGE, "anomalies", {}, "button", "acknowledge"),
    Widget(Act.LABEL, "anomalies", {}, "menu_button", "label-as", captioned=True),
    Widget(Act.SHELVE, "anomalies", {}, "menu_button", "shelve-for", captioned=True),
    Widget(Act.NOTE, "anomalies", {}, "button", "note"),
    Widget(Act.SHELVE, "anomalies", {"quiet": "1"}, "button", "shelve-tags", captioned=True),
    Widget(Act.SHELVE, "anomalies", {"quiet": "1"}, "multiselect", "unshelve-chosen", captioned=True),
    Widget(Act.SHELVE, "anomalies", {"quiet": "1"}, "button", "maintenance-add", captioned=True),
    Widget(Act.SHELVE, "anomalies", {"quiet": "1"}, "selectbox", "maintenance-chosen", captioned=True),
    Widget(Act.NOTE, "explore", {}, "button", "note-add"),
    Widget(
        Act.EDIT_FRAMES,
        "explore",
        {
            "look": "Event frames",
            "rule": '{"start": {"tag": "fermenter_temp", "comparison": ">", "value": 30}}',
        },
        "button",
        "frames-save",
        captioned=True,
    ),
    Widget(Act.EDIT_BOARDS, "boards", {}, "button", "board-new", captioned=True),
    Widget(Act.EXPORT, "data", {"section": "Export"}, "button", "out-start"),
    Widget(Act.EXPORT, "boards", {"section": "Reports"}, "button", "report-make"),
    Widget(Act.SCHEDULE_REPORTS, "boards", {"section": "Reports"}, "button", "schedule-add", captioned=True),
    Widget(
        Act.APPLY_SETTINGS,
        "tuning",
        {"threshold": "5.0"},
        "button",
        "Apply to live monitoring …",
        captioned=True,
    ),
    Widget(Act.TRAIN_MODEL, "tuning", {"part": "Models"}, "text_input", "model-name", captioned=True),
    Widget(Act.EDIT_TAGS, "data", {"section": "Tags"}, "button", "tags-take-over"),
    Widget(
        Act.EDIT_TAGS,
        "data",
        {"section": "Calculated tags"},
        "text_input",
        "calculated-0-new-formula",
        captioned=True,
    ),
    Widget(Act.IMPORT, "data", {"section": "Import"}, "file_uploader", "import-file", captioned=True),
    Widget(Act.OPEN_CASE, "data", {"section": "Cases"}, "file_uploader", "case-file", captioned=True),
    Widget(Act.CAUSE_FAULT, "pipeline", {}, "button", "fault-start", captioned=True),
    Widget(Act.CAUSE_FAULT, "pipeline", {}, "button", "demo-kill_loader", captioned=True),
    Widget(Act.RETRY_DEAD_LETTERS, "pipeline", {}, "button", "retry-dead-letters", captioned=True),
    Widget(
        Act.SET_RETENTION, "data", {"section": "Storage"}, "number_input", "retention-days", captioned=True
    ),
    Widget(Act.ROLL_UP, "data", {"section": "Storage"}, "button", "retention-run", captioned=True),
    Widget(Act.MANAGE_USERS, "access", {}, "button", "user-add"),
    Widget(Act.MANAGE_USERS, "access", {}, "selectbox", "user-chosen"),
    Widget(Act.MANAGE_SESSIONS, "access", {"access": "Sessions"}, "selectbox", "session-chosen"),
    Widget(Act.MANAGE_SESSIONS, "access", {"access": "Sessions"}, "selectbox", "session-person"),
    Widget(Act.MANAGE_TOKENS, "access", {"access": "API tokens"}, "button", "token-add"),
    Widget(Act.MANAGE_TOKENS, "access", {"access": "API tokens"}, "selectbox", "token-chosen"),
    Widget(Act.MANAGE_NOTIFICATIONS, "notifications", {}, "button", "rule-new", captioned=True),
    Widget(Act.MANAGE_NOTIFICATIONS, "notifications", {"notify": "Contacts"}, "button", "mail-save"),
    Widget(Act.MANAGE_NOTIFICATIONS, "notifications", {"notify": "Calendars"}, "button", "calendar-new"),
    Widget(Act.MANAGE_SOURCES, "data", {"section": "Sources"}, "button", "source-new", captioned=True),
    Widget(
        Act.MANAGE_SOURCES, "data", {"section": "Sources"}, "button", "source-switch-line", captioned=True
    ),
    Widget(Act.READ_AUDIT, "access", {"access": "Audit trail"}, "multiselect", "audit-who"),
]
WITHOUT = {
    Act.SIGN_IN: "a page of its own",
    Act.SIGN_OUT: "in the head",
    Act.LOOK: "every page",
    Act.EXPLORE: "a page without changes",
    Act.TRY_SETTINGS: "a page without changes",
    Act.CHANGE_OWN_ACCOUNT: "in the head",
    Act.SAVE_VIEWS: "in the head",
    Act.DELETE: "no page deletes",
    Act.ACCEPT_LOSS: "only while a loss is reported",
}
"""Acts that have no widget of their own, and why."""


@dataclass
class Plant:
    """A monitor in the mode `users` with everything that widgets need, and the sessions of its people."""

    monitor: Monitor
    clock: ManualClock
    tokens: dict[Role, str]
    sign_in: Callable[[str], None]

    def as_a(self, role: Role) -> None:
        """Look at the pages in the session of the person with this role."""
        self.sign_in(self.tokens[role])

    def records(self) -> list[AuditRecord]:
        """The audit trail, newest first."""
        return self.monitor.access.audit.read(AuditQuery(0, FAR))


@pytest.fixture
def plant(tmp_path: Path, adopt: Adopt, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Plant:
    known_here(monkeypatch)
    tags = tmp_path / "tags.toml"
    tags.write_bytes((ROOT / "data" / "tags.toml").read_bytes())
    monitor = adopt(
        Monitor(
            Settings(tmp_path / "data", tags=tags, source="simulator", access="users", demo=True),
            clock,
        )
    )
    monitor.source.backfill()
    monitor.drain()
    monitor.retention.set(30, "Ada")
    monitor.access.tokens.add(COMMAND_LINE, "PLC", Scope.WRITE)
    monitor.shelved_tags.shelve(["fermenter_ph"], START + HOUR, "probe", "Ada")
    monitor.maintenance.add(["*_rpm"], [], START, START + HOUR, "CIP", "Ada")
    tags.write_text(tags.read_text().replace("[5.0, 9.0]", "[6.0, 9.0]"))  # changed by hand
    tokens = with_accounts(monitor)
    monitor.settings.notify_file.write_text(
        '[contacts.shift]\nways = ["https://hooks.plant.example/x"]\n[rules.all]\nto = ["shift"]\n'
    )
    monitor.settings.sources_file.write_text('[sources.line]\nkind = "lines"\nurl = "lines://127.0.0.1:1"\n')
    monitor.drain()
    monitor.drain()  # the dead letters of the start have been retried by now
    (tmp_path / "data" / "failed_measurements.jsonl").write_text(LETTER)

    def sign_in(token: str) -> None:
        # AppTest has no connection: these are the facts of one.
        monkeypatch.setattr("sensormon.ui.who.visit", lambda: visit_of(token))

    return Plant(monitor, clock, tokens, sign_in)


LETTER = (
    '{"id":9000000,"source":"simulator","tag":"fermenter_ph","timestamp":"2026-01-01T00:00:00Z","value":7.0,'
    '"quality":0,"received":"2026-01-01T00:00:00Z","origin":"live","settings":1,"n":0,"score":null,'
    '"expected":null,"lower":null,"upper":null,"is_anomaly":false,"reason":"r","attempts":1,'
    '"first_failed":"x","last_failed":"x"}\n'
)


def element(app: AppTest, widget: Widget) -> Any:
    """The widget on the page."""
    return next(
        element
        for element in app.get(widget.kind)
        if f"-{widget.key}-" in f"{element.proto.id}-" or element.proto.label == widget.key
    )


def test_every_act_has_a_widget_or_a_reason() -> None:
    assert {widget.act for widget in WIDGETS} | set(WITHOUT) == set(NEEDS)


@pytest.mark.long
@pytest.mark.parametrize("role", GIVEN, ids=str)
def test_what_a_role_may_not_do_is_disabled_with_the_reason(plant: Plant, role: Role) -> None:
    plant.as_a(role)
    for page, query in {(widget.page, tuple(widget.query.items())) for widget in WIDGETS}:
        app = show(page, **dict(query))
        for widget in WIDGETS:
            if (widget.page, tuple(widget.query.items())) != (page, query):
                continue
            shown = element(app, widget)
            may = role >= NEEDS[widget.act]
            assert shown.proto.disabled is not may, f"{role}: {widget.key}"
            article = "an" if str(role)[0] in "aeo" else "a"
            reason = f"Needs the role {NEEDS[widget.act]}. {NAMES[role]} is {article} {role}."
            assert (reason in shown.proto.help) is not may, f"{role}: {widget.key}"
            if widget.captioned:
                assert (reason in text(app)) is not may, f"{role}: {widget.key}"


def gate_of_every_act() -> None:
    """A page that tries every act."""
    import streamlit as st

    from sensormon.access.audit import Change
    from sensormon.access.roles import NEEDS
    from sensormon.monitor.runtime import monitor
    from sensormon.ui.acts import carried_out

    done = st.session_state["done"] = []
    for act in NEEDS:
        carried_out(monitor(), Change(act, "a test", "old", "new"), done.append, "Nothing was changed")


@pytest.mark.parametrize("role", GIVEN, ids=str)
def test_gate_lets_through_what_the_role_allows_and_records_the_rest(plant: Plant, role: Role) -> None:
    plant.as_a(role)
    app = AppTest.from_function(gate_of_every_act, default_timeout=60).run()
    assert not app.exception
    mays = [act for act in NEEDS if role >= NEEDS[act]]
    assert app.session_state["done"] == [NAMES[role]] * len(mays)
    assert len(app.error) == len(NEEDS) - len(mays)
    records = [record for record in plant.records() if record.subject == "a test"]
    assert {record.act for record in records if not record.failure} == {str(act) for act in mays}
    assert {record.act for record in records if record.failure} == {
        str(act) for act in NEEDS if act not in mays
    }
    assert {(record.who, record.verified, record.role) for record in records} == {
        (NAMES[role], True, str(role))
    }
    assert {(record.before, record.after) for record in records} == {("old", "new")}


def gate_of_managers() -> None:
    """A page that tries to manage accounts, sessions and tokens."""
    import streamlit as st

    from sensormon.access.audit import Change
    from sensormon.access.roles import Act, Role
    from sensormon.access.tokens import Scope
    from sensormon.monitor.runtime import monitor
    from sensormon.ui.acts import managed

    access = monitor().access
    tries = {
        Act.MANAGE_USERS: lambda by: access.accounts.add(by, "Eve", Role.VIEWER, "plum anchor violet engine"),
        Act.MANAGE_SESSIONS: lambda by: access.sessions.end_all(by, "Vera"),
        Act.MANAGE_TOKENS: lambda by: access.tokens.add(by, "mine", Scope.ADMIN),
    }
    st.session_state["done"] = [
        str(act) for act, do in tries.items() if managed(monitor(), Change(act, "a test"), do, "Refused")
    ]


@pytest.mark.parametrize("role", GIVEN, ids=str)
def test_only_administrators_manage_and_refusals_are_recorded(plant: Plant, role: Role) -> None:
    plant.as_a(role)
    before = kept(plant.monitor)
    app = AppTest.from_function(gate_of_managers, default_timeout=60).run()
    assert not app.exception
    managing = [str(act) for act in (Act.MANAGE_USERS, Act.MANAGE_SESSIONS, Act.MANAGE_TOKENS)]
    assert app.session_state["done"] == (managing if role is Role.ADMINISTRATOR else [])
    assert (kept(plant.monitor) == before) is (role is not Role.ADMINISTRATOR)
    refused = {record.act for record in plant.records() if record.failure and record.subject == "a test"}
    assert refused == (set() if role is Role.ADMINISTRATOR else set(managing))


FORGED = [
    *(
        (widget, "")
        for widget in WIDGETS
        if widget.key
        in (
            "acknowledge",
            "note",
            "tags-take-over",
            "fault-start",
            "demo-kill_loader",
            "retry-dead-letters",
            "user-add",
            "token-add",
            "mail-save",
            "source-switch-line",
        )
    ),
    (Widget(Act.MANAGE_USERS, "access", {}, "button", "user-set-password"), "user-chosen"),
    (Widget(Act.MANAGE_USERS, "access", {}, "button", "user-remove"), "user-chosen"),
    (
        Widget(Act.MANAGE_SESSIONS, "access", {"access": "Sessions"}, "button", "session-end"),
        "session-chosen",
    ),
    (
        Widget(Act.MANAGE_SESSIONS, "access", {"access": "Sessions"}, "button", "session-end-all"),
        "session-person",
    ),
    (Widget(Act.MANAGE_TOKENS, "access", {"access": "API tokens"}, "button", "token-revoke"), "token-chosen"),
]
"""Buttons that act at once, with the choice to make before; the others open a dialog with another button."""


def kept(monitor: Monitor) -> object:
    """Everything that these buttons could change."""
    assert monitor.drills is not None
    assert monitor.source.simulator is not None
    return (
        monitor.actions.count,
        monitor.tags.digest,
        monitor.source.simulator.active(START + SECOND),
        len(monitor.drills.runs),
        [(account.name, account.role, account.changed) for account in monitor.access.accounts.all()],
        {session.key for session in monitor.access.sessions.all()},
        [(token.name, token.revoked) for token in monitor.access.tokens.all()],
        (monitor.settings.data_dir / "failed_measurements.jsonl").exists(),
        monitor.settings.notify_file.read_text(),
        monitor.settings.sources_file.read_text(),
    )


@pytest.mark.long
@pytest.mark.parametrize(("widget", "choice"), FORGED, ids=lambda value: getattr(value, "key", ""))
def test_click_without_the_role_changes_nothing(plant: Plant, widget: Widget, choice: str) -> None:
    plant.as_a(NEEDS[widget.act])
    app = show(widget.page, **widget.query)
    if choice:
        app.selectbox(key=choice).select_index(0).run()
    before = kept(plant.monitor)
    plant.clock.advance(1.0)
    plant.as_a(Role(NEEDS[widget.act] - 1))  # the button is drawn enabled, the click comes from somebody else
    element(app, widget).click()
    app.run()
    plant.monitor.drain()
    assert not app.exception
    assert kept(plant.monitor) == before
    newest = plant.records()[0]
    if widget.key in (
        "acknowledge",
        "note",
    ):  # they act by a callback; Streamlit drops the other clicks itself
        assert (newest.act, newest.who) == (str(widget.act), NAMES[Role(NEEDS[widget.act] - 1)])
        assert newest.failure
        assert newest.failure in " ".join(error.value for error in app.error)


def test_disabled_upload_is_not_even_read(plant: Plant) -> None:
    plant.as_a(Role.ENGINEER)
    app = show("data", section="Import")
    app.file_uploader[0].upload("history.csv", b"time,fermenter_ph\n2026-01-01T00:00:00Z,7.0\n")
    plant.as_a(Role.OPERATOR)
    app.run()
    assert not app.exception
    assert "import-start" not in [button.key for button in app.button]
    assert not plant.monitor.jobs.of("import")


def test_ended_session_ends_at_the_next_run(plant: Plant) -> None:
    plant.as_a(Role.OPERATOR)
    app = show("anomalies")
    assert "Acknowledge" in [button.label for button in app.button]
    plant.monitor.access.sessions.end_all(COMMAND_LINE, NAMES[Role.OPERATOR])
    app.run()
    assert not app.button, "nothing of the page is drawn any more"
    assert not app.dataframe


def test_name_of_the_person_signed_in_is_in_every_record_and_never_asked_for(plant: Plant) -> None:
    plant.as_a(Role.OPERATOR)
    app = show("anomalies")
    plant.clock.advance(1.0)
    app.button(key="acknowledge").click().run()
    assert "name-given" not in [field.key for field in app.text_input]
    plant.monitor.drain()
    frame = plant.monitor.events.between(None, 0, FAR)
    assert set(frame.loc[frame["state"] == "acknowledged", "who"]) == {"Otto"}
    newest = plant.records()[0]
    assert (newest.who, newest.verified, newest.act) == ("Otto", True, "acknowledge")
    assert newest.subject.startswith("1 event: ")
    assert (newest.before, newest.after) == ("unacknowledged", "acknowledged")


def test_head_says_who_is_signed_in_and_how(plant: Plant) -> None:
    plant.as_a(Role.ENGINEER)
    app = show("live")
    icon = ":material/account_circle:"
    boxes = [box.proto.popover for box in app.get("popover")]
    assert [box.label for box in boxes if box.icon == icon] == ["Signed in as Ella (engineer)"]
    assert "By an account kept here." in text(app)
    assert 'action="sign-out"' in text(app)


def test_head_of_a_visitor_links_to_the_sign_in_page_and_back_to_the_view(
    settings: Settings, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt(Monitor(replace(settings, access="local"), ManualClock(START)))
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: Visit("10.0.0.7", {"host": "plant.example"}))
    assert 'href="/sign-in?next=%2F%3Fsection%3DStorage"' in text(show("data", section="Storage"))


def test_head_at_this_machine_says_so_and_offers_a_sign_in(
    settings: Settings, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt(Monitor(replace(settings, access="local"), ManualClock(START)))
    here = Visit("127.0.0.1", {"host": "localhost:8501", "origin": "http://localhost:8501"})
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: here)
    app = show("data")
    assert "Signed in as administrator" in [box.proto.popover.label for box in app.get("popover")]
    assert "Signed in as administrator (this machine)" in text(app)
    assert 'href="/sign-in' in text(app)


def test_nobody_is_offered_a_sign_in_under_open_access(settings: Settings, adopt: Adopt) -> None:
    adopt(Monitor(replace(settings, access="open"), ManualClock(START)))
    app = show("data")
    assert "Signed in as administrator" in [box.proto.popover.label for box in app.get("popover")]
    assert 'href="/sign-in' not in text(app)


def test_typed_name_is_recorded_as_unverified(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    monitor.source.backfill()
    monitor.drain()
    app = show("anomalies")
    app.button(key="acknowledge").click().run()
    app.text_input(key="name-given").input("Ana")
    next(button for button in app.button if button.label == "Continue").click().run()
    assert "Signed in as Ana, unverified (administrator)" in text(app.run())
    (newest,) = monitor.access.audit.read(AuditQuery(0, FAR))
    assert (newest.who, newest.verified, newest.role) == ("Ana (unverified)", False, "administrator")


def test_password_is_changed_and_forgotten_by_the_session(plant: Plant) -> None:
    plant.as_a(Role.VIEWER)
    app = show("live")
    new = "violet engine plum anchor"
    app.text_input(key="own-password-old").input(PHRASE)
    app.text_input(key="own-password-new").input(new)
    app.button(key="own-password-change").click().run()
    assert not app.exception
    assert "Password changed." in text(app)
    assert plant.monitor.access.accounts.sign_in("Vera", new, "10.0.0.7").role is Role.VIEWER
    assert not app.session_state["own-password-old"]
    assert not app.session_state["own-password-new"]


def test_fields_of_a_fault_are_disabled_with_its_button(plant: Plant) -> None:
    plant.as_a(Role.OPERATOR)
    app = show("pipeline")
    fields = [
        app.selectbox(key="fault"),
        app.selectbox(key="fault_of"),
        app.number_input(key="fault_seconds"),
    ]
    assert [field.disabled for field in fields] == [True] * 3
    plant.as_a(Role.ENGINEER)
    assert not show("pipeline").selectbox(key="fault").disabled
