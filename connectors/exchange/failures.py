"""What went wrong in an exchange, in one plain sentence."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Callable
from typing import Literal

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from connectors.exchange.decoding import BombError, TooLargeError, UndecodableError
from connectors.exchange.networks import NoSuchNameError, NotPermittedError

Kind = Literal["refused", "name", "connect", "tls", "timeout", "protocol", "too-large", "ratio"]

TELLABLE = (
    aiohttp.ClientError,
    asyncio.TimeoutError,
    OSError,
    NoSuchNameError,
    NotPermittedError,
    UndecodableError,
    TooLargeError,
    BombError,
)

_Sentence = Callable[[Exception, str, str], str]
"""Of the error, the host and the place."""
_CERTIFICATE = {
    10: "has expired",
    9: "is not valid yet",
    18: "is signed by itself, and nobody vouches for it",
    19: "is vouched for by nobody that is trusted here",
    20: "is vouched for by nobody that is trusted here",
    62: "is for another name",
    64: "is for another address",
}
"""By OpenSSL's number of the finding (`X509_V_ERR_…`)."""
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


def told(error: Exception, host: str, place: str) -> tuple[Kind, str]:
    """Kind and sentence of one of `TELLABLE`; `place` is host and port."""
    for types, kind, sentence in _TOLD:
        if isinstance(error, types):
            if isinstance(sentence, str):
                return kind, sentence.format(host=host, place=place)
            return kind, sentence(error, host, place)
    return "protocol", f"{place} does not keep to HTTP"


def not_public(host: str, address: str) -> str:
    """The sentence for an address that is refused."""
    where = address if host == address else f"{address}, where {host} is,"
    return f"{where} is not a public address: name its network in `allow` under [network] if it is meant"


def _refused(error: Exception, host: str, _: str) -> str:
    return not_public(host, str(error))


def _undecodable(error: Exception, _: str, place: str) -> str:
    return f"the body that {place} sent cannot be decoded as {error}"


def _timeout(error: Exception, _: str, place: str) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection to {place} came about in time"
    if isinstance(error, aiohttp.SocketTimeoutError):
        return f"{place} stopped sending"
    return f"{place} took too long to answer"


def _tls(error: Exception, host: str, place: str) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {host} {_CERTIFICATE.get(error.verify_code, 'cannot be trusted')}"
    return f"no secure connection to {place} came about: it does not speak TLS as we do"


def _protocol(error: Exception, _: str, place: str) -> str:
    if isinstance(error.__cause__, LineTooLong) or "Too many headers" in str(error):
        return f"the headers that {place} sent are too large"
    return f"{place} answered with something that is no HTTP"


def _connect(error: Exception, _: str, place: str) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.EMFILE, errno.ENFILE):
        return "too many files are open here: allow more of them (`ulimit -n`), or fewer sources at a time"
    if number in _UNREACHABLE:
        return f"no way leads to {place}: is there a connection to its network?"
    if isinstance(error, aiohttp.ClientConnectorError) and number not in (errno.ECONNRESET, errno.ECONNABORTED):
        return f"nobody answers at {place}"
    return f"{place} broke off the connection before it answered"


_TOLD: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Kind, str | _Sentence], ...] = (
    (NoSuchNameError, "name", "the name {host} does not resolve"),
    (NotPermittedError, "refused", _refused),
    (UndecodableError, "protocol", _undecodable),
    (TooLargeError, "too-large", "what {place} sent is larger than allowed"),
    (BombError, "ratio", "what {place} sent unpacks to far more than a text does"),
    (asyncio.TimeoutError, "timeout", _timeout),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls", _tls),
    (aiohttp.ClientProxyConnectionError, "connect", "the proxy does not answer"),
    (aiohttp.ClientHttpProxyError, "connect", "the proxy does not let us through to {place}"),
    (aiohttp.InvalidURL, "refused", "the address of {place} cannot be asked for"),
    (aiohttp.ClientResponseError, "protocol", _protocol),
    (aiohttp.ServerDisconnectedError, "connect", "{place} broke off the connection before it answered"),
    (OSError, "connect", _connect),
)
"""The first that fits counts."""
