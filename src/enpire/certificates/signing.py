"""Ed25519 signatures. The signing key follows from the campaign's secret key, so there is no second secret to lose."""

import re
from dataclasses import replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from enpire.certificates.record import Certificate
from enpire.core.errors import BadInput
from enpire.core.records import encode

_PURPOSE = b"enpire certificate signature 1"


def public_key(campaign_key: bytes) -> str:
    """Public key that checks a campaign's certificates: 64 hexadecimal digits."""
    return _signer(campaign_key).public_key().public_bytes_raw().hex()


def sign(certificate: Certificate, campaign_key: bytes) -> Certificate:
    """The certificate with public key and signature."""
    named = replace(certificate, public_key=public_key(campaign_key), signature="")
    return replace(named, signature=_signer(campaign_key).sign(_message(named)).hex())


def signature_holds(certificate: Certificate) -> bool:
    """Whether the signature was made over exactly this content by the owner of the public key that stands in it."""
    key, signature = certificate.public_key, certificate.signature
    if not (re.fullmatch("[0-9a-f]{64}", key) and re.fullmatch("[0-9a-f]{128}", signature)):
        return False
    try:
        message = _message(replace(certificate, signature=""))
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_public_key(text: str) -> str:
    """A public key as it is printed.

    Raises:
        BadInput: It is not 64 hexadecimal digits.
    """
    if not re.fullmatch("[0-9a-f]{64}", text.strip().lower()):
        raise BadInput(f"--key {text[:80]!r} is not a public key; expected 64 hexadecimal digits")
    return text.strip().lower()


def _signer(campaign_key: bytes) -> Ed25519PrivateKey:
    seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(campaign_key)
    return Ed25519PrivateKey.from_private_bytes(seed)


def _message(certificate: Certificate) -> bytes:
    return _PURPOSE + b"\n" + encode(certificate)
