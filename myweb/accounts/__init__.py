"""Who may come in: the first visit, passwords, lockout. docs/architecture.md says what is promised here, and why."""
