"""
Pictures: what may be uploaded, how it is stored, and the renditions a page shows.

An upload is hostile until it has been decoded: it is opened as one of a few formats, measured before it is decoded,
turned upright, scaled down and written anew, without the metadata (the place where a photo was taken, for one).
"""

import hashlib
import logging
from io import BytesIO
from pathlib import PurePath
from typing import Any, TypeAlias

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from imagefield.fields import ImageFieldFile
from imagefield.processing_pillow import register_pillow
from PIL import Image, ImageCms, ImageOps

Upload: TypeAlias = "UploadedFile[Any]"

logger = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
MAX_PIXELS = 40_000_000
MAX_SIDE = 2560  # pixels, of what is stored
# Pixels, of the renditions: what most phones with two and with three pixels a point need, a screen, and a dense one
WIDTHS = (680, 992, 1280, 1920)
SHARE_SIZE = (1200, 630)  # pixels; what OpenGraph readers show uncropped
ENCODING: dict[str, dict[str, Any]] = {
    "AVIF": {"quality": 55, "speed": 6},
    "WEBP": {"quality": 80},
    "JPEG": {"quality": 85, "progressive": True},
}
# Small coloured letters blur where colours have half the resolution, as in photos.
ENCODING_OF_LOSSLESS: dict[str, dict[str, Any]] = {**ENCODING, "AVIF": {**ENCODING["AVIF"], "subsampling": "4:4:4"}}
# Another one whenever the renditions of before are no longer what would be made
RECIPE = hashlib.sha256(repr((WIDTHS, SHARE_SIZE, ENCODING, ENCODING_OF_LOSSLESS)).encode()).hexdigest()[:8]


def prepare(upload: Upload) -> Upload:
    """
    Return `upload` as it may be stored; it is decoded only once, however often this is called.

    Raises ValidationError with one sentence for the owner.
    """
    result: Upload | ValidationError | None = getattr(upload, "prepared", None)
    if result is None:
        try:
            result = _decode_and_rewrite(upload)
            result.prepared = result  # type: ignore[attr-defined]
        except ValidationError as error:
            result = error
        upload.prepared = result  # type: ignore[attr-defined]
    if isinstance(result, ValidationError):
        raise result
    return result


def _decode_and_rewrite(upload: Upload) -> Upload:
    try:
        upload.seek(0)
        with Image.open(upload, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            lossless = image.format == "PNG"
            picture = _normalise(image)
    except Image.DecompressionBombError as error:
        raise ValidationError(_("This picture has more than 40 megapixels. Please make it smaller first.")) from error
    except Exception as error:  # decoders fail on hostile files in every way there is
        logger.info("refused an upload: %r", error)
        raise ValidationError(
            _("This file cannot be read as a picture. Please choose a JPEG, PNG, WebP or AVIF file.")
        ) from error
    return _write(picture, stem=PurePath(upload.name or "").stem, lossless=lossless)


def _normalise(image: Image.Image) -> Image.Image:
    """Return the first frame of `image`, upright, in sRGB, at most MAX_SIDE wide and high, without metadata."""
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # lets the JPEG decoder scale down while it reads
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):
        # convert() would clip 16 bits to white instead of scaling them
        upright = upright.convert("I").point(lambda value: value / 256).convert("L")
    if profile:
        upright = _to_srgb(upright, profile)
    mode = "RGBA" if upright.has_transparency_data else "RGB"
    picture = upright.convert(mode)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    picture.info.clear()
    return picture


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return `image` with its colours in sRGB; unchanged if the profile is broken or of another colour space."""
    try:
        if image.mode == "P":
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        converted = ImageCms.profileToProfile(
            image.convert("RGB") if alpha else image,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
        if converted is None:
            return image
        if alpha:
            converted.putalpha(alpha)
        return converted
    except (ImageCms.PyCMSError, ValueError, OSError):
        return image


def _write(picture: Image.Image, *, stem: str, lossless: bool) -> Upload:
    """Return `picture` as a file whose name carries a hash of its content, since it is served as immutable."""
    if lossless or picture.mode == "RGBA":
        extension, content_type, image_format, options = "png", "image/png", "PNG", dict[str, Any]()
    else:
        extension, content_type, image_format = "jpg", "image/jpeg", "JPEG"
        options = {"quality": 88, "progressive": True, "optimize": True}
    buffer = BytesIO()
    picture.save(buffer, image_format, **options)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()[:16]
    name = f"{slugify(stem, allow_unicode=True)[:60] or 'picture'}-{digest}.{extension}"
    size = buffer.tell()
    buffer.seek(0)
    return InMemoryUploadedFile(buffer, None, name, content_type, size, None)


@register_pillow  # type: ignore[untyped-decorator]
def fit_width(get_image: Any, width: int) -> Any:
    """Processor for django-imagefield: scale to `width` pixels wide."""

    def processor(image: Image.Image, context: Any) -> Image.Image:
        image = get_image(image, context)
        height = max(1, round(image.height * width / image.width))
        return image.resize((width, height), Image.Resampling.LANCZOS)

    return processor


@register_pillow  # type: ignore[untyped-decorator]
def encode(get_image: Any, image_format: str, options: dict[str, Any]) -> Any:
    """Processor for django-imagefield: write as `image_format`; with other `options`, the file has another name."""

    def processor(image: Image.Image, context: Any) -> Image.Image:
        image = get_image(image, context)
        context.save_kwargs.clear()
        context.save_kwargs.update({"format": image_format, **options})
        return _on_white(image) if image_format == "JPEG" else image

    return processor


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    background = Image.new("RGB", image.size, "white")
    background.paste(image, mask=image.getchannel("A"))
    return background


def make_renditions(image: ImageFieldFile) -> dict[str, Any]:
    """
    Write the renditions of the stored picture `image` and return what there is: {"source": what they are made of,
    "image/avif": [[width, name], …], "image/webp": […], "share": name}.

    Takes seconds for a large picture, so never inside a transaction: SQLite would lock everybody out meanwhile.
    """
    widths = sorted({min(width, image.width) for width in WIDTHS})
    made: dict[str, Any] = {"source": source_of(image)}
    for mime_type, image_format, extension in (("image/avif", "AVIF", ".avif"), ("image/webp", "WEBP", ".webp")):
        made[mime_type] = [[width, _process(image, image_format, extension, ("fit_width", width))] for width in widths]
    made["share"] = _process(image, "JPEG", ".jpg", ("crop", SHARE_SIZE))
    return made


def names_of(renditions: dict[str, Any]) -> list[str]:
    """Return the names of the files of what make_renditions() has returned."""
    names: list[str] = []
    for key, made in renditions.items():
        if key != "source":
            names += [made] if isinstance(made, str) else [name for _width, name in made]
    return names


def source_of(image: ImageFieldFile) -> str:
    """Return what the renditions of `image` depend on."""
    return f"{image.name} {getattr(image.instance, image.field.ppoi_field)} {RECIPE}"


def _process(image: ImageFieldFile, image_format: str, extension: str, scale: tuple[str, Any]) -> str:
    encoding = ENCODING_OF_LOSSLESS if image.name.endswith(".png") else ENCODING
    processors = [("encode", image_format, encoding[image_format]), scale]

    def spec(file: ImageFieldFile, context: Any) -> None:
        context.extension = extension
        context.processors = processors

    return str(image.process(spec))
