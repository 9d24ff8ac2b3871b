"""
Links in texts: to a page by its key, with its last known address beside it, `<a href="/about/#team" data-page="42">`.

So they follow the page wherever it goes, and who knows nothing of keys, a release before or an export, has an address.
clean() is for texts that are saved, refer() for those that are stored already, show() for what visitors get.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from html import escape, unescape
from html.parser import HTMLParser
from typing import Any, NamedTuple, Self
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models import Q
from django.urls import Resolver404, resolve
from django.utils.encoding import iri_to_uri
from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django_prose_editor.fields import ProseEditorField

from myweb.editor import PAGE_ATTRIBUTE
from myweb.mail import domain_in_ascii

from .redirects import Redirect, key_of_address
from .texts import key_of, same, slugify

# As the sanitiser writes them: attributes in double quotes, and no link within a link
LINK = re.compile(r'<a((?: [^\s"=<>]+="[^"]*")*)>(.*?)</a>', re.DOTALL)
ATTRIBUTE = re.compile(r' ([^\s"=<>]+)="([^"]*)"')
HEADING = re.compile(r"<(h[1-6])>(.*?)</\1>", re.DOTALL)
KEY = re.compile(r"[1-9][0-9]{0,15}")

SCHEMES = ("http", "https", "mailto", "tel")
HOST = re.compile(r"[^\W_]([\w-]*\w)?(\.[\w-]*\w)*\.?")
TELEPHONE = re.compile(r"\+?[0-9()./*#-]*[0-9][0-9()./*#-]*(;[\w=.;+-]*)?", re.ASCII)
TYPED_TELEPHONE = re.compile(r"(?:\+|0)[0-9()./\s-]{5,}|1[3-9][0-9]{9}")
MAIL = re.compile(r"[^\s/:?#@]+@[^\s/:?#@]+\.[^\s/:?#@]+")

LONGEST_ID = 60
# What the site's own templates call parts of a page
TAKEN_IDS = frozenset({"content", "subpages"})


class Link(NamedTuple):
    """A link of a text; `words` is the HTML within it."""

    attributes: dict[str, str]
    words: str

    @property
    def href(self) -> str:
        return self.attributes.get("href", "")

    @property
    def key(self) -> int | None:
        """The key of the page that it leads to, if it says one."""
        key = self.attributes.get(PAGE_ATTRIBUTE, "")
        return int(key) if KEY.fullmatch(key) else None

    @property
    def label(self) -> str:
        """The link in a few plain words."""
        return Truncator(" ".join(unescape(strip_tags(self.words)).split())).chars(40) or self.href

    def to(self, href: str, key: int | None = None) -> Self:
        """Return the link as one that leads elsewhere."""
        attributes = {**self.attributes, "href": href}
        attributes.pop(PAGE_ATTRIBUTE, None)
        if key is not None:
            attributes[PAGE_ATTRIBUTE] = str(key)
        return self._replace(attributes=attributes)

    @property
    def html(self) -> str:
        attributes = "".join(f' {name}="{_escape(value)}"' for name, value in self.attributes.items())
        return f"<a{attributes}>{self.words}</a>"


def _escape(value: str) -> str:
    """As the sanitiser does, so that it has nothing to change."""
    return escape(value, quote=False).replace('"', "&quot;").replace("\u00a0", "&nbsp;")


def links_in(html: str) -> list[Link]:
    return [_link(match) for match in LINK.finditer(html)]


def _link(match: re.Match[str]) -> Link:
    return Link({name: unescape(value) for name, value in ATTRIBUTE.findall(match[1])}, match[2])


def rewritten(html: str, change: Callable[[Link], Link | str]) -> str:
    """Return `html` with what `change` makes of each link, and all else as it is."""

    def replace(match: re.Match[str]) -> str:
        link = _link(match)
        changed = change(link)
        if changed == link:
            return match[0]
        return changed.html if isinstance(changed, Link) else changed

    return LINK.sub(replace, html)


# Addresses of this site


class OwnAddress(NamedTuple):
    """An address of this site: its path decoded, and what follows it, as it is written."""

    path: str
    tail: str
    href: str

    @property
    def page_path(self) -> str:
        """The path of the page that can be there."""
        return self.path if self.path.endswith("/") else f"{self.path}/"

    def answered(self) -> str | None:
        """Return the address, with the slash that it may lack, if it is one at which the site itself answers."""
        if self.path.startswith((settings.STATIC_URL, settings.MEDIA_URL)):
            return self.href + self.tail
        for slash in ("", "/"):
            try:
                if resolve(self.path + slash).view_name != "page":
                    return self.href + slash + self.tail
            except Resolver404:
                pass
        return None


def own_address(href: str, base: str = "/") -> OwnAddress | None:
    """
    Return what `href` means if it is an address of this site, in whatever spelling.

    A relative one is meant as on the page at `base`; "#…" alone is none, since it leads to no other page.
    """
    if href.startswith("#"):
        return None
    try:
        parts = urlsplit(urljoin(iri_to_uri(base), href))
        is_own = _origin(parts) in _origins(*settings.CSRF_TRUSTED_ORIGINS) if parts.netloc else not parts.scheme
        if not is_own or parts.scheme not in ("", "http", "https"):
            return None
        path = unquote(parts.path, errors="strict") or "/"
    except ValueError:
        return None
    tail = SplitResult("", "", "", parts.query, parts.fragment).geturl()
    return None if "\0" in path else OwnAddress(path, tail, parts.path or "/")


@cache
def _origins(*origins: str) -> frozenset[str]:
    return frozenset(_origin(urlsplit(origin)) for origin in origins)


def _origin(parts: SplitResult) -> str:
    """Return host and port; whether it is http or https makes no difference."""
    host = domain_in_ascii((parts.hostname or "").rstrip("."))
    return f"{host}:{parts.port}" if parts.port and parts.port not in (80, 443) else host


class Target(NamedTuple):
    """A page that links lead to."""

    key: int
    path: str


class Found(NamedTuple):
    """The pages that some links lead to, by key and by path, and the old addresses that lead to other sites."""

    by_key: dict[int, Target]
    by_path: dict[str, Target]
    led_on: frozenset[str] = frozenset()

    @classmethod
    def for_links(cls, links: Iterable[Link], base: str) -> Self:
        """Look them up, in one query, or none if no link can lead to a page; in another one for old addresses."""
        links = list(links)
        keys = {link.key for link in links if link.key is not None}
        paths = {own.page_path for link in links if (own := own_address(link.href, base))}
        if not keys and not paths:
            return cls({}, {})
        wanted = Q(pk__in=keys) | Q(path__in=paths) | Q(address_key__in=[key_of(path) for path in paths])
        rows = _pages().filter(wanted).order_by("path").values_list("pk", "path")
        return cls.of([Target(*row) for row in rows])._with_old_addresses(links, base)

    def _with_old_addresses(self, links: Iterable[Link], base: str) -> Self:
        own = [own_address(link.href, base) for link in links if link.key not in self.by_key]
        paths = [each.page_path for each in own if each and not self.page_at(each.page_path) and not each.answered()]
        keys = {key_of_address(path): path for path in paths}
        if not keys:
            return self
        redirects = Redirect.objects.filter(address_key__in=keys)
        rows = list(redirects.values_list("address_key", "page_id", "page__path", "address"))
        led = {same(keys[key]): Target(page, path) for key, page, path, _address in rows if path}
        return self._replace(
            by_path=led | self.by_path, led_on=frozenset(keys[key] for key, *_page, address in rows if address)
        )

    @classmethod
    def of(cls, targets: Collection[Target]) -> Self:
        return cls(
            {target.key: target for target in targets},
            # Pages of an older release may differ only in spelling: then, each has its own.
            {same(target.path): target for target in targets} | {target.path: target for target in targets},
        )

    def page_at(self, path: str) -> Target | None:
        return self.by_path.get(path) or self.by_path.get(same(path))


def _pages() -> Any:
    # Settings, which are in the module of pages, have linked texts themselves.
    return apps.get_model("pages", "Page")._default_manager


# Texts that are saved


def clean(html: str, base: str = "/") -> str:
    """
    Return `html`, as the sanitiser has left it, with its links as they are stored.

    Relative addresses are meant as on the page at `base`. Raises ValidationError with a sentence for each link that
    leads nowhere.
    """
    errors: list[ValidationError] = []
    links = [_completed(link) for link in links_in(html)]
    found = Found.for_links(links, base)

    def change(link: Link) -> Link | str:
        link = _completed(link)
        if not link.href and link.key is None:
            return link.words
        cleaned = _cleaned(link, found, base)
        if cleaned is None:
            errors.append(_refusal(link, base))
        return cleaned or link

    cleaned = rewritten(html, change)
    if errors:
        raise ValidationError(errors)
    return cleaned


def refer(html: str, found: Found, base: str = "/") -> str:
    """Return `html` with a key in each link to a page of `found` that has none, and all else as it is."""
    return rewritten(html, lambda link: link if link.key is not None else _to_page(link, found, base) or link)


def _completed(link: Link) -> Link:
    href = link.href.strip()
    if href.startswith("//"):
        href = f"https:{href}"
    elif href.lower().startswith("www."):
        href = f"https://{href}"
    elif MAIL.fullmatch(href):
        href = f"mailto:{href}"
    elif TYPED_TELEPHONE.fullmatch(href):
        href = f"tel:{href}"
    if href.lower().startswith("tel:"):
        href = "".join(href.split())
    return link if href == link.href else link._replace(attributes={**link.attributes, "href": href})


def _cleaned(link: Link, found: Found, base: str) -> Link | None:
    """Return the link as it is stored, or None if it leads nowhere."""
    if to_page := _to_page(link, found, base):
        return to_page
    own = own_address(link.href, base)
    if own is None:
        return link.to(link.href) if _is_address(link.href) else None
    if answered := own.answered():
        return link.to(answered)
    if own.page_path in found.led_on:
        return link.to(link.href)
    # A page that is gone can come back.
    return link if link.key is not None else None


def _to_page(link: Link, found: Found, base: str) -> Link | None:
    """Return the link with the key and the address of its page, if it has one."""
    own = own_address(link.href, base)
    if own is None:
        return None
    target = (link.key is not None and found.by_key.get(link.key)) or found.page_at(own.page_path)
    return link.to(target.path + own.tail, target.key) if target else None


def _is_address(href: str) -> bool:
    """Return whether `href` is an address that browsers can open, of other sites or within a page."""
    if href.startswith("#"):
        return bool(re.fullmatch(r"#\S+", href))
    try:
        parts = urlsplit(href)
        if parts.scheme in ("http", "https"):
            # Reading the port raises ValueError if it is none.
            return bool(_is_host(parts.hostname or "") and parts.port != 0 and not re.search(r'[\s"<>]', href))
        if parts.scheme == "mailto":
            for address in filter(None, unquote(parts.path).split(",")):
                validate_email(address.strip())
            return bool(parts.path or parts.query)
        return parts.scheme == "tel" and bool(TELEPHONE.fullmatch(unquote(href[4:])))
    except (ValueError, ValidationError):
        return False


def _is_host(host: str) -> bool:
    return ":" in host or bool(HOST.fullmatch(host) and domain_in_ascii(host))


def _refusal(link: Link, base: str) -> ValidationError:
    values = {"words": link.label, "address": link.href}
    if own_address(link.href, base):
        return ValidationError(
            _(
                "The link “%(words)s” leads to %(address)s, and there is no such page. Please choose another target,"
                " or remove the link."
            ),
            "no_page",
            values,
        )
    return ValidationError(
        _(
            "The link “%(words)s” leads to “%(address)s”, which nobody can open. Addresses look like"
            " https://www.example.org, name@example.org, tel:+4930123456 or #heading."
        ),
        "no_address",
        values,
    )


class _Dropped(HTMLParser):
    """Finds the links of which the sanitiser drops the address, in what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[Link] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = (dict(attrs).get("href") or "").strip() if tag == "a" else ""
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", href, re.IGNORECASE)
        if scheme and scheme[1].lower() not in SCHEMES:
            self.links.append(Link({"href": href}, ""))


def refuse_dropped(html: str) -> None:
    """Raise ValidationError if `html`, as it was sent, has a link that the sanitiser leaves without its address."""
    parser = _Dropped()
    parser.feed(html)
    parser.close()
    if parser.links:
        raise ValidationError([_refusal(link, "/") for link in parser.links])


def rich_texts(model: type[models.Model]) -> list[Any]:
    """Return the fields of `model` that have formatted text."""
    return [field for field in model._meta.concrete_fields if isinstance(field, ProseEditorField)]


class LinkedTexts:
    """For models with formatted texts: full_clean() also puts their links right, or refuses them."""

    @property
    def base_path(self) -> str:
        """Where relative addresses in the texts start from."""
        return "/"

    def clean_fields(self, exclude: Any = None) -> None:
        fields = [field for field in rich_texts(type(self)) if field.name not in (exclude or ())]  # type: ignore[arg-type]
        sent = {field.attname: getattr(self, field.attname) or "" for field in fields}
        errors: dict[str, Any] = {}
        try:
            super().clean_fields(exclude)  # type: ignore[misc]
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        for field in fields:
            if field.name not in errors:
                try:
                    refuse_dropped(sent[field.attname])
                    setattr(self, field.attname, clean(getattr(self, field.attname), self.base_path))
                except ValidationError as error:
                    errors[field.name] = error.error_list
        if errors:
            raise ValidationError(errors)


# Texts that visitors get


def keys_in(html: str) -> set[int]:
    """Return the keys of the pages that links lead to."""
    return {link.key for link in links_in(html) if link.key is not None}


def shown(html: str, paths: Mapping[int, str], ids: set[str] | None = None) -> str:
    """
    Return `html` for visitors: with the addresses in `paths`, by key, and only the words of links to other pages.

    If there are `ids`, headings get some as well, and those are added.
    """

    def change(link: Link) -> Link | str:
        if link.key is None:
            # Whatever it is, it is no key.
            return link.to(link.href) if PAGE_ATTRIBUTE in link.attributes else link
        if link.key not in paths:
            return link.words
        own = own_address(link.href)
        return link.to(iri_to_uri(paths[link.key]) + (own.tail if own else ""))

    html = rewritten(html, change)
    return html if ids is None else _with_ids(html, ids)


def keys_of(blocks: Iterable[models.Model]) -> set[int]:
    """Return the keys of the pages that the texts of `blocks` lead to."""
    return {key for html in _texts_of(blocks) for key in keys_in(html)}


def show(blocks: Iterable[models.Model], paths: Mapping[int, str]) -> None:
    """
    Have the texts of `blocks`, which are all of a page in their order, say what visitors get.

    `paths` has where the pages are that they lead to, and that everybody may read.
    """
    ids = set(TAKEN_IDS)
    for block in blocks:
        for field in rich_texts(type(block)):
            setattr(block, field.attname, shown(getattr(block, field.attname), paths, ids))


def public_paths(keys: set[int]) -> dict[int, str]:
    """Return where those of the pages are that everybody may read."""
    if not keys:
        return {}
    return dict(_pages().published().filter(pk__in=keys).order_by().values_list("pk", "path"))


def headings(blocks: Iterable[models.Model]) -> list[tuple[str, str]]:
    """Return the id and the words of each heading of a page that is made of `blocks`."""
    ids = set(TAKEN_IDS)
    return [
        (_new_id(words, ids), words)
        for html in _texts_of(blocks)
        for words in (_plain(match[2]) for match in HEADING.finditer(html))
    ]


def _texts_of(blocks: Iterable[models.Model]) -> Iterator[str]:
    for block in blocks:
        for field in rich_texts(type(block)):
            yield getattr(block, field.attname)


def _with_ids(html: str, ids: set[str]) -> str:
    return HEADING.sub(lambda match: f'<{match[1]} id="{_new_id(_plain(match[2]), ids)}">{match[2]}</{match[1]}>', html)


def _plain(html: str) -> str:
    return " ".join(unescape(strip_tags(html)).split())


def _new_id(words: str, ids: set[str]) -> str:
    """Return an id that is made of the words of a heading, as links.js makes it, and add it to `ids`."""
    name = made = slugify(words, LONGEST_ID) or "section"
    number = 1
    while made in ids:
        number += 1
        made = f"{name}-{number}"
    ids.add(made)
    return made
