import logging
from collections.abc import Iterable
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import pictures
from ..fields import PictureField
from ..texts import validate_visible
from . import Block, SharePicture

logger = logging.getLogger(__name__)

# How wide static/myweb/site.css shows them, as media conditions and lengths are written in HTML
_COLUMN = "100vw - 2*clamp(1.125rem,4vw,3rem)"
SIZES = f"min(66rem,{_COLUMN})"
SIZES_OF_PORTRAIT = f"min(30rem,{_COLUMN})"


class Picture(Block):
    """A block with a picture."""

    icon = "image"
    place = 20
    search_fields = ["alt_text"]

    image = PictureField(
        _("picture"),
        upload_to="pictures",
        auto_add_fields=True,
        max_length=200,
        help_text=_(
            "JPEG, PNG, WebP or AVIF, up to 40 megapixels. Once it is saved, click the part of it that matters most."
        ),
    )
    alt_text = models.CharField(
        _("alternative text"),
        max_length=300,
        validators=[validate_visible],
        help_text=_("What the picture shows, in a few words, for people who cannot see it."),
    )
    caption = models.CharField(_("caption"), max_length=300, blank=True, help_text=_("Shown below the picture."))
    renditions = models.JSONField(default=dict, blank=True, editable=False)
    needs_renditions = models.BooleanField(default=True, editable=False, db_index=True)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")

    def __str__(self) -> str:
        return str(self.alt_text)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.needs_renditions = self.renditions.get("source") != pictures.source_of(self.image)
        super().save(*args, **kwargs)

    save.alters_data = True  # type: ignore[attr-defined]

    @classmethod
    def unfinished(cls) -> models.QuerySet[Self]:
        blocks: models.QuerySet[Self] = cls.objects.filter(needs_renditions=True)
        return blocks

    @classmethod
    def ask_for_missing(cls) -> None:
        """
        Have the renditions made again that are those of another release, or of which a file is gone, if there is still
        something to make them of.
        """
        # At once, since each write makes all pages anew.
        wanting = [picture.pk for picture in cls.objects.filter(needs_renditions=False) if picture.wants_renditions()]
        cls.objects.filter(pk__in=wanting).update(needs_renditions=True)

    def wants_renditions(self) -> bool:
        exists = self.image.storage.exists
        is_outdated = self._is_shown and self.renditions["source"] != pictures.source_of(self.image)
        return (is_outdated or not all(map(exists, self.made_files()))) and exists(self.image.name)

    def finish(self) -> None:
        """Make the renditions, and then say that they are there."""
        image, focal_point = self.image.name, self.image_ppoi
        try:
            self.renditions = pictures.make_renditions(self.image)
        except Exception:
            # The file is gone or broken: the page goes on showing what there is.
            logger.exception("no renditions of %s", image)
            if self._is_shown:
                self.renditions["source"] = pictures.source_of(self.image)
        # Compare and set: the owner may have replaced the picture meanwhile.
        Picture.objects.filter(pk=self.pk, image=image, image_ppoi=focal_point).update(
            renditions=self.renditions, needs_renditions=False
        )

    def made_files(self) -> list[str]:
        return pictures.names_of(self.renditions)

    def sources(self) -> Iterable[tuple[str, str]]:
        """Return (type, srcset) of each format there are renditions in."""
        for mime_type in ("image/avif", "image/webp"):
            if made := self._made(mime_type):
                yield mime_type, ", ".join(f"{self.image.storage.url(name)} {width}w" for width, name in made)

    @property
    def is_portrait(self) -> bool:
        return (self.image_height or 0) > (self.image_width or 0)

    @property
    def sizes(self) -> str:
        return SIZES_OF_PORTRAIT if self.is_portrait else SIZES

    @property
    def share_picture(self) -> SharePicture | None:
        """The cut that fits shared links, as soon as there is one."""
        name = self._made("share")
        return SharePicture(settings.SITE_URL + self.image.storage.url(name), self.alt_text) if name else None

    @property
    def _is_shown(self) -> bool:
        """After another picture was chosen, the renditions are those of the old one until the new ones are made."""
        return bool(self.renditions.get("source", "").split(" ")[0] == self.image.name)

    def _made(self, key: str) -> Any:
        return self.renditions.get(key) if self._is_shown else None
