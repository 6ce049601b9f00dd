"""Who may do what: roles, accounts, sessions, API tokens, and the audit trail."""
