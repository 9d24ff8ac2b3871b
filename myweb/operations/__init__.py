"""What the operator asks for: health, doctor, backups. docs/architecture.md says what is promised here, and why."""
