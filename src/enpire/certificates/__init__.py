"""Certificates: what a closed claim states, signed, and everything needed to check it from raw episodes."""

from enpire.certificates.bundle import export
from enpire.certificates.checking import Checked, check_bundle, check_certificate
from enpire.certificates.issuing import closed_claims, issue, verify, write_all
from enpire.certificates.record import Certificate, read_file
from enpire.certificates.signing import parse_public_key, public_key

__all__ = [
    "Certificate",
    "Checked",
    "check_bundle",
    "check_certificate",
    "closed_claims",
    "export",
    "issue",
    "parse_public_key",
    "public_key",
    "read_file",
    "verify",
    "write_all",
]
