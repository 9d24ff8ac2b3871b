"""What is done to pages from their list, one or several at once: each is one transaction, and does all or nothing."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Length
from django.utils.translation import gettext as _

from myweb.pages import tree
from myweb.pages.models import Page
from myweb.pages.texts import key_of, slugify
from myweb.pages.tree import Refused

from . import deletion
from .content import Content, live_content, new_key
from .line import Conflict, Line, Sender, provisional_slug
from .models import Version


def note_moves(keys: Iterable[int], author: Any) -> None:
    """Append where pages are now to their versions; drafts go along, and do not move them back when published."""
    for key in keys:
        line = Line(Page, key)
        if line.is_live:
            line.note(author, _("moved"), ("parent",))
        elif line.draft:
            content = line.draft.said
            content["fields"]["parent"] = line.row.parent_id
            line.save_draft(content, Sender(author, base=line.base, comment=line.draft.comment))


@transaction.atomic
def publish(keys: Collection[int], author: Any) -> list[Page]:
    """Publish the drafts of pages, and show those that are hidden; return what was changed, or raise Refused."""
    changed, reasons = [], []
    # From the top: no page can be published below one that never was.
    for page in Page.objects.filter(pk__in=keys).order_by(Length("path"), "path"):
        line = Line(Page, page.pk)
        if page.is_published and not line.draft:
            continue
        try:
            _publish(line, author)
        except Conflict:
            reasons.append((page, [_("Somebody else has just saved it.")]))
        except ValidationError as refusal:
            reasons.append((page, refusal.messages))
        changed.append(page)
    if reasons:
        raise Refused(reasons)
    return changed


def _publish(line: Line, author: Any) -> None:
    content = line.content or live_content(line.row)
    if content.get("unread"):
        raise ValidationError(_("Something in its form cannot be read. Please open it and publish it there."))
    content = {**content, "fields": {**content["fields"], "is_published": True}}
    with transaction.atomic():
        line.publish(content, Sender(author, base=line.base))


@transaction.atomic
def hide(keys: Collection[int], author: Any) -> list[Page]:
    """Hide pages, each by itself; return those that were not so before, or raise Refused."""
    pages = Page.objects.select_for_update().filter(pk__in=keys, is_published=True).order_by(Length("path"))
    changed = list(pages)
    for page in changed:
        page.is_published = False
        try:
            page.check_home()
        except ValidationError as refusal:
            raise Refused([(page, refusal.messages)]) from refusal
        page.save(update_fields=["is_published", "updated_at"])
        Line(Page, page.pk).note(author, _("hidden"), ("is_published",))
    return changed


@transaction.atomic
def delete(keys: Collection[int], author: Any) -> None:
    """Delete pages, with all that is below them; raise Refused if one of them is the home page."""
    for page in Page.objects.select_for_update().filter(pk__in=keys):
        if page.path == "/" and page.is_public:
            raise Refused([(page, [_("This is the home page. Please choose another home page first.")])])
    deletion.delete(keys, author)


@transaction.atomic
def make_home(page: Page, author: Any) -> None:
    """Put `page` at the site's own address; the page that is there gets another one. Raise Refused."""
    page = Page.objects.select_for_update().get(pk=page.pk)
    former = Page.objects.filter(path="/").exclude(pk=page.pk).first()
    page.parent, page.slug = None, ""
    try:
        page.clean()
        page.clean_address()
    except ValidationError as refusal:
        raise Refused([(page, refusal.messages)]) from refusal
    page.save()
    Line(Page, page.pk).note(author, _("the home page now"), ("parent", "slug"))
    if former:
        Line(Page, former.pk).note(author, _("no longer the home page"), ("parent", "slug"))


@transaction.atomic
def copy(pages: Sequence[Page], with_below: bool, author: Any) -> list[Page]:
    """
    Copy pages as drafts, each to the place after it; return the copies, or raise Refused.

    Blocks are copied with them; the files that they show are those of the originals.
    """
    copies, reasons = [], []
    for page in tree.topmost(pages):
        content = _content_of(page)
        content["fields"] |= {
            "title": _with_end(content["fields"]["title"], _(" (copy)"), "title"),
            "slug": _free_slug(content["fields"], page.parent),
        }
        try:
            copied = _copy(content, page.parent, author)
            tree.move([copied], "after", page)
            if with_below:
                _copy_below(page, copied, author)
        except ValidationError as refusal:
            reasons.append((page, refusal.messages))
        else:
            copies.append(copied)
    if reasons:
        raise Refused(reasons)
    return copies


def _copy_below(page: Page, copied: Page, author: Any) -> None:
    todo = [(page, copied)]
    while todo:
        original, above = todo.pop()
        for child in Page.objects.filter(parent=original).order_by("position", "pk"):
            todo.append((child, _copy(_content_of(child), above, author)))


def _content_of(page: Page) -> Content:
    """Return what a copy of `page` says: its draft, if there is one, and not when the original is to be seen."""
    line = Line(Page, page.pk)
    content = line.content or live_content(page)
    fields = {**content["fields"], "is_published": True, "publish_from": None, "publish_until": None}
    return {
        "format": content["format"],
        "fields": fields,
        "blocks": [{**block, "key": new_key()} for block in content["blocks"]],
    }


def _copy(content: Content, parent: Page | None, author: Any) -> Page:
    key = new_key()
    path = f"{parent.path if parent else '/'}{provisional_slug(key)}/"
    if len(path) > (Page._meta.get_field("path").max_length or 0):
        raise ValidationError(_("The whole address of a page below it would be too long."))
    content["fields"]["parent"] = parent.pk if parent else None
    line = Line(Page, key)
    line.save_draft(content, Sender(author, base=line.base))
    page: Page = Page.objects.get(pk=key)
    return page


def _with_end(text: str, end: str, field: str) -> str:
    return text[: (Page._meta.get_field(field).max_length or 0) - len(end)] + end


def _free_slug(fields: dict[str, Any], parent: Page | None) -> str:
    """Return an address for the copy that neither a page nor a draft beside it has."""
    base = fields["slug"] or slugify(fields["title"], Page._meta.get_field("slug").max_length) or "page"
    drafts = Page.objects.filter(parent=parent, is_published=False, slug__startswith="draft-").order_by()
    versions = Version.objects.filter(model=Page._meta.label_lower, key__in=drafts.values("pk"))
    taken = {str(slug).casefold() for slug in versions.values_list("content__fields__slug", flat=True)}
    above = parent.path if parent else "/"
    number = 1
    while True:
        slug = _with_end(base, "-copy" if number == 1 else f"-copy-{number}", "slug")
        path = f"{above}{slug}/"
        pages = Page.objects.filter(address_key=key_of(path)) | Page.objects.filter(path=path)
        if slug.casefold() not in taken and not pages.exists():
            return slug
        number += 1
