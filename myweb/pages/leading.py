"""What old addresses may be, and where they may lead: said in a form, or by the lines of a file."""

from collections.abc import Collection, Iterable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

from myweb.mail import domain_in_ascii

from .models import Page, is_reserved, view_at
from .redirects import BATCH, Redirect, decoded, key_of_address, key_of_text

MAX_PATH = 600  # characters
MAX_ADDRESS = 2000
MAX_STEPS = 10  # from line to line of a file
validate_url = URLValidator(["http", "https"])


def old_address(text: str) -> str:
    """
    Return the path that `text` asks this site for, with what follows a question mark; raise ValidationError with a
    sentence if nothing could lead away from there.
    """
    text = text.strip()
    if not text.startswith("/"):
        url = _split(text)
        if not url.netloc:
            raise ValidationError(_("Please begin the old address with “/”, for example “/prices.html”."))
        if not _is_own(url):
            raise ValidationError(_("This is an address of another site. Only addresses of this site can be led on."))
        text = url._replace(scheme="", netloc="").geturl() or "/"
    if "#" in text:
        raise ValidationError(_("Browsers keep to themselves what follows “#”. Please leave it out."))
    path, _question_mark, query = text.partition("?")
    # As Nginx does
    path = "/" + "/".join(part for part in decoded(path).split("/") if part) + ("/" if path.endswith("/") else "")
    path = path.replace("//", "/")
    address = f"{path}?{decoded(query)}" if query else path
    if not address.isprintable() or {".", ".."} & set(path.split("/")):
        raise ValidationError(_("Nobody can ask for this address. Please check it."))
    if len(address) > MAX_PATH:
        raise ValidationError(_("This address is too long. At most 600 characters are possible."))
    if path == "/":
        raise ValidationError(_("This is the address of the home page, which is always shown there."))
    if _is_of_the_site(path):
        raise ValidationError(_("This address is used by the site itself."))
    return address


def _is_of_the_site(path: str) -> bool:
    first = path.split("/")[1]
    return first in ("favicon.ico", ".published") or is_reserved(f"/{first}/")


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        _port = url.port
    except ValueError as error:
        raise ValidationError(_("This is no address. Please check it.")) from error
    return url


def _with_ascii_host(url: SplitResult) -> str:
    """Return a valid `url` as browsers send it in headers."""
    if url.netloc.isascii():
        return url.geturl()
    before, at, host_and_port = url.netloc.rpartition("@")
    host, colon, port = host_and_port.partition(":")
    return url._replace(netloc=f"{before}{at}{domain_in_ascii(host)}{colon}{port}").geturl()


def _is_own(url: SplitResult) -> bool:
    """Return whether `url` leads to this site, by any of its names. Another port is another site."""
    site = urlsplit(settings.SITE_URL)
    try:
        host = domain_in_ascii((url.hostname or "").rstrip(".")).removeprefix("www.")
    except UnicodeError:
        return False
    hosts = {name.strip("[]").removeprefix("www.") for name in settings.ALLOWED_HOSTS}
    return host in hosts and url.port in (None, 80, 443, site.port, settings.PORT)


class Lead(NamedTuple):
    """Where an old address leads: to a page, to another address, or nowhere, as the page is gone."""

    page: Page | None = None
    address: str = ""

    @property
    def place(self) -> str:
        return self.page.path if self.page else self.address


class Book:
    """What is known of many addresses, for which the database is asked once."""

    def __init__(self, texts: Iterable[str]) -> None:
        keys = sorted({key for text in texts for key in _keys_of(text)})
        self.pages: dict[str, Page] = {}
        self.redirects: dict[str, Redirect] = {}
        # Other lines of the same file
        self.planned: dict[str, str] = {}
        for start in range(0, len(keys), BATCH):
            some = keys[start : start + BATCH]
            self.pages |= {page.address_key: page for page in Page.objects.filter(address_key__in=some)}
            rows = Redirect.objects.filter(address_key__in=some).select_related("page")
            self.redirects |= {row.address_key: row for row in rows}

    def lead(self, text: str, passed: Collection[str] = ()) -> Lead:
        """
        Return where an old address leads of which `text` is the new one; raise ValidationError with a sentence.

        `passed` are the keys of the old addresses on the way there.
        """
        text = text.strip()
        if not text:
            return Lead()
        url = _split(text)
        if url.netloc and not _is_own(url):
            try:
                validate_url(text)
            except ValidationError as error:
                raise ValidationError(
                    _("An address of another site has to look like https://www.example.org/prices.")
                ) from error
            if len(text) > MAX_ADDRESS:
                raise ValidationError(_("The new address is too long."))
            return Lead(address=_with_ascii_host(url))
        if not url.netloc and not text.startswith("/"):
            raise ValidationError(_("Please begin the new address with “/”, or with “https://”."))
        return self._lead_to_own(url, passed)

    def _lead_to_own(self, url: SplitResult, passed: Collection[str]) -> Lead:
        path = decoded(url.path) or "/"
        if path == "/" or view_at(path) == "contact":
            # Whichever page is the home page, or shown in its place
            return Lead(address=path)
        if page := self.pages.get(key_of_address(path)):
            return Lead(page)
        key = key_of_address(path, url.query)
        if key in passed:
            raise ValidationError(_("This leads back to where it comes from."))
        row = self.redirects.get(key)
        if row and not row.is_gone:
            return Lead(row.page, row.address)
        if key in self.planned:
            if len(passed) > MAX_STEPS:
                raise ValidationError(_("This leads from line to line too many times."))
            return self.lead(self.planned[key], [*passed, key])
        raise ValidationError(_("There is no page at “%s”.") % path)

    def check(self, address: str, lead: Lead) -> bool:
        """
        Return whether `address` leads there already; raise ValidationError with a sentence if it may not.

        What is gone may lead somewhere, and so may the address of a page that nobody can see.
        """
        key = key_of_text(address)
        page = self.pages.get(key_of_text(address.partition("?")[0]))
        if page and page.is_public:
            raise ValidationError(_("The page “%s” is shown there. Nothing can lead away from it.") % page)
        if page and page == lead.page:
            raise ValidationError(_("This leads back to where it comes from."))
        row = self.redirects.get(key)
        if row is None:
            return False
        before = Lead(row.page, row.address)
        if before.place == lead.place:
            return True
        if row.page and row.page.path == row.path:
            return False
        if before.place:
            raise ValidationError(_("This address leads to “%s” already.") % before.place)
        return False


def _keys_of(text: str) -> list[str]:
    """Return the keys of `text` with and without what follows a question mark."""
    try:
        url = _split(text.strip())
    except ValidationError:
        return []
    path = decoded(url.path) or "/"
    return [key_of_address(path), key_of_address(path, url.query)]


def redirect_from(address: str, lead: Lead) -> Redirect:
    """Return an unsaved row."""
    return Redirect(path=address, address_key=key_of_text(address), page=lead.page, address=lead.address)
