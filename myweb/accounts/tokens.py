"""Links for a new password."""

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.http import base36_to_int

TOLERANCE = 60  # seconds by which the clocks of two machines may differ


class TokenGenerator(PasswordResetTokenGenerator):
    """Refuses, beside what Django's own does, links that were made while the clock was ahead: they would stay valid."""

    def check_token(self, user: Any, token: str | None) -> bool:
        if not super().check_token(user, token):
            return False
        made = base36_to_int(str(token).partition("-")[0])
        return made <= self._num_seconds(self._now()) + TOLERANCE
