"""Telling people: which events reach whom, when, by which way, and what became of each message.

    config       what notify.toml says: contacts, rules, calendars
    planning     which messages are due now, from events, rules and what was sent already
    messages     a message and its states
    outbox       messages kept durably, before anything is handed over
    sender       the thread: plans, hands over, tries again
    ways/        mail, webhook, and what apprise serves

What it is not: a judge of readings. It reads events as the pages do.
"""
