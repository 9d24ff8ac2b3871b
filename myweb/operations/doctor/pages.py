"""Pages that no form would take today: an older release or another hand has stored them."""

from django.utils import timezone

from myweb.forms import FIRST_YEAR, LAST_YEAR
from myweb.pages.models import Page
from myweb.pages.pointing import dead_links
from myweb.pages.texts import same

from .faults import Fault, quote


def dates() -> str:
    pages = Page.objects.scheduled()
    for page in pages:
        for name in ("publish_from", "publish_until"):
            moment = getattr(page, name)
            if moment and not FIRST_YEAR <= timezone.localtime(moment).year <= LAST_YEAR:
                raise Fault(
                    f"“{Page._meta.get_field(name).verbose_name.capitalize()}” of the page {page.path} is a date that"
                    f" not every time zone can show: it is before {FIRST_YEAR} or after {LAST_YEAR}.",
                    "Open the page in the admin, and choose another date or leave it empty.",
                )
    return f"all those of {len(pages)} pages can be shown"


def addresses() -> str:
    found: dict[str, str] = {}
    for path in Page.objects.order_by("path").values_list("path", flat=True):
        other = found.setdefault(same(path), path)
        if other != path:
            raise Fault(
                f"The addresses {other} and {path} differ only in case, or in how their accents are written: visitors"
                " take them for one.",
                "Give one of the two pages another address in the admin.",
            )
    return f"no two of {len(found)} are alike"


def links() -> str:
    if dead := dead_links():
        first = dead[0]
        others = f", and {len(dead) - 1} more" if len(dead) > 1 else ""
        raise Fault(
            f"The link {quote(first.words)} in {quote(first.name)} leads nowhere: {first.reason}{others}.",
            "The first page of the admin lists all of them; choose other targets there.",
        )
    return "each of those on public pages leads somewhere"
