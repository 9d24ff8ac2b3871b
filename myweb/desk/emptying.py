"""
Takes versions of a page, or the page with all of them, away for good, and the pictures that nothing else shows.

The rows go first, in one transaction, and then the files: what a crash leaves of these, `clean_media` finds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from glob import escape
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from myweb.pages.blocks import kinds
from myweb.pages.models import Page
from myweb.pages.uploads import Upload

from .content import Content, digest
from .line import Line
from .models import PreviewLink, Version

AT_ONCE = 30  # names that are looked for in one query; SQLite takes 1,000 conditions, one for each column


class Place(NamedTuple):
    """What has a picture, too: a page, or something else, which has no key."""

    title: str
    key: int | None


class Emptying:
    """What is to go: with `with_page` everything, or else what is neither live nor a draft."""

    def __init__(self, key: int, with_page: bool) -> None:
        self.line = Line(Page, key)
        self.with_page = with_page

    @property
    def versions(self) -> "QuerySet[Version]":
        if self.with_page:
            return self.line.versions
        live = self.line.versions.line().exclude(published_at=None).first()
        if live and self.line.live and live.digest != digest(self.line.live):
            live = None  # The page was changed outside the form.
        staying = {version.pk for version in (live, self.line.draft, self.line.planned) if version}
        return self.line.versions.exclude(pk__in=staying)

    def pictures(self) -> dict[str, list[Place]]:
        """Return the names of the pictures that these have, each with what else has it: it goes if nothing has."""
        contents = [version.said for version in self.versions]
        if self.with_page and self.line.live:
            contents.append(self.line.live)
        names = sorted({name for content in contents for name in _files_of(content)})
        batches = (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))
        uses = {name: keys for batch in batches for name, keys in self._uses(batch).items()}
        titles = _titles({key for keys in uses.values() for key in keys if isinstance(key, int)})
        return {name: sorted({_place(key, titles) for key in uses.get(name, ())}, key=str) for name in names}

    def run(self, author: Any) -> None:
        """Do it. Raises ValidationError if the page cannot go."""
        with transaction.atomic():
            if self.with_page and self.line.row:
                self._check_page(Page.objects.select_for_update().filter(pk=self.line.key).first())
            names = [name for name, places in self.pictures().items() if not places]
            going = list(self.versions.values_list("pk", flat=True))
            self._forget_history()
            if self.with_page:
                Page.objects.filter(pk=self.line.key).delete()
                PreviewLink.objects.filter(key=self.line.key).delete()
                self.line.versions.all().delete()  # with what the deletion has just kept
            Version.objects.filter(pk__in=going).delete()
            self._keep_counting()
            Upload.objects.filter(file__in=names).delete()
            self._log(author)
        for name in names:
            _remove_files(name)

    def _check_page(self, page: Page | None) -> None:
        if page and page.path == "/" and page.is_public:
            raise ValidationError(_("This is the home page. Please choose another home page first."))
        if Page.objects.filter(parent=self.line.key).exists():
            raise ValidationError(_("There are pages below this one. Please move or delete them first."))

    def _keep_counting(self) -> None:
        """Have no number be given again: a form that was opened on what is gone would take another for it."""
        newest, before = self.line.versions.line().first(), self.line.last
        if newest and newest.number and before and before.number and newest.number < before.number:
            self.line.versions.filter(pk=newest.pk).update(number=before.number + 1)

    def _forget_history(self) -> None:
        """Remove what django-reversion has kept, and what the log of the admin says of the page."""
        of_page = {"content_type": ContentType.objects.get_for_model(Page), "object_id": str(self.line.key)}
        kept = apps.get_model("reversion", "Version").objects.filter(revision=OuterRef("pk"), **of_page)
        apps.get_model("reversion", "Revision").objects.filter(Exists(kept)).delete()
        LogEntry.objects.filter(**of_page).exclude(**_NOTE).delete()

    def _log(self, author: Any) -> None:
        """Say who did it, and nothing of what it was."""
        LogEntry.objects.create(
            user=author,
            content_type=ContentType.objects.get_for_model(Page),
            object_id=str(self.line.key),
            **_NOTE,
            change_message=_("Removed for good"),
        )

    def _uses(self, names: Sequence[str]) -> dict[str, set[int | str]]:
        """Return what has those of `names` that are in any text that does not go: keys of pages, or what it is."""
        # The end of a name is a hash, which is the same in JSON, where other letters may be escaped.
        ends = {name: PurePosixPath(name).name.rpartition("-")[2] for name in names}
        uses = defaultdict(set)
        for model in apps.get_models():
            if model is not Upload and model._meta.app_label not in ("reversion", "sessions"):
                for use, texts in self._texts_with(model, ends.values()):
                    for name, end in ends.items():
                        if any(end in text for text in texts):
                            uses[name].add(use)
        return uses

    def _texts_with(self, model: type[models.Model], ends: Iterable[str]) -> Iterator[tuple[int | str, list[str]]]:
        rows: QuerySet[Any] = model._base_manager.order_by()
        use: Any = Value(None, models.BigIntegerField())
        if model is Version:
            rows = rows.exclude(pk__in=self.versions.order_by().values("pk"))
            use = Case(When(model=Page._meta.label_lower, then="key"))
        elif model in kinds():
            rows = rows.exclude(parent=self.line.key) if self.with_page else rows
            use = F("parent")
        names = [field.name for field in model._meta.concrete_fields if isinstance(field, _TEXTS)]
        texts = {f"{name}_as_text": Cast(name, models.TextField()) for name in names}
        wanted = Q()
        for name, end in product(texts, ends):
            wanted |= Q(**{f"{name}__contains": end})
        found = rows.annotate(**texts, use=use).filter(wanted).values_list("use", *texts) if wanted else ()
        for key, *said in found:
            yield key or str(model._meta.verbose_name), [text for text in said if text]


_NOTE = {"object_repr": "–", "action_flag": DELETION}
_TEXTS = (models.CharField, models.TextField, models.FileField, models.JSONField)


def _titles(keys: set[int]) -> dict[int, str]:
    versions = Version.objects.filter(model=Page._meta.label_lower, key__in=keys).order_by("pk")
    titles = {version.key: str(version) for version in versions}
    return titles | {page.pk: str(page) for page in Page.objects.filter(pk__in=keys)}


def _place(use: int | str, titles: dict[int, str]) -> Place:
    return Place(titles.get(use, str(use)), use) if isinstance(use, int) else Place(use, None)


def _files_of(content: Content) -> Iterator[str]:
    fields = {
        kind._meta.label_lower: [item.name for item in kind._meta.concrete_fields if isinstance(item, models.FileField)]
        for kind in kinds()
    }
    for block in content["blocks"]:
        yield from filter(None, (block["fields"].get(name) for name in fields.get(block["kind"], [])))
    if content.get("draft"):
        yield from _files_of(content["draft"])


def _remove_files(name: str) -> None:
    """Remove a picture, and whatever was made of it, which has its name in it."""
    root = Path(settings.MEDIA_ROOT)
    (root / name).unlink(missing_ok=True)
    for path in (root / "__processed__").rglob(f"{escape(PurePosixPath(name).stem)}-*"):
        path.unlink(missing_ok=True)
