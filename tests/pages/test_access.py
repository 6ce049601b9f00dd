"""The Access page: users, sessions, tokens and the audit trail, as an administrator uses them."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.access.audit import Change
from sensormon.access.roles import Act, Role
from sensormon.model.clock import ManualClock
from sensormon.model.errors import SignInRefused
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.entries import AuditQuery
from tests.support.pages import show, text
from tests.support.people import NAMES, PHRASE, visit_of, with_accounts
from tests.support.people import ROOT as COMMAND_LINE
from tests.support.plant import START, Adopt

FAR = 2 * START


@pytest.fixture
def users(settings: Settings, adopt: Adopt, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """A monitor in the mode `users`; its administrator looks at the pages."""
    monitor = adopt(Monitor(replace(settings, access="users"), clock))
    token = with_accounts(monitor)[Role.ADMINISTRATOR]
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: visit_of(token))
    clock.advance(1.0)
    return monitor


def table(app: AppTest, column: str) -> pd.DataFrame:
    """The table with this column."""
    frame: pd.DataFrame = next(frame.value for frame in app.dataframe if column in frame.value)
    return frame


def press(app: AppTest, key: str) -> AppTest:
    """Press this button; the page must not fail."""
    app.button(key=key).click().run()
    assert not app.exception
    return app


def test_user_is_added_and_the_password_forgotten(users: Monitor) -> None:
    app = show("access")
    assert table(app, "By")["Name"].tolist() == ["Ada", "Ella", "Otto", "Vera"]
    app.text_input(key="user-name").input("Jana")
    app.selectbox(key="user-role").select("operator")
    app.text_input(key="user-password").input(PHRASE)
    press(app, "user-add")
    assert "Jana may sign in as operator." in text(app)
    assert users.access.accounts.sign_in("jana", PHRASE, "10.0.0.9").role is Role.OPERATOR
    assert PHRASE not in repr(app.session_state)
    assert not app.text_input(key="user-name").value
    newest = users.access.audit.read(AuditQuery(0, FAR))[0]
    assert (newest.act, newest.who, newest.subject) == ("manage users", "Ada", "user Jana")
    assert PHRASE not in f"{newest}"


@pytest.mark.usefixtures("users")
def test_password_that_is_shown_is_no_draft_of_the_browser() -> None:
    field = show("access").text_input(key="user-password")
    assert field.proto.autocomplete.endswith("password")
    taken = (files("sensormon.ui.browser") / "drafts.js").read_text(encoding="utf-8")
    assert ":not([type=password], [autocomplete$=password]," in taken


def test_short_password_is_refused_in_a_sentence(users: Monitor) -> None:
    app = show("access")
    app.text_input(key="user-name").input("Jana")
    app.selectbox(key="user-role").select("operator")
    app.text_input(key="user-password").input("short")
    press(app, "user-add")
    assert "a password has 10 to 200 characters" in text(app)
    assert "'short'" not in repr(app.session_state), "not even the run that failed keeps it"
    assert app.text_input(key="user-password").value == ""
    assert (app.text_input(key="user-name").value, app.selectbox(key="user-role").value) == (
        "Jana",
        "operator",
    )
    assert users.access.accounts.find("Jana") is None


def test_role_and_password_are_changed_and_the_account_removed(users: Monitor) -> None:
    app = show("access")
    app.selectbox(key="user-chosen").select("Otto").run()
    app.selectbox(key="user-new-role-Otto").select("engineer").run()
    press(app, "user-set-role")
    assert "Otto is now an engineer." in text(app)
    app.text_input(key="user-new-password").input("violet engine plum anchor")
    press(app, "user-set-password")
    otto = users.access.accounts.sign_in("Otto", "violet engine plum anchor", "10.0.0.9")
    assert otto.role is Role.ENGINEER
    press(app, "user-remove")
    assert users.access.accounts.find("Otto") is None
    with pytest.raises(SignInRefused):
        users.access.accounts.sign_in("Otto", "violet engine plum anchor", "10.0.0.8")


def test_last_administrator_stays(users: Monitor) -> None:
    app = show("access")
    app.selectbox(key="user-chosen").select("Ada").run()
    press(app, "user-remove")
    assert "the last administrator" in text(app)
    assert users.access.accounts.find("Ada") is not None


def test_own_session_is_marked_and_another_one_ended(users: Monitor) -> None:
    app = show("access", access="Sessions")
    sessions = table(app, "Signed in by")
    assert sessions.loc[sessions[""] == "this session", "Name"].tolist() == ["Ada"]
    assert set(sessions["Browser"]) == {"Firefox on Linux"}
    assert app.button(key="session-end").disabled, "nothing is chosen"
    chosen = app.selectbox(key="session-chosen")
    chosen.select_index(next(i for i, words in enumerate(chosen.options) if "Otto" in words)).run()
    press(app, "session-end")
    assert len(users.access.sessions.all()) == 3
    assert "Otto" not in {session.name for session in users.access.sessions.all()}


def test_secret_of_a_token_is_in_one_run_only(users: Monitor) -> None:
    app = show("access", access="API tokens")
    app.text_input(key="token-name").input("line 3 PLC")
    app.text_input(key="token-tags").input("fermenter_*, agitator_rpm")
    press(app, "token-add")
    assert not app.text_input(key="token-name").value
    secret = app.code[0].value
    token = users.access.tokens.find(secret)
    assert token is not None
    assert token.tags == ("fermenter_*", "agitator_rpm")
    assert table(app, "Scope")["State"].tolist() == ["active"]
    app.run()
    assert not app.code
    app.selectbox(key="token-chosen").select_index(0).run()
    press(app, "token-revoke")
    assert users.access.tokens.find(secret) is None
    assert table(app, "Scope")["State"].tolist() == ["revoked"]


def test_refused_token_stays_in_the_form(users: Monitor) -> None:
    app = show("access", access="API tokens")
    app.text_input(key="token-name").input("line 3 PLC")
    app.text_input(key="token-tags").input("fermenter_*")
    press(app, "token-add")
    app.text_input(key="token-name").input("line 3 PLC")
    app.text_input(key="token-tags").input("agitator_rpm")
    app.selectbox(key="token-scope").select("read")
    app.selectbox(key="token-expires").select("1 year")
    press(app, "token-add")
    assert "there is a token" in text(app)
    assert app.text_input(key="token-name").value == "line 3 PLC"
    assert app.text_input(key="token-tags").value == "agitator_rpm"
    assert (app.selectbox(key="token-scope").value, app.selectbox(key="token-expires").value) == (
        "read",
        "1 year",
    )
    assert len(users.access.tokens.all()) == 1


def test_audit_trail_is_filtered_and_shows_before_and_after(users: Monitor, clock: ManualClock) -> None:
    for number in range(3):
        clock.advance(1.0)
        change = Change(Act.SET_RETENTION, "retention", f"{number} days", f"{number + 1} days")
        users.access.audit.perform(COMMAND_LINE, change, str)
    app = show("access", access="Audit trail")
    app.multiselect(key="audit-acts").select("set retention").run()
    records = table(app, "Before")
    assert records["Before"].tolist() == ["2 days", "1 days", "0 days"]
    assert records["After"].tolist() == ["3 days", "2 days", "1 days"]
    app.multiselect(key="audit-who").select("Ada").run()
    assert "No records match." in text(app)


def test_refused_acts_are_marked_in_the_audit_trail(users: Monitor, clock: ManualClock) -> None:
    clock.advance(1.0)
    vera = replace(COMMAND_LINE, name=NAMES[Role.VIEWER], role=Role.VIEWER)
    with pytest.raises(Exception, match="not allowed"):
        users.access.audit.perform(vera, Change(Act.IMPORT, "plant.csv"), str)
    assert table(show("access", access="Audit trail"), "Outcome")["Outcome"].iloc[0].startswith("✕ import is")


def test_audit_trail_beyond_a_page_is_paged(users: Monitor, clock: ManualClock) -> None:
    records = []
    for number in range(1_005):
        clock.advance(0.001)
        records.append(users.access.audit.record_of(COMMAND_LINE, Change(Act.NOTE, f"note {number}")))
    users.access.audit.record(*records)
    app = show("access", access="Audit trail")
    assert "Records 1 to 1,000, older ones follow" in text(app)
    first = table(app, "Outcome")
    assert first["What"].iloc[0] == "note 1004"
    press(app, "audit-older")
    second = table(app, "Outcome")
    assert second["What"].iloc[0] == "note 4"
    assert len(first) + len(second) == len(users.access.audit.read(AuditQuery(0, FAR, limit=5_000)))
    press(app, "audit-newer")
    assert table(app, "Outcome")["What"].iloc[0] == "note 1004"


def test_audit_trail_starts_again_once_a_shorter_span_has_no_such_page(
    users: Monitor, clock: ManualClock
) -> None:
    records = [
        users.access.audit.record_of(COMMAND_LINE, Change(Act.NOTE, f"note {i}")) for i in range(1_005)
    ]
    users.access.audit.record(*records)
    clock.advance(2 * 3_600)
    users.access.audit.record(users.access.audit.record_of(COMMAND_LINE, Change(Act.NOTE, "the newest")))
    app = press(show("access", access="Audit trail"), "audit-older")
    app.segmented_control(key="audit_span").set_value("1 h").run()
    assert not app.exception
    assert table(app, "Outcome")["What"].tolist() == ["the newest"]
    assert "1 record" in text(app)
