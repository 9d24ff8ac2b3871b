"""Text that people format: the field for it, and the cleaning of whatever is pasted or posted into one."""
