"""The ways by which a message leaves this machine: mail, a webhook, and what apprise serves.

`delivery` has what a way is given and what it answers; `by_url` opens the way that a URL names.
"""
