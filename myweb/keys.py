"""Numbers of rows, as they come from addresses and forms."""

LONGEST = 18  # digits: all of these are less than 2^63, and Python refuses to read more than 4,300


def as_key(text: str) -> int:
    """Return the number that `text` is, or 0, which no row has, if it can be none's."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST else 0
