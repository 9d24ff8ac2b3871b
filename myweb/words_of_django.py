"""What the admin says, and Django's own catalogue lacks in Chinese: makemessages finds it here, and ours has it."""

from django.utils.translation import gettext_noop

WORDS = (
    gettext_noop("Add link"),
    gettext_noop("After you’ve created a user, you’ll be able to edit more user options."),
    gettext_noop("Change or view list link"),
    gettext_noop("Error:"),
    gettext_noop("Forgotten your login credentials?"),
    gettext_noop("In case you’ve forgotten, you are:"),
    gettext_noop("Model name"),
)
