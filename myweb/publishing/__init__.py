"""Answers as files, never stale. docs/architecture.md says what is promised here, and why."""
