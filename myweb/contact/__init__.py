"""The contact form, the outbox and the inbox. docs/architecture.md says what is promised here, and why."""
