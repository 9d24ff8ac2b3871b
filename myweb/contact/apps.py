from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from myweb.tables import Table


class ContactConfig(AppConfig):
    name = "myweb.contact"
    verbose_name = _("Messages")
    tables = {
        "contact_contactmessage": Table.NOT_SHOWN | Table.TAKEN_OVER,
        "contact_delivery": Table.NOT_SHOWN | Table.TAKEN_OVER,  # after the messages that it belongs to
        "contact_mailserver": Table.NOT_SHOWN | Table.BOOKKEEPING,
    }
