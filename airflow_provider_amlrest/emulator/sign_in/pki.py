"""A certificate authority of the emulator's own, and every secret that is derived from its key.

A data directory keeps private keys, and a federated token that one of them signed (mode 0600). Client
secret, storage key, identity header and admin key are computed from the CA's key, so that they outlive a
restart without ever lying in a file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class Pki:
    ca_bundle: Path
    """PEM with this CA alone: a client of the emulator trusts nobody else for it."""
    server_certificate: Path
    server_key: Path
    _seed: bytes

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Bytes that are the same for this data directory and purpose, and say nothing about others."""
        return hmac.new(self._seed, purpose.encode(), hashlib.sha512).digest()[:length]

    def derive_text(self, purpose: str) -> str:
        """The same as text that needs no quoting in URLs and shells."""
        return base64.urlsafe_b64encode(self.derive(purpose, 30)).decode()


def open_pki(folder: Path, host_names: tuple[str, ...]) -> Pki:
    """Make or load the CA in a folder, and a fresh server certificate for the host names."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca_key, ca_bundle = folder / "ca.key", folder / "ca.pem"
    if ca_key.exists() and ca_bundle.exists():
        ca = trustme.CA.from_pem(ca_bundle.read_bytes(), ca_key.read_bytes())
    else:
        ca = trustme.CA(organization_name="amlrest-emulator", organization_unit_name="local machine only")
        ca_bundle.write_bytes(ca.cert_pem.bytes())
        write_secret(ca_key, ca.private_key_pem.bytes())
    server = ca.issue_cert(*host_names)
    certificate, key = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    write_secret(key, server.private_key_pem.bytes())
    return Pki(ca_bundle, certificate, key, ca.private_key_pem.bytes())


def open_signing_key(path: Path) -> rsa.RSAPrivateKey:
    """Make or load the RSA key that signs access tokens."""
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
        raise ValueError(f"{path} is not an RSA private key; remove it and start again")
    new_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_secret(
        path,
        new_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    return new_key


def write_secret(path: Path, content: bytes) -> None:
    """Replace a file as one step; nobody else can read it at any moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
