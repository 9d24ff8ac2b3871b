import threading
import zlib
from io import BytesIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageCms

from myweb.pages import pictures
from myweb.pages.blocks.picture import Picture
from tests.factories import make_page, make_picture, make_upload

UNREADABLE = "This file cannot be read as a picture. Please choose a JPEG, PNG, WebP or AVIF file."


def opened(upload):
    return Image.open(BytesIO(upload.read()))


def refusal(upload) -> str:
    with pytest.raises(ValidationError) as refused:
        pictures.prepare(upload)
    [sentence] = refused.value.messages
    return sentence


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_it_works(image_format):
    upload = make_upload((1600, 1000), image_format=image_format)
    stored = opened(pictures.prepare(upload))
    assert stored.size == (1600, 1000)
    assert stored.format == ("PNG" if image_format == "PNG" else "JPEG")


def test_it_is_decoded_once():
    upload = make_upload()
    assert pictures.prepare(upload) is pictures.prepare(upload) is pictures.prepare(pictures.prepare(upload))


def test_large_picture_is_scaled_down():
    assert opened(pictures.prepare(make_upload((5000, 3000)))).size == (2560, 1536)


def test_name_is_kept_with_a_hash_of_the_content():
    name = pictures.prepare(make_upload(name="../../Am See 湖.JPG")).name
    assert name.startswith("am-see-湖-")
    assert name.endswith(".jpg")
    assert name == pictures.prepare(make_upload(name="Am See 湖.jpeg")).name
    assert name != pictures.prepare(make_upload((10, 10), name="Am See 湖.jpg")).name


def test_photo_is_turned_upright_and_its_place_is_forgotten():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned by 90 degrees
    exif.get_ifd(0x8825)[1] = "N"
    upload = make_upload((3000, 2000), exif=exif.tobytes(), comment=b"secret place")
    assert b"Exif" in upload.read()
    prepared = pictures.prepare(upload)
    data = prepared.read()
    assert Image.open(BytesIO(data)).size == (1707, 2560)
    assert b"Exif" not in data
    assert b"secret" not in data


def test_colours_become_srgb():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    upload = make_upload(icc_profile=profile)  # of the wrong colour space: ignored
    assert "icc_profile" not in opened(pictures.prepare(upload)).info


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "I;16", "LA", "RGBA"])
def test_every_mode_is_stored(mode):
    image_format = "JPEG" if mode == "CMYK" else "PNG"
    prepared = opened(pictures.prepare(make_upload(mode=mode, image_format=image_format)))
    assert prepared.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")


def test_grey_of_16_bits_keeps_its_brightness():
    buffer = BytesIO()
    Image.new("I;16", (10, 10), 128 * 256).save(buffer, "PNG")
    prepared = opened(pictures.prepare(SimpleUploadedFile("grey.png", buffer.getvalue())))
    assert prepared.getpixel((5, 5)) == (128, 128, 128)


def bomb() -> bytes:
    """A small PNG file that says it is 30,000 pixels wide and high."""
    header = (30_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in chunks
    )


def test_too_many_pixels_are_refused_before_they_are_decoded():
    upload = SimpleUploadedFile("bomb.png", bomb())
    assert refusal(upload) == "This picture has more than 40 megapixels. Please make it smaller first."
    assert refusal(upload) == "This picture has more than 40 megapixels. Please make it smaller first."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + bytes(100),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        make_upload((1600, 1000)).read()[:2000],
        make_upload((1600, 1000), image_format="PNG").read()[:200],
        make_upload((1600, 1000), image_format="WEBP").read()[:50],
    ],
    ids=["empty", "text", "svg", "gif", "eps", "cut jpeg", "cut png", "cut webp"],
)
def test_anything_else_is_refused(data):
    assert refusal(SimpleUploadedFile("photo.jpg", data, "image/jpeg")) == UNREADABLE


def test_other_format_in_disguise_is_refused():
    assert refusal(make_upload(image_format="TIFF", name="photo.jpg")) == UNREADABLE


@pytest.mark.django_db
def test_stored_name_ends_as_nginx_expects(media):
    assert make_picture(make_page()).image.name.endswith(".jpg")


@pytest.mark.django_db
class TestRenditions:
    def test_they_exist_before_the_page_names_them(self, media):
        picture = make_picture(make_page(), image=pictures.prepare(make_upload((1600, 1000))))
        assert list(picture.sources()) == []
        assert picture.share_picture is None
        picture.finish()
        picture.refresh_from_db()
        (avif, avif_set), (webp, webp_set) = picture.sources()
        assert (avif, webp) == ("image/avif", "image/webp")
        assert [item.split()[1] for item in avif_set.split(", ")] == ["680w", "992w", "1280w", "1600w"]
        for item in (avif_set + ", " + webp_set).split(", "):
            url, width = item.split()
            assert f"{Image.open(media / url.removeprefix('/media/')).width}w" == width
        share = media / picture.share_picture.url.removeprefix("http://localhost:8099/media/")
        assert Image.open(share).size == (1200, 630)

    def test_small_picture_is_not_blown_up(self, media):
        picture = make_picture(make_page(), image=pictures.prepare(make_upload((300, 200))))
        picture.finish()
        assert [item.split()[1] for _, srcset in picture.sources() for item in srcset.split(", ")] == ["300w", "300w"]

    def test_transparent_picture_gets_a_white_ground_in_shared_links(self, media):
        upload = make_upload((300, 200), "PNG", mode="RGBA")
        picture = make_picture(make_page(), image=pictures.prepare(upload))
        picture.finish()
        assert Image.open(media / picture.renditions["share"]).mode == "RGB"

    @pytest.mark.parametrize(("image_format", "subsampling"), [("JPEG", "4:2:0"), ("PNG", "4:4:4")])
    def test_small_coloured_letters_stay_sharp_where_nothing_was_lost_yet(self, media, image_format, subsampling):
        picture = make_picture(make_page(), image=pictures.prepare(make_upload((80, 50), image_format)))
        picture.finish()
        data = (media / picture.renditions["image/avif"][0][1]).read_bytes()
        # AV1CodecConfigurationRecord: whether colours have half the resolution, across and down
        halved = data[data.index(b"av1C") + 6] >> 2 & 0b11
        assert {0b00: "4:4:4", 0b11: "4:2:0"}[halved] == subsampling

    @pytest.mark.parametrize(("size", "sizes"), [((1600, 1000), "min(66rem,"), ((1000, 1600), "min(30rem,")])
    def test_browsers_are_told_how_wide_it_is_shown(self, media, client, size, sizes):
        picture = make_picture(make_page("Team"), image=pictures.prepare(make_upload(size)))
        picture.finish()
        assert client.get("/team/").content.decode().count(f'sizes="{sizes}') == 2

    def test_another_picture_does_not_show_the_renditions_of_the_one_before(self, media):
        picture = make_picture(make_page())
        picture.finish()
        picture.image = pictures.prepare(make_upload((900, 900)))
        picture.save()
        assert picture.needs_renditions
        assert list(picture.sources()) == []
        assert picture.share_picture is None

    def test_new_focal_point_keeps_them_until_the_new_ones_are_there(self, media):
        picture = make_picture(make_page())
        picture.finish()
        before = picture.share_picture.url
        picture.image_ppoi = "0.1x0.1"
        picture.save()
        assert (picture.needs_renditions, picture.share_picture.url) == (True, before)
        picture.finish()
        picture.refresh_from_db()
        assert not picture.needs_renditions
        assert picture.share_picture.url != before

    def test_picture_that_was_replaced_meanwhile_waits_for_its_own(self, media):
        picture = make_picture(make_page())
        Picture.objects.filter(pk=picture.pk).update(image="pictures/other.jpg")
        picture.finish()
        assert Picture.objects.filter(needs_renditions=True, renditions={}).exists()


def test_many_threads_may_prepare_one_upload_each():
    errors = []

    def prepare():
        try:
            pictures.prepare(make_upload((1600, 1000)))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
