"""The schemes that apprise may serve, each with the module of apprise that does.

An allow-list: apprise also knows local programs, syslog, D-Bus, files, raw JSON, XML and forms, mail,
MQTT and XMPP. None of them is here: some act on this machine, mail and webhooks are ours, and the rest
opens connections of its own that `apprise_child` would not bound. What is here speaks HTTP alone.
"""

from __future__ import annotations

HOSTED = {
    "bark": "bark",
    "barks": "bark",
    "goalert": "goalert",
    "goalerts": "goalert",
    "gotify": "gotify",
    "gotifys": "gotify",
    "hassio": "home_assistant",
    "hassios": "home_assistant",
    "infobip": "infobip",
    "matrix": "matrix",
    "matrixs": "matrix",
    "mmost": "mattermost",
    "mmosts": "mattermost",
    "nctalk": "nextcloudtalk",
    "nctalks": "nextcloudtalk",
    "ntfy": "ntfy",
    "ntfys": "ntfy",
    "rocket": "rocketchat",
    "rockets": "rocketchat",
    "signal": "signal_api",
    "signals": "signal_api",
    "smseagle": "smseagle",
    "smseagles": "smseagle",
    "synology": "synology",
    "synologys": "synology",
    "workflow": "workflows",
    "workflows": "workflows",
}
"""Schemes whose URL begins with a host, which may be the plant's own; with an s at the end over TLS."""

CLOUD = {
    "46elks": "fortysixelks",
    "bulksms": "bulksms",
    "clickatell": "clickatell",
    "clicksend": "clicksend",
    "cm": "cm",
    "d7sms": "d7networks",
    "discord": "discord",
    "firehydrant": "firehydrant",
    "gchat": "google_chat",
    "ilert": "ilert",
    "incidentio": "incidentio",
    "jira": "jira",
    "lark": "lark",
    "msgbird": "messagebird",
    "nexmo": "vonage",
    "octopush": "octopush",
    "opsgenie": "opsgenie",
    "pagerduty": "pagerduty",
    "pagertree": "pagertree",
    "pbul": "pushbullet",
    "plivo": "plivo",
    "pover": "pushover",
    "prowl": "prowl",
    "psafer": "pushsafer",
    "serwersms": "serwersms",
    "seven": "seven",
    "signl4": "signl4",
    "sinch": "sinch",
    "slack": "slack",
    "smsmanager": "smsmanager",
    "sns": "sns",
    "splunk": "splunk",
    "spush": "simplepush",
    "squadcast": "squadcast",
    "telnyx": "telnyx",
    "tgram": "telegram",
    "threema": "threema",
    "twilio": "twilio",
    "victorops": "splunk",
    "voipms": "voipms",
    "vonage": "vonage",
    "webex": "webexteams",
    "wxteams": "webexteams",
    "zoom": "zoom",
    "zulip": "zulip",
}
"""Schemes of services on the internet; what stands where a host would is a token."""

SCHEMES = HOSTED | CLOUD

OURS = {"verify", "redirect", "retry", "wait", "cto", "rto", "overflow", "store"}
"""Parameters of any apprise URL that would undo what a way is bound to: TLS verified, redirects and retries
off, one message at most. Refused."""
OUTSIDE = {"template", "attach", "file_url"}
"""Parameters that make apprise read a file or another URL. Refused."""
