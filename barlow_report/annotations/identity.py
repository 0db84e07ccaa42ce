"""Pseudonyms: what is kept instead of a person's name or the id a platform gave them.

An id of a platform is hashed with a random salt that never leaves the run folder or the collector's
database, so the same person is the same pseudonym within one study and nobody can look the id up.
"""

import hashlib
import hmac
import re
import secrets

__all__ = ["is_salt", "new_salt", "new_token", "pseudonym", "token_digest"]

_N_DIGITS = 16
_SALT = re.compile(r"[0-9a-f]{64}")


def new_salt() -> str:
    """Return a random salt, 64 hexadecimal digits."""
    return secrets.token_hex(32)


def is_salt(text: str) -> bool:
    """Whether a text is a salt, 64 hexadecimal digits."""
    return _SALT.fullmatch(text) is not None


def pseudonym(platform: str, platform_id: str, *, salt: str) -> str:
    """Return the pseudonym of somebody known to a platform.

    Args:
        platform: Short name of the platform, such as `mturk`; the pseudonym begins with it.
        platform_id: The id there; spaces around it do not matter, nor does the case of an e-mail address.
        salt: From `new_salt`.

    Raises:
        ValueError: The salt is not one.
    """
    if not is_salt(salt):
        raise ValueError("expected a salt of 64 hexadecimal digits")
    platform_id = platform_id.strip()
    platform_id = platform_id.casefold() if "@" in platform_id else platform_id
    message = f"{platform}\0{platform_id}".encode("utf-8", "surrogatepass")
    return f"{platform}-{hmac.new(bytes.fromhex(salt), message, hashlib.sha256).hexdigest()[:_N_DIGITS]}"


def new_token() -> str:
    """Return a secret that lets one annotator submit answers."""
    return secrets.token_urlsafe(24)


def token_digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
