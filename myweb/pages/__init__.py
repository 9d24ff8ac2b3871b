"""Pages, and what they are made of. docs/architecture.md says what is promised here, and why."""
