"""
The versions of one row, one after another, and the only ways to lengthen them.

What is sent says what it was based on. If that is not what is there now, somebody else was faster: nothing is merged
or overwritten, and what was sent is kept aside. That two are appended at once, a constraint of the table decides.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from myweb.keys import as_key
from myweb.pages.blocks import Block, blocks_of
from myweb.pages.models import Page

from .content import Content, content_of, digest, is_known, live_content, load, write_blocks
from .models import Version, VersionQuerySet
from .own_content import own_content

Event = Version.Event

MOST_TIMES = 5
MOST_LOST = 100  # characters that may be replaced at once without being kept


class Conflict(Exception):
    """Somebody else has saved since the form was opened."""


class Late(Exception):
    """The same form has sent something newer, or has been published."""


@dataclass
class Sender:
    """Who sends, and from which form: `base` is what Line.base was when it was opened."""

    author: Any
    base: str = ""
    form: str = ""
    count: int = 0
    comment: str = ""


class Line:
    def __init__(self, model: type[Model], key: int) -> None:
        self.model = model
        self.key = key
        rows = Page.objects.without_tree_fields() if model is Page else model._default_manager.all()
        self.row: Any = rows.filter(pk=key).first()
        self.last: Version | None = self.versions.line().select_related("author").first()

    @property
    def versions(self) -> VersionQuerySet:
        return Version.objects.of(self.model, self.key)

    @property
    def draft(self) -> Version | None:
        if self._is_discarded:
            return self.planned
        return self.last if self.last and self.last.is_draft else None

    @property
    def _is_discarded(self) -> bool:
        return self.last is not None and self.last.event == Event.DISCARDED

    @cached_property
    def blocks(self) -> Sequence[Block]:
        return blocks_of(self.row) if isinstance(self.row, Page) else ()

    @cached_property
    def is_live(self) -> bool:
        """Whether the row is more than the place in the tree that a page has from its first draft on."""
        if not isinstance(self.row, Page):
            return self.row is not None
        return not is_provisional(self.row) or bool(self.blocks)

    @cached_property
    def live(self) -> Content | None:
        """What the tables have, with the blocks that only the last version knows how to keep."""
        if not self.is_live:
            return None
        content = content_of(self.row, self.blocks)
        if self.last:
            content["blocks"] += [block for block in self.last.said["blocks"] if not is_known(block)]
        return content

    @property
    def content(self) -> Content | None:
        """What the form is opened on: the draft, or else what is live, or was before it was deleted."""
        if self.draft:
            return self.draft.said
        return self.live or (self.last.said if self.last else None)

    @property
    def base(self) -> str:
        number = self.last.number if self.last else 0
        return f"{number}{'x' if self._is_discarded else ''}-{digest(self.live) if self.live else ''}"

    @property
    def planned(self) -> Version | None:
        """The draft that is to be published by itself, whatever was saved since."""
        return self.versions.line().exclude(publish_at=None).first()

    def save_draft(
        self, content: Content, sender: Sender, *, by_itself: bool = False, publish_at: datetime | None = None
    ) -> Version:
        """
        Append `content` as a draft, or put it in the place of what the same form saved by itself and is still in it.

        With `publish_at`, it is the one that is planned, and no other. Raises Conflict and Late.
        """
        self._check_order(sender)
        fields = self._fields(Event.AUTOSAVE if by_itself else Event.DRAFT, content, sender)
        fields["publish_at"] = publish_at
        own = self.draft if self.draft and self._is_own(self.draft, sender) else None
        self._check_base(sender, own)
        with appending():
            if publish_at:
                self.cancel_plan()
            if own and own.event == Event.AUTOSAVE and not _is_lost(own.said, content):
                # Compare and set: another request of this form, or a publishing, may be on its way.
                mine = self.versions.filter(pk=own.pk, event=own.event, count__lt=sender.count)
                if not mine.update(**fields, created_at=timezone.now()):
                    raise Late
                return Version.objects.get(pk=own.pk)
            self._catch_up()
            version = self._append(fields)
            self._place(content)
        return version

    def publish(self, content: Content, sender: Sender, *, was_live: bool = False) -> Version:
        """
        Make the tables say what `content` says, and append it.

        Raises Conflict, Late, and ValidationError if the row cannot be so; of a page that `was_live`, if it cannot be
        there.
        """
        self._check_order(sender)
        own = self.last if self.last and self._is_own(self.last, sender) else None
        self._check_base(sender, own)
        with appending(self._narrow()):
            if self.row:
                self.model._default_manager.select_for_update().filter(pk=self.key).first()
            self._check_live()
            self._catch_up()
            self.cancel_plan()
            return self._publish(content, sender, was_live)

    def publish_planned(self, version: Version) -> None:
        """
        Publish what was planned, below a draft that was saved since.

        Raises ValidationError if that cannot be, or somebody else has published meanwhile.
        """
        with appending(self._narrow()):
            if self.row:
                self.model._default_manager.select_for_update().filter(pk=self.key).first()
            newer = self.versions.line().filter(number__gt=version.number)
            if newer.exclude(published_at=None).exists():
                raise ValidationError(_("Something else was published after this had been planned."))
            draft = self.draft if self.draft and self.draft.pk != version.pk else None
            self._catch_up()
            self.cancel_plan()
            self._publish(version.said, Sender(version.author, comment=version.comment))
            if draft:
                self._append(self._fields(Event(draft.event), draft.said, Sender(draft.author, comment=draft.comment)))

    def cancel_plan(self) -> None:
        self.versions.exclude(publish_at=None).update(publish_at=None, refusal="")

    def keep_aside(self, event: Event, content: Content, sender: Sender) -> Version:
        """Keep what could not become a part of the line; what one form saves by itself takes the place of the older."""
        fields = self._fields(event, content, sender)
        aside = self.versions.filter(number=None, form=sender.form, event=event)
        if event == Event.AUTOSAVE and aside.filter(count__lt=sender.count).update(**fields, created_at=timezone.now()):
            return Version.objects.get(pk=aside.values("pk")[:1])
        return Version.objects.create(**self._identity, **fields)

    def is_seen_by(self, sender: Sender) -> bool:
        """Whether the form of `sender` was opened on what is there now, or has saved it."""
        own = self.draft if self.draft and self._is_own(self.draft, sender) else None
        try:
            self._check_base(sender, own)
        except Conflict:
            return False
        return True

    def sent_since(self, sender: Sender) -> Version | None:
        """Return what somebody has saved last since the form of `sender` was opened; not what followed from it."""
        number = as_key(sender.base.partition("-")[0].rstrip("x"))
        newer = self.versions.line().filter(number__gt=number).select_related("author")
        # A draft that no form has sent was appended again, below something else or with other links.
        return newer.exclude(form="", event__in=[Event.DRAFT, Event.AUTOSAVE]).first()

    def discard_draft(self, author: Any) -> None:
        """
        Have the draft be none any more; it is still there among the versions.

        A page that is nothing but its draft goes with it, and is among the deleted ones. Raises ValidationError if
        there are pages below it.
        """
        if not self.draft:
            return
        if self.is_live or not self.row:
            self.versions.filter(pk=self.draft.pk).update(event=Event.DISCARDED, publish_at=None)
            return
        if isinstance(self.row, Page) and Page.objects.filter(parent=self.row).exists():
            raise ValidationError(_("There are pages below this one. Please move or delete them first."))
        self.row.deleted_by = author
        self.row.delete()

    def note(self, author: Any, comment: Any, carried: Sequence[str] = ()) -> None:
        """
        Append what the tables have now, which no form has changed, below what is not public yet.

        Those fields that are `carried` are so in the draft, too, which would undo it otherwise.
        """
        _at_last(self, lambda line: line._note(Sender(author, comment=str(comment)), carried))

    def _note(self, sender: Sender, carried: Sequence[str]) -> None:
        live = live_content(self.row)
        now = {name: live["fields"][name] for name in carried}
        waiting = self._waiting
        with appending():
            self._append(self._fields(Event.PUBLISHED, live, sender) | {"published_at": timezone.now()})
            self._append_again(waiting, lambda content: {**content, "fields": content["fields"] | now})

    def keep_live(self) -> None:
        """Append what is live, below what is not public yet, if no version says it: it is about to be changed."""
        _at_last(self, lambda line: line._keep_live())

    def _keep_live(self) -> None:
        waiting, last = self._waiting, self.last
        with appending():
            self._catch_up()
            if self.last != last:
                self._append_again(waiting, lambda content: content)

    def change(self, change: Callable[[Content], Content], sender: Sender) -> None:
        """
        Publish what `change` makes of what is live, and append what it makes of what is not public yet.

        Nothing is appended where that is the same. Raises Conflict, and ValidationError if the row cannot be so.
        """
        waiting = self._waiting
        if self.live and change(self.live) != self.live:
            with appending():
                self.publish(change(self.live), sender)
                self._append_again(waiting, change)
        else:
            self.change_waiting(change)

    def change_waiting(self, change: Callable[[Content], Content]) -> bool:
        """Append what is not public yet once more, as `change` returns it; return whether that is another."""
        if all(change(version.said) == version.said for version in self._waiting):
            return False
        _at_last(self, lambda line: line._change_waiting(change))
        return True

    def _change_waiting(self, change: Callable[[Content], Content]) -> None:
        waiting = self._waiting
        with appending():
            self._append_again(waiting, change)

    @property
    def _waiting(self) -> list[Version]:
        return list({version.pk: version for version in (self.planned, self.draft) if version}.values())

    def _append_again(self, waiting: list[Version], change: Callable[[Content], Content]) -> None:
        for version in waiting:
            sender = Sender(version.author, comment=version.comment)
            fields = self._fields(Event(version.event), change(version.said), sender)
            plan = {"publish_at": version.publish_at, "refusal": version.refusal}
            Version.objects.filter(pk=version.pk).update(publish_at=None, refusal="")
            self._append(fields | plan)

    def end(self, author: Any, deletion: str, position: int) -> None:
        """Append what goes with the row, which is about to be deleted: what is live, and the draft."""
        _at_last(self, lambda line: line._end(Sender(author), deletion, position))

    def _end(self, sender: Sender, deletion: str, position: int) -> None:
        with appending():
            self.append_end(sender, deletion, position)

    def append_end(self, sender: Sender, deletion: str, position: int) -> None:
        """As end(), but in a transaction, and but once."""
        if self.row is None:
            return  # Somebody else has deleted it this very moment, and that was its end.
        draft = self.draft
        self._catch_up()
        content = self.live or self.content or content_of(self.row, self.blocks)
        # A new one: what was never published is its own draft.
        content = {**content, "position": position, "is_live": self.is_live, "draft": draft.said if draft else None}
        self._append(self._fields(Event.DELETED, content, sender) | {"deletion": deletion})

    # Steps

    def _narrow(self) -> AbstractContextManager[None] | None:
        """A transaction that keeps other pages' answers if it changes nothing that other pages show."""
        return own_content(self.key) if self.model is Page else None

    def _check_order(self, sender: Sender) -> None:
        """Raise Late if the form has sent something newer, or was published."""
        if not sender.form:
            return
        sent = self.versions.filter(form=sender.form)
        if sent.filter(count__gte=sender.count).exists() or sent.filter(event=Event.PUBLISHED).exists():
            raise Late

    def _is_own(self, version: Version, sender: Sender) -> bool:
        """Whether the form itself sent that, but has not heard of it: answers can be lost."""
        return bool(sender.form) and version.form == sender.form

    def _check_base(self, sender: Sender, own: Version | None) -> None:
        number, live = sender.base.partition("-")[::2]
        now_number, now_live = self.base.partition("-")[::2]
        if live != now_live or (number != now_number and not own):
            raise Conflict

    def _check_live(self) -> None:
        """Raise Conflict if the row has changed since this line was read, now that it is locked."""
        now = Line(self.model, self.key)
        if now.base != self.base:
            raise Conflict

    def _catch_up(self) -> None:
        """Append what the tables have if it was not this desk that wrote it."""
        if self.live is None:
            return
        known = self.last
        if known and known.event not in (Event.PUBLISHED, Event.ELSEWHERE):
            known = self.versions.line().filter(event__in=[Event.PUBLISHED, Event.ELSEWHERE]).first()
        if known is None or known.digest != digest(self.live):
            self._append(
                self._fields(Event.ELSEWHERE, self.live, Sender(None)) | {"published_at": timezone.now()},
            )

    def _append(self, fields: dict[str, Any]) -> Version:
        self.last = version = self._next(fields)
        version.save(force_insert=True)
        return version

    def _next(self, fields: dict[str, Any]) -> Version:
        number = (self.last.number or 0) + 1 if self.last else 1
        return Version(**self._identity, **fields, number=number)

    @property
    def _identity(self) -> dict[str, Any]:
        return {"model": self.model._meta.label_lower, "key": self.key}

    def _fields(self, event: Event, content: Content, sender: Sender) -> dict[str, Any]:
        return {
            "event": event,
            "content": content,
            "digest": digest(content),
            "author": sender.author,
            "comment": sender.comment,
            "form": sender.form,
            "count": sender.count,
        }

    def _publish(self, content: Content, sender: Sender, was_live: bool = False) -> Version:
        former = Page.objects.filter(path="/").exclude(pk=self.key).first() if self.model is Page else None
        row = self._apply(content, was_live)
        if former and isinstance(row, Page) and row.path == "/":
            Line(Page, former.pk).note(sender.author, _("no longer the home page"), ("parent", "slug"))
        return self.append_live(row, blocks_of(row) if isinstance(row, Page) else (), content, sender)

    def append_live(self, row: Model, blocks: Sequence[Block], content: Content, sender: Sender) -> Version:
        """Append what the tables have now, and what of `content` they have no place for."""
        published = content_of(row, blocks)
        published["blocks"] += [block for block in content["blocks"] if not is_known(block)]
        return self._append(self._fields(Event.PUBLISHED, published, sender) | {"published_at": timezone.now()})

    def _apply(self, content: Content, was_live: bool) -> Model:
        row = self.row or self.model(pk=self.key)
        blocks = load(row, content)
        if isinstance(row, Page) and content["fields"].get("parent") and row.parent is None and not was_live:
            # Since the form was looked at; at the top, the page would be somewhere else than was asked for.
            raise ValidationError({"parent": _("The page above has been deleted.")})
        if isinstance(row, Page) and row.parent and is_provisional(row.parent):
            raise ValidationError(
                {"parent": _("“%(page)s”, which is above it, has to be published first.") % {"page": row.parent}}
            )
        if was_live and isinstance(row, Page):
            # What was good enough then, by the rules of then, is so now.
            row.clean_address()
        else:
            row.full_clean(exclude=["id", "path"])
            for block in blocks:
                block.full_clean(exclude=["id", "parent"])
        row.save()
        if isinstance(row, Page):
            write_blocks(row, blocks)
        return row

    def _place(self, content: Content) -> None:
        """Give a page that was never published, or is deleted, its place in the tree, where nobody sees it."""
        if self.model is not Page or self.is_live:
            return
        place: Page = self.row or Page(pk=self.key, slug=provisional_slug(self.key), is_published=False)
        rows = Page.objects.select_for_update()  # so that it is not deleted before something is below it
        above = rows.filter(pk=content["fields"].get("parent")).exclude(path="/").first()
        # A draft may say whatever the form lets one type.
        most = Page._meta.get_field("path").max_length
        is_possible = above is None or not (
            above.path.startswith(place.path or "/…") or len(f"{above.path}{place.slug}/") > most
        )
        place.parent = above if is_possible else place.parent
        place.title = str(content["fields"].get("title") or "–")[: Page._meta.get_field("title").max_length]
        place.save()


def _is_lost(old: Content, new: Content) -> bool:
    """Whether a block of `old` is not in `new`, or most of a text: nobody might find it again."""
    kept = {(block["kind"], block["key"]): block["fields"] for block in new["blocks"]}
    for block in old["blocks"]:
        fields = kept.get((block["kind"], block["key"]))
        if fields is None:
            return True
        for name, text in block["fields"].items():
            if isinstance(text, str) and len(text) > MOST_LOST and 2 * len(str(fields.get(name) or "")) < len(text):
                return True
    return False


@contextmanager
def appending(opened: AbstractContextManager[Any] | None = None) -> Iterator[None]:
    """A transaction, which may be `opened`, in which the table's constraint decides who was first."""
    try:
        with opened or transaction.atomic():
            yield
    except IntegrityError as error:
        # SQLite names the columns, PostgreSQL the constraint.
        if "one_line_of_versions" in str(error) or "desk_version.number" in str(error):
            raise Conflict from error
        raise ValidationError(
            _("Something else was saved at the same moment. Please look through this and publish it again.")
        ) from error


def _at_last(line: Line, append: Callable[[Line], None]) -> None:
    """Append what depends on no form, after whatever others append this very moment."""
    for _time in range(MOST_TIMES):
        try:
            append(line)
        except Conflict:
            line = Line(line.model, line.key)
        else:
            return
    raise Conflict


def provisional_slug(key: object) -> str:
    return f"draft-{key}"


def is_provisional(page: Page) -> bool:
    """Whether `page` was never published: a place in the tree for its draft."""
    return not page.is_published and page.slug == provisional_slug(page.pk)
