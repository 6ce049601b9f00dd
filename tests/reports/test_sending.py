"""Reports on a schedule, from the time they are due to what a mail server and a webhook get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from sensormon.boards.boards import boards_of
from sensormon.boards.views import views_of
from sensormon.model.clock import DAY, HOUR, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import MessageState
from sensormon.notify.notifications import Notifications, notifications_of
from sensormon.reports.schedules import Schedule
from sensormon.reports.sending import sending_of
from tests.support.mail_server import MailServer
from tests.support.plant import batch_of
from tests.support.receiver import Receiver
from tests.support.reported import BOARD, PH, TEMP, fill, words_of
from tests.support.telling import SPIKE, tell

DAILY = Schedule("", BOARD.name, "the last day", "day", "06:00", "Europe/Berlin", ("lead", "hook"))
TO_SIX = 14 * HOUR / 1e6
"""Seconds from the start of the clock, 16:13 in Berlin, to after 06:00."""


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def plant(settings: Settings, mail: MailServer, receiver: Receiver) -> Settings:
    """Contacts by mail and by a webhook, and rules that tell of events."""
    settings.data_dir.mkdir()
    (settings.data_dir / "notify.toml").write_text(
        f'[mail]\nserver = "smtp://127.0.0.1:{mail.port}"\nfrom = "monitor@plant.example"\n'
        '[contacts.lead]\nways = ["mailto:lead@plant.example"]\nallow_private = true\ngroup = 0\n'
        f'[contacts.hook]\nways = ["http://127.0.0.1:{receiver.port}/hook"]\nallow_private = true\n'
        '[rules.all]\nto = ["lead"]\n'
    )
    return settings


def started(settings: Settings, clock: ManualClock) -> tuple[Monitor, Notifications]:
    monitor = Monitor(settings, clock)
    sending_of(monitor)
    return monitor, notifications_of(monitor)


def scheduled(monitor: Monitor, schedule: Schedule = DAILY) -> Schedule:
    fill(monitor, TEMP, PH, hours=2)
    boards_of(monitor).save(BOARD, "Ana")
    return sending_of(monitor).schedules.save(schedule, "Ana")


def pdf_of(message: EmailMessage) -> bytes:
    (attachment,) = message.iter_attachments()
    assert (attachment.get_content_type(), attachment.get_content_disposition()) == (
        "application/pdf",
        "attachment",
    )
    content = attachment.get_content()
    assert isinstance(content, bytes)
    return content


def test_a_report_goes_out_once_when_it_is_due(
    plant: Settings, clock: ManualClock, mail: MailServer, receiver: Receiver
) -> None:
    monitor, notifications = started(plant, clock)
    try:
        scheduled(monitor)
        tell(notifications, clock)
        before = [each for each in mail.inbox.messages if "Report" in each["subject"]]
        clock.advance(TO_SIX)
        tell(notifications, clock)
    finally:
        monitor.stop()
    assert before == []
    (message,) = [each for each in mail.inbox.messages if "Report" in each["subject"]]
    assert message["subject"].startswith(
        "Report: Fermenter, Mon 21 Sep 2026 06:00 to Tue 22 Sep 2026 06:00"[:60]
    )
    body = message.get_body(("plain",))
    assert body is not None
    assert "Attached: fermenter-2026-09-21-to-2026-09-22.pdf" in body.get_content()
    assert "Mon 21 Sep 2026 06:00 to Tue 22 Sep 2026 06:00" in words_of(pdf_of(message))
    (request,) = receiver.received
    assert (request.json["kind"], request.json["contact"], request.json["events"]) == ("digest", "hook", [])
    assert request.json["text"].startswith("Report: Fermenter, Mon 21 Sep 2026")
    assert "attachment" not in request.json


def test_a_shared_view_goes_out_on_a_schedule(plant: Settings, clock: ManualClock, mail: MailServer) -> None:
    monitor, notifications = started(plant, clock)
    try:
        fill(monitor, TEMP, PH, hours=2)
        query = (("explore", PH), ("past", "1 h"))
        view = views_of(monitor).save("Morning", "explore", query, "Ana", shared=True, who="Ana")
        data = views_of(monitor).save("Data", "data", (), "Ana", shared=True, who="Ana")
        schedules = sending_of(monitor).schedules
        schedules.save(replace(DAILY, board=f"view:{view.name}", contacts=("lead",)), "Ana")
        with pytest.raises(UsageError, match="no board or shared view"):
            schedules.save(replace(DAILY, board=f"view:{data.name}"), "Ana")
        tell(notifications, clock)
        clock.advance(TO_SIX)
        tell(notifications, clock)
    finally:
        monitor.stop()
    (message,) = [each for each in mail.inbox.messages if "Report" in each["subject"]]
    assert message["subject"].strip().startswith("Report: Morning (view), Mon 21 Sep 2026")
    assert "Time-weighted mean" in words_of(pdf_of(message)), "over the span of the schedule"


def test_a_report_that_was_due_while_nothing_ran_goes_out_after_the_start(
    plant: Settings, clock: ManualClock, mail: MailServer
) -> None:
    monitor, _ = started(plant, clock)
    scheduled(monitor, DAILY)
    monitor.stop()
    clock.advance(3 * DAY / 1e6)
    monitor, notifications = started(plant, clock)
    fill(monitor, TEMP, until=clock.now() - 12 * HOUR, hours=1)
    tell(notifications, clock)
    monitor.stop()
    monitor, notifications = started(plant, clock)
    try:
        tell(notifications, clock)
    finally:
        monitor.stop()
    reports = [each["subject"] for each in mail.inbox.messages if "Report" in each["subject"]]
    assert [subject[:34] for subject in reports] == ["Report: Fermenter, Wed 23 Sep 2026"]


def test_a_planned_report_survives_a_restart_before_it_is_handed_over(
    plant: Settings, clock: ManualClock, mail: MailServer
) -> None:
    mail.inbox.data_answer = "451 later"
    monitor, notifications = started(plant, clock)
    scheduled(monitor)
    clock.advance(TO_SIX)
    tell(notifications, clock)
    monitor.stop()
    mail.inbox.data_answer = ""
    clock.advance(120)
    monitor, notifications = started(plant, clock)
    try:
        tell(notifications, clock)
    finally:
        monitor.stop()
    (message,) = [each for each in mail.inbox.messages if "Report" in each["subject"]]
    assert words_of(pdf_of(message)).startswith("sensormon report Fermenter")


def test_a_report_that_cannot_be_made_is_said_and_holds_up_no_alarm(
    plant: Settings, clock: ManualClock, mail: MailServer
) -> None:
    monitor, notifications = started(plant, clock)
    try:
        schedule = scheduled(monitor, DAILY)
        boards_of(monitor).remove(BOARD.name, "Ben")
        clock.advance(TO_SIX)
        tell(notifications, clock, 3)
        monitor.submit(batch_of(*SPIKE, at=clock.now() - 60_000_000))
        monitor.drain()
        tell(notifications, clock)
        notifications.watch()
        (failed,) = [each for each in notifications.outbox.failed() if each.contact == "lead"]
        last = sending_of(monitor).last_message(schedule, "lead", clock.now())
    finally:
        monitor.stop()
    assert failed.state is MessageState.FAILED
    assert "there is no board 'fermenter'" in failed.tries[-1].words
    assert last == failed
    assert any("reached nobody" in problem for problem in notifications.problems())
    assert any("48.0" in each["subject"] for each in mail.inbox.messages)


def test_a_contact_that_is_gone_is_named_among_the_problems(plant: Settings, clock: ManualClock) -> None:
    monitor, notifications = started(plant, clock)
    try:
        scheduled(monitor)
        file: Path = plant.data_dir / "notify.toml"
        file.write_text(file.read_text().replace("contacts.hook", "contacts.other"))
        clock.advance(60)
        tell(notifications, clock, 2)
        notifications.watch()
        problems = notifications.problems()
    finally:
        monitor.stop()
    assert any("scheduled for contact hook" in problem for problem in problems)
