"""Makes the pages of the demonstration site."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError
from django.core.management.base import OutputWrapper
from django.db import transaction

from myweb.pages import pictures
from myweb.pages.blocks import REGION, Block, kinds
from myweb.pages.models import Page, SiteSettings

from . import PICTURES, SITE, Entry, entries


def load(stdout: OutputWrapper) -> None:
    """Load the demonstration into a site that has no pages yet; raise CommandError if it has."""
    if Page.objects.exists():
        raise CommandError("There are pages already, and the demonstration site goes only into an empty site.")
    files = prepared_pictures()
    # Everything or nothing, should this be killed; what is slow happens before and after.
    with transaction.atomic():
        write(files)
    blocks = [block for kind in kinds() for block in kind.unfinished()]
    for number, block in enumerate(blocks, start=1):
        stdout.write(f"Preparing pictures … {number}/{len(blocks)}")
        stdout.flush()
        block.finish()


def prepared_pictures() -> dict[str, pictures.Upload]:
    """Return the pictures by name, prepared as uploads are."""
    return {
        name: pictures.prepare(SimpleUploadedFile(name, path.read_bytes(), "image/jpeg"))
        for name, path in PICTURES.items()
    }


def write(files: dict[str, pictures.Upload]) -> None:
    if not SiteSettings.objects.exists():
        save(SiteSettings(**SITE))
    pages: dict[str, Page] = {}
    kind_of = {kind._meta.model_name: kind for kind in kinds()}
    for entry in entries():
        page = save_page(entry, pages)
        pages[entry["path"]] = page
        for position, block in enumerate(entry["block"], start=1):
            fields = {name: files.get(value, value) for name, value in block.items() if name != "kind"}
            save(kind_of[block["kind"]](parent=page, region=REGION, ordering=position * 10, **fields))


def save_page(entry: Entry, pages: dict[str, Page]) -> Page:
    above, _slash, slug = entry["path"].strip("/").rpartition("/")
    page = Page(
        title=entry["title"],
        slug=slug,
        parent=pages[f"/{above}/"] if above else None,
        language=entry.get("language", ""),
        menu=entry.get("menu", Page.Menu.NONE),
        description=entry["description"],
    )
    save(page)
    return page


def save(instance: Page | Block | SiteSettings) -> None:
    """Save `instance` as a form would: full_clean() also sanitises the texts."""
    instance.full_clean()
    instance.save()
