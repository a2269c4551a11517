from __future__ import annotations

import io
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from app.errors import ContentUnsupported
from app.media import sniff
from app.media.convert import Bounds, Caps, Form, convert
from app.media.sniff import Found
from app.media.targets import HUBSPOT
from app.media.workshop.job import Report
from tests.app.media import making
from tests.app.media.corpus import CORPUS, CUT_OUT, Sent
from tests.app.media.making import HZ, SECONDS, Shot, colours, film, hear, look, picture, sticker, tone, watch
from tests.app.media.opened import open_files

CAPS, BOUNDS = Caps(seconds=30.0), Bounds()
#: A result of the corpus is decoded by its type.
CONVERTED = {title: sent for title, sent in CORPUS.items() if sent.becomes}
PICTURES = {title: sent for title, sent in CONVERTED.items() if sent.becomes.startswith("image/")}
RECORDINGS = {title: sent for title, sent in CONVERTED.items() if sent.becomes.startswith("audio/")}
#: What cannot be opened, and what is a file: it stays as it is.
LEFT = {"HEIC that is cut off": "media_broken", "SILK": "media_unknown"}


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Whatever happens in these tests, no file stays behind, and nothing stays open."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = open_files()
    yield tmp_path
    assert list(tmp_path.iterdir()) == []
    assert open_files() <= before


@dataclass(frozen=True)
class Result:
    data: bytes
    report: Report


def make(data: bytes, mime: str, form: Form, *, caps: Caps = CAPS, bounds: Bounds = BOUNDS) -> Result:
    with spooled(data) as source, convert(source, mime, form, bounds=bounds, caps=caps) as done:
        result = Result(done.file.read(), done.report)
        assert done.size == len(result.data)
    return result


@contextmanager
def spooled(data: bytes) -> Iterator[tempfile.SpooledTemporaryFile[bytes]]:
    with tempfile.SpooledTemporaryFile(1_000_000) as file:
        file.write(data)
        yield file


def refused(data: bytes, mime: str, form: Form, *, caps: Caps = CAPS, bounds: Bounds = BOUNDS) -> str:
    with pytest.raises(ContentUnsupported, match=": ask for ") as caught:
        make(data, mime, form, caps=caps, bounds=bounds)
    return caught.value.reason


def for_hubspot(sent: Sent) -> Result:
    data = sent.make()
    found = sniff.identify(io.BytesIO(data), name=sent.name, said=sent.said, kind=sent.kind)
    form = HUBSPOT.form(found)
    assert form is not None
    return make(data, found.mime, form)


@pytest.mark.parametrize("sent", PICTURES.values(), ids=PICTURES)
def test_hubspot_gets_a_picture_that_browsers_show(sent: Sent) -> None:
    result = for_hubspot(sent)
    image = look(result.data)
    assert Image.MIME[image.format or ""] == result.report.mime == sent.becomes
    assert image.size == (result.report.width, result.report.height)
    assert colours(image) == list(sent.corners)
    assert len(image.getexif()) == 0


@pytest.mark.parametrize("sent", RECORDINGS.values(), ids=RECORDINGS)
def test_hubspot_gets_a_recording_that_browsers_play(sent: Sent) -> None:
    result = for_hubspot(sent)
    heard = hear(result.data)
    assert (heard.codec, result.report.mime, result.report.extension) == ("mp3float", sent.becomes, "mp3")
    assert heard.hz == pytest.approx(HZ, rel=0.03)
    assert heard.seconds == pytest.approx(result.report.seconds, abs=0.1)
    assert heard.seconds == pytest.approx(sent.seconds, abs=0.1)


@pytest.mark.parametrize("title", [title for title, sent in CORPUS.items() if not sent.becomes and title not in LEFT])
def test_what_hubspot_shows_and_what_is_a_file_stays_as_it_is(title: str) -> None:
    sent = CORPUS[title]
    assert HUBSPOT.form(Found(sent.found or sent.kind, sent.mime, sent.called)) is None


@pytest.mark.parametrize(("title", "code"), LEFT.items())
def test_what_cannot_be_opened_is_said_so(title: str, code: str) -> None:
    sent = CORPUS[title]
    form = HUBSPOT.form(Found(sent.kind, sent.mime, sent.called))
    assert form is not None
    assert refused(sent.make(), sent.mime, form) == code


def test_a_sticker_keeps_its_movement_and_its_holes() -> None:
    sent = CORPUS["sticker that moves"]
    image = look(for_hubspot(sent).data)
    assert getattr(image, "n_frames", 1) == 3
    image.seek(1)
    assert colours(image) == ["blue", "red", "blue", "green"]


def test_a_drawn_sticker_is_drawn() -> None:
    still = look(make(sticker(), "application/x-tgsticker", Form.STILL).data)
    assert (still.size, still.format) == ((512, 512), "PNG")
    assert still.getpixel((256, 256)) == (255, 0, 0, 255)
    assert still.getpixel((100, 100)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (partial(tone, "mp3", "libmp3lame", layout="stereo"), "audio/mpeg"),
        (partial(tone, "ipod", "aac"), "audio/mp4"),
        (partial(tone, "wav", "pcm_s16le", rate=22_050), "audio/wav"),
        (partial(film, Shot("mp4", "libx264", sound="aac")), "video/mp4"),
    ],
    ids=["mp3", "m4a", "wav", "a video's sound"],
)
def test_a_service_gets_a_voice_note(data: Callable[[], bytes], mime: str) -> None:
    result = make(data(), mime, Form.VOICE)
    heard = hear(result.data)
    assert result.data.startswith(b"OggS")
    assert (heard.codec, heard.rate, heard.channels) == ("opus", 48_000, 1)
    assert heard.hz == pytest.approx(HZ, rel=0.03)
    assert heard.seconds == pytest.approx(SECONDS, abs=0.1)


def test_a_service_without_opus_gets_aac() -> None:
    heard = hear(make(tone("ogg", "libopus"), "audio/ogg", Form.M4A).data)
    assert (heard.codec, heard.channels) == ("aac", 1)
    assert heard.hz == pytest.approx(HZ, rel=0.03)


def test_a_refused_video_becomes_one_that_everybody_plays() -> None:
    shot = Shot("mov", "libx265", sound="aac", size=(160, 96), turned=90)
    result = make(film(shot), "video/quicktime", Form.MP4)
    watched, heard = watch(result.data), hear(result.data)
    assert (watched.codec, watched.image.size, watched.frames) == ("h264", (96, 160), 24)
    assert colours(watched.image) == ["blue", "blue", "green", "red"]
    assert heard.codec == "aac"
    assert heard.hz == pytest.approx(HZ, rel=0.03)
    assert result.data.index(b"moov") < result.data.index(b"mdat")


@pytest.mark.parametrize(
    ("form", "corners"), [(Form.MP4, ["green", "white", "red", "white"]), (Form.STILL, list(CUT_OUT))]
)
def test_an_animation_becomes_what_a_service_takes(form: Form, corners: list[str]) -> None:
    result = make(making.animation("WEBP", lossless=True), "image/webp", form)
    image = watch(result.data).image if form is Form.MP4 else look(result.data)
    assert (image.size, colours(image)) == ((96, 64), corners)
    assert result.report.seconds == (0.6 if form is Form.MP4 else 0)


def test_a_picture_in_colours_of_another_profile_keeps_them() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    other = profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)
    image = look(make(picture("TIFF", icc_profile=other), "image/tiff", Form.PICTURE).data)
    assert colours(image) == ["green", "red", "blue", "red"]
    assert "icc_profile" not in image.info


def test_a_result_is_no_longer_than_its_bound() -> None:
    image = look(make(picture("BMP"), "image/bmp", Form.PICTURE, bounds=Bounds(edge=48)).data)
    assert image.size == (48, 32)


def test_a_result_is_made_smaller_until_it_fits() -> None:
    noise = Image.effect_noise((400, 400), 90).convert("RGB")
    data = picture("BMP", image=noise)
    whole = make(data, "image/bmp", Form.PICTURE)
    fitted = make(data, "image/bmp", Form.PICTURE, bounds=Bounds(bytes=len(whole.data) // 4))
    assert len(fitted.data) <= len(whole.data) // 4
    assert look(fitted.data).size == (200, 200)
    assert refused(data, "image/bmp", Form.PICTURE, bounds=Bounds(bytes=500)) == "media_misfit"


HOSTILE = {
    "picture of too many pixels": (
        partial(picture, "BMP"), "image/bmp", Form.PICTURE, Bounds(pixels=6000), "media_bomb",
    ),
    "video of too many pixels": (
        partial(film, Shot("webm", "libvpx")), "video/webm", Form.MP4, Bounds(pixels=6000), "media_bomb",
    ),
    "animation of too many pictures": (
        partial(making.animation, "WEBP"), "image/webp", Form.PICTURE, Bounds(frames=5), "media_too_long",
    ),
    "drawn sticker that lasts for hours": (
        partial(sticker, op=10_000_000), "application/x-tgsticker", Form.PICTURE, Bounds(), "media_too_long",
    ),
    "drawn sticker that opens files": (
        partial(sticker, assets=[{"id": "a", "w": 9, "h": 9, "u": "/etc/", "p": "passwd"}]),
        "application/x-tgsticker", Form.PICTURE, Bounds(), "media_broken",
    ),
    "recording that is too long": (
        partial(tone, "wav", "pcm_s16le"), "audio/wav", Form.MP3, Bounds(seconds=0.5), "media_too_long",
    ),
    "recording that hides its length": (
        partial(tone, "adts", "aac", seconds=2.0), "audio/aac", Form.MP3, Bounds(seconds=0.5), "media_too_long",
    ),
    "video that cannot be made small enough": (
        partial(film, Shot("webm", "libvpx")), "video/webm", Form.MP4, Bounds(bytes=2000), "media_misfit",
    ),
    "list of other files": (
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n".strip, "audio/ogg", Form.MP3, Bounds(), "media_broken",
    ),
    "video without pictures": (partial(tone, "mp4", "aac"), "video/mp4", Form.MP4, Bounds(), "media_broken"),
    "recording without sound": (partial(film, Shot("mp4", "libx264")), "audio/mp4", Form.MP3, Bounds(), "media_broken"),
    "nothing that anybody knows": (partial(bytes, 5000), "video/webm", Form.PICTURE, Bounds(), "media_broken"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "mime", "form", "bounds", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_with_a_sentence(
    data: Callable[[], bytes], mime: str, form: Form, bounds: Bounds, code: str
) -> None:
    assert refused(data(), mime, form, bounds=bounds) == code


def test_a_sticker_that_unpacks_without_end_is_refused() -> None:
    assert refused(sticker(nm="a" * 8_000_000), "application/x-tgsticker", Form.PICTURE) == "media_bomb"


def test_a_picture_that_needs_more_memory_than_there_is_ends_its_own_process_only() -> None:
    header = struct.pack("<IHHI", 0, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 7900, 7900, 1, 24, *[0] * 6)
    caps = Caps(seconds=30.0, memory=300_000_000)
    assert refused(b"BM" + header + bytes(1000), "image/bmp", Form.PICTURE, caps=caps) == "media_bomb"


def test_a_conversion_ends_at_its_deadline() -> None:
    data = tone("wav", "pcm_s16le", rate=8_000, seconds=1.0)
    endless = data[:40] + struct.pack("<I", 0xFFFFFFFF) + bytes(16_000_000)
    started = time.monotonic()
    assert refused(endless, "audio/wav", Form.VOICE, caps=Caps(seconds=0.05)) == "media_too_long"
    assert time.monotonic() - started < 5
