from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from myweb.pages import pictures
from myweb.pages.blocks import REGION, Block, kinds
from myweb.pages.demo import PICTURES, SITE, Entry, entries
from myweb.pages.models import Page, SiteSettings

Item = TypeVar("Item")


class Command(BaseCommand):
    help = "Loads the demonstration site into a site that has no pages yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing unless the site is new")

    def handle(self, *args: Any, **options: Any) -> None:
        # An owner who has deleted all pages does not want these back at the next start; the settings cannot be deleted.
        if options["if_empty"] and (Page.objects.exists() or SiteSettings.objects.exists()):
            return
        if Page.objects.exists():
            raise CommandError("There are pages already, and the demonstration site goes only into an empty site.")
        files = self.prepare()
        # Everything or nothing, should this be killed; what is slow happens before and after.
        with transaction.atomic():
            self.write(files)
        for block in self.progress("Preparing pictures", [block for kind in kinds() for block in kind.unfinished()]):
            block.finish()
        self.stdout.write(self.style.SUCCESS(f"The demonstration site has {Page.objects.count()} pages."))

    def prepare(self) -> dict[str, pictures.Upload]:
        """Return the pictures by name, prepared as uploads are."""
        return {
            name: pictures.prepare(SimpleUploadedFile(name, path.read_bytes(), "image/jpeg"))
            for name, path in PICTURES.items()
        }

    def write(self, files: dict[str, pictures.Upload]) -> None:
        if not SiteSettings.objects.exists():
            self.save(SiteSettings(**SITE))
        pages: dict[str, Page] = {}
        kind_of = {kind._meta.model_name: kind for kind in kinds()}
        for entry in entries():
            pages[entry["path"]] = self.save_page(entry, pages)
        # When all pages are there, since they have links to each other
        for entry in entries():
            page = pages[entry["path"]]
            for position, block in enumerate(entry["block"], start=1):
                fields = {name: files.get(value, value) for name, value in block.items() if name != "kind"}
                self.save(kind_of[block["kind"]](parent=page, region=REGION, ordering=position * 10, **fields))

    def save_page(self, entry: Entry, pages: dict[str, Page]) -> Page:
        above, _slash, slug = entry["path"].strip("/").rpartition("/")
        page = Page(
            title=entry["title"],
            slug=slug,
            parent=pages[f"/{above}/"] if above else None,
            language=entry.get("language", ""),
            menu=entry.get("menu", Page.Menu.NONE),
            description=entry["description"],
        )
        self.save(page)
        return page

    def save(self, instance: Page | Block | SiteSettings) -> None:
        """Save `instance` as a form would: full_clean() also sanitises the texts."""
        instance.full_clean()
        instance.save()

    def progress(self, label: str, items: Iterable[Item]) -> Iterator[Item]:
        """Yield `items` and tell how far it is: in one line on a terminal, in a line each elsewhere."""
        todo = list(items)
        in_place = self.stdout.isatty()
        for number, item in enumerate(todo, start=1):
            line = f"{label} … {number}/{len(todo)}"
            self.stdout.write(f"\r{line}" if in_place else line, ending="" if in_place else "\n")
            self.stdout.flush()
            yield item
        if in_place:
            self.stdout.write()
