"""Addresses with a name and a password in them: these are kept apart, so that no message, log or file tells them."""

from urllib.parse import unquote, urlsplit

Login = tuple[str, str]  # name and password


def without_password(address: str) -> tuple[str, Login | None]:
    """The address that may be told, and who asks there; an address without a password as it is.

    Raises:
        ValueError: if it is no address.
    """
    parts = urlsplit(address)
    if parts.password is None:
        return address, None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return bare, (unquote(parts.username or ""), unquote(parts.password))
