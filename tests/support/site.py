"""A mosquitto with the deployed rules, and certificates of an authority of the test's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from central.adapters.embedded.account import OwnFolder, private_account
from central.adapters.embedded.broker import free_port, mosquitto_program
from central.adapters.embedded.child import SupervisedChild
from tests.support.data import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPLOY = REPOSITORY / "deploy" / "mosquitto"


@dataclass(frozen=True, slots=True)
class Authority:
    """One that signs certificates."""

    folder: Path

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.crt"

    @classmethod
    def found(cls, folder: Path) -> Authority:
        folder.mkdir(exist_ok=True)
        openssl(
            folder,
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt"),
            # Python 3.13 and newer insist on it.
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        return cls(folder)

    def issue(self, name: str, *, days: int = 2) -> tuple[Path, Path]:
        """Certify a name for some days; for a server, its address."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        (self.folder / "extensions").write_text(
            "subjectAltName=IP:127.0.0.1\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        openssl(
            self.folder,
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", key.name, "-out", f"{name}.csr"),
        )
        openssl(
            self.folder,
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", str(days), "-extfile", "extensions"),
            *("-out", certificate.name),
        )
        return certificate, key


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@contextmanager
def deployed_broker(home: Path, authority: Authority, *, days: int = 2) -> Iterator[int]:
    """Run mosquitto with the repository's own configuration and rules; gives its port.

    `days` is how long its certificate is good; a negative one is over already.
    """
    program = mosquitto_program()
    assert program is not None
    own = OwnFolder(home / "site", private_account())
    certificates = own.part("certs")
    for name, pair in {
        "ca": (authority.ca_file,),
        "server": authority.issue("server", days=days),
    }.items():
        for file in pair:
            copy = certificates / f"{name}{file.suffix}"
            shutil.copyfile(file, copy)
            if own.account is not None:
                os.chown(copy, own.account.uid, own.account.gid)
    acl = own.path / "acl"
    shutil.copyfile(DEPLOY / "acl", acl)
    port = free_port()
    config = own.path / "mosquitto.conf"
    config.write_text(
        (DEPLOY / "mosquitto.conf")
        .read_text()
        .replace("listener 8883", f"listener {port} 127.0.0.1")
        .replace("/etc/mosquitto/certs", str(certificates))
        .replace("/etc/mosquitto/acl", str(acl))
        .replace("/var/lib/mosquitto", str(own.part("state")))
        + "log_dest stderr\n"
    )
    child = SupervisedChild(
        [str(program), "-c", str(config)],
        cwd=own.path,
        log=own.path / "log",
        env={"PATH": os.defpath},
        account=own.account,
    ).start()
    try:
        child.wait_ready(lambda: _answers(port), 60)
        yield port
    finally:
        child.stop()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
