"""Telling people: which events reach whom, when, by which way, and what became of each message.

    config       what notify.toml says: contacts, rules, calendars
    calendar     when a calendar applies
    matching     which events a rule takes
    told         what the messages so far tell, an index
    facts        events as planning sees them at one moment
    notices      what is due to be told by one rule to one contact
    parcels      groups, limits and digests
    conditions   what is wrong with the monitor itself
    health       which messages on that are due
    planning     which messages are due now, from all these
    replay       past events as planning would have seen them
    history      what rules would have sent
    imported     which readings came from imports
    told_events  an event as a message tells it
    messages     a message and its states
    outbox       messages kept durably, before anything is handed over
    sender       the thread: plans, hands over, tries again
    ways/        mail, webhook, and what apprise serves

What it is not: a judge of readings. It reads events as the pages do.
"""
