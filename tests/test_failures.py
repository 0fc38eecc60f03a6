"""What is said of errors that no server can be made to cause here."""

import errno
import ssl

import aiohttp
import pytest

from connectors.exchange.failures import told


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "connect", "ulimit"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "connect", "no way leads to a.example:81"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "connect", "broke off"),
        (aiohttp.ServerDisconnectedError(), "connect", "broke off"),
        (aiohttp.ConnectionTimeoutError("x"), "timeout", "no connection"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "tls", "does not speak TLS as we do"),
        (aiohttp.ClientError("x"), "protocol", "does not keep to HTTP"),
    ],
)
def test_errors_in_plain_words(error, kind, words):
    found, sentence = told(error, "a.example", "a.example:81")
    assert found == kind
    assert words in sentence
