"""Bodies of answers, decoded piece by piece and within bounds."""

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from connectors.exchange.decoding import Body, BombError, TooLargeError, UndecodableError

TEXT = b"Der Rat tagt. Das Wasser steigt weiter.\n" * 400


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
    "": bytes,
    "UTF-8": bytes,
}
CUTTABLE = ("gzip", "deflate", "br", "zstd")


def decoded(encoding: str, data: bytes, *, step: int = 1 << 16, most: int = 1 << 24, ratio: int = 100) -> Body:
    body = Body(encoding, decoded_bytes=most, ratio=ratio)
    for start in range(0, len(data), step):
        body.add(data[start : start + step])
    return body


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_all_encodings_in_pieces_of_any_size(encoding, step):
    packed = PACKED[encoding](TEXT)
    body = decoded(encoding, packed, step=step)
    assert (body.data == TEXT, body.is_whole, body.received_bytes) == (True, True, len(packed))


@given(data=st.binary(max_size=300), encoding=st.sampled_from(CUTTABLE), step=st.integers(1, 50))
def test_what_was_packed_comes_out(data, encoding, step):
    body = decoded(encoding, PACKED[encoding](data), step=step)
    if not data.startswith(b"\x1f"):
        assert (body.data, body.is_whole) == (data, True)


@given(data=st.binary(max_size=200), encoding=st.sampled_from([*CUTTABLE, ""]))
def test_noise_is_an_error_or_bytes_and_nothing_else(data, encoding):
    with suppress(UndecodableError):
        assert isinstance(decoded(encoding, data).data, bytes)


def test_several_encodings_one_after_the_other():
    assert decoded("deflate, gzip", gzip.compress(zlib.compress(TEXT))).data == TEXT
    with pytest.raises(UndecodableError):
        Body("gzip, gzip, gzip, gzip", decoded_bytes=1, ratio=1)


def test_gzip_that_does_not_say_so_and_plain_text_that_says_gzip():
    assert decoded("", gzip.compress(TEXT), step=1).data == TEXT
    assert decoded("gzip", TEXT, step=1).data == TEXT
    assert decoded("gzip", gzip.compress(gzip.compress(TEXT))).data == TEXT


def test_members_and_padding():
    several = gzip.compress(TEXT) + gzip.compress(b"end") + bytes(100)
    for step in (1, 1 << 16):
        body = decoded("gzip", several, step=step)
        assert (body.data == TEXT + b"end", body.is_whole) == (True, True)
    frames = zstandard.compress(TEXT) + zstandard.compress(b"end")
    assert decoded("zstd", frames).data == TEXT + b"end"


@pytest.mark.parametrize("encoding", CUTTABLE)
def test_a_stream_that_breaks_off_keeps_what_came(encoding):
    whole = PACKED[encoding](bytes(range(256)) * 4000)
    body = decoded(encoding, whole[: len(whole) * 2 // 3])
    assert not body.is_whole
    assert (bytes(range(256)) * 4000).startswith(body.data)


def test_an_empty_body_is_whole():
    assert decoded("gzip", b"").is_whole
    assert decoded("br", b"").data == b""


def test_an_encoding_that_nobody_knows():
    with pytest.raises(UndecodableError, match="sdch"):
        decoded("sdch", b"x")


@pytest.mark.parametrize("encoding", CUTTABLE)
def test_bombs_are_stopped_before_they_unpack(encoding):
    bomb = brotli.compress(bytes(1 << 26), quality=1) if encoding == "br" else PACKED[encoding](bytes(1 << 26))
    tracemalloc.start()
    with pytest.raises(BombError):
        decoded(encoding, bomb)
    with pytest.raises(TooLargeError):
        decoded(encoding, bomb, most=1 << 20, ratio=1 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 24


@pytest.mark.parametrize("encoding", CUTTABLE)
@pytest.mark.parametrize("step", [1000, 1 << 16, 1 << 24])
def test_a_large_honest_body_passes(encoding, step):
    text = b"".join(b"%d. The council met on day %d.\n" % (n, n * 7919) for n in range(40_000))
    packed = brotli.compress(text, quality=3) if encoding == "br" else PACKED[encoding](text)
    body = decoded(encoding, packed, step=step)
    assert (body.data == text, body.is_whole) == (True, True)


def test_a_zstd_window_larger_than_the_web_allows():
    parameters = zstandard.ZstdCompressionParameters(window_log=25, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(bytes(1 << 10)) + packer.flush()
    with pytest.raises(UndecodableError):
        decoded("zstd", packed)
