"""Another user of the same machine, who tries to talk to an engine. Runs as a script: `python -m tests.builders.intruder PORT...`

Prints what answered, a line each: the port, and by what.
"""

import asyncio
import contextlib
import datetime
import http.client
import os
import ssl
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed.comm import connect

NOBODY = 65534
SECONDS = 5.0
PAGES = ("", "info", "info/main/workers.html", "metrics", "json/counts.json", "json/identity.json", "health", "status")  # fmt: skip


def certificate(like: x509.Certificate | None) -> ssl.SSLContext:
    """A certificate of one's own: a foreign one, or one that has every name and number of a server's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = like.subject if like else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(like.issuer if like else name)
        .serial_number(like.serial_number if like else x509.random_serial_number())
        .not_valid_before(like.not_valid_before_utc if like else now)
        .not_valid_after(like.not_valid_after_utc if like else now + datetime.timedelta(days=1))
        .public_key(key.public_key())
    )
    for extension in like.extensions if like else ():
        builder = builder.add_extension(extension.value, extension.critical)
    context = trusting()
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        made = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        Path(file.name).write_bytes(made + private)
        context.load_cert_chain(file.name)
    return context


def trusting() -> ssl.SSLContext:
    """Takes any server for what it says it is."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def seen(port: int) -> x509.Certificate | None:
    """The certificate that a port shows to anybody; None where it shows none."""
    with contextlib.suppress(OSError):
        return x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port), timeout=SECONDS).encode())
    return None


async def answers(port: int, context: ssl.SSLContext | None) -> bool:
    """Whether a port says who it is."""
    # What dask raises is an OSError too; a ValueError where a port speaks first, and plainly. Its own timeout does not
    # hold where a port says nothing at all.
    with contextlib.suppress(OSError, ValueError, asyncio.TimeoutError):
        async with asyncio.timeout(SECONDS):
            if context is None:
                comm = await connect(f"tcp://127.0.0.1:{port}", timeout=SECONDS)
            else:
                comm = await connect(f"tls://127.0.0.1:{port}", timeout=SECONDS, ssl_context=context)
            await comm.write({"op": "identity", "reply": True})
            return bool(await comm.read())
    return False


def shows(port: int, page: str) -> bool:
    """Whether a port has a page for a browser."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=SECONDS).status == 200)
    return False


def tried(port: int) -> list[str]:
    """The port beside each way by which it answers."""
    certificates = {"no encryption": None, "no certificate": trusting(), "a foreign one": certificate(None)}
    if like := seen(port):
        certificates["a forged one"] = certificate(like)
    with ThreadPoolExecutor(100) as threads:
        said = threads.map(lambda context: asyncio.run(answers(port, context)), certificates.values())
        shown = threads.map(lambda page: shows(port, page), PAGES)
        ways = [*zip(certificates, said, strict=True), *zip((f"/{page}" for page in PAGES), shown, strict=True)]
    return [f"{port} {way}" for way, found in ways if found]


def main(ports: list[int]) -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    with ThreadPoolExecutor(100) as threads:
        for found in threads.map(tried, ports):
            print(*found, sep="\n", end="\n" if found else "")
    print("tried", len(ports))


if __name__ == "__main__":
    main(list(map(int, sys.argv[1:])))
