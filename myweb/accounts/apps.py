from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from myweb.tables import Table

_ATTEMPT = Table.NOT_SHOWN | Table.BOOKKEEPING
# A login that has ended since must not come back, nor may a mail be sent that somebody asked for before.
_FORGOTTEN = _ATTEMPT | Table.FORGOTTEN


class AccountsConfig(AppConfig):
    name = "myweb.accounts"
    verbose_name = _("Accounts")
    tables = {
        "accounts_loginfailures": _FORGOTTEN,
        "accounts_passwordreset": _FORGOTTEN,
        "accounts_setuptoken": _ATTEMPT,
        "auth_permission": Table.BOOKKEEPING,
        "axes_accessattempt": _ATTEMPT,
        "axes_accessattemptexpiration": _ATTEMPT,
        "axes_accessfailurelog": _ATTEMPT,
        "axes_accesslog": _ATTEMPT,
        "django_admin_log": Table.NOT_SHOWN,
        "django_content_type": Table.BOOKKEEPING,
        "django_session": _FORGOTTEN,
    }
