"""A mosquitto with the deployed rules, and certificates of an authority of the test's own."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from central.adapters.embedded.account import OwnFolder, private_account
from central.adapters.embedded.broker import free_port, mosquitto_program
from central.adapters.embedded.child import SupervisedChild
from central.adapters.mqtt.dynamic_security import DynamicSecurity, rules_file
from central.adapters.mqtt.worker import BrokerAddress
from central.service.gateways.broker_access import wanted_access
from firmware_bridge.contract.topics import CENTRE
from tests.support.data import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Made in no time.
_EASY_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
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
            *("req", "-x509", *_EASY_KEY, "-days", "2"),
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
            *("req", *_EASY_KEY, "-subj", f"/CN={name}"),
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


@dataclass(frozen=True, slots=True)
class DeployedBroker:
    """A broker that runs with the deployed configuration.

    Args:
        port: Where gateways come in, with certificates of `authority`.
        centre_port: Where the centre comes in, with certificates of `centre_authority`.
    """

    port: int
    centre_port: int
    authority: Authority
    centre_authority: Authority

    def context(self, name: str) -> ssl.SSLContext:
        """TLS with a gateway's certificate, or with the centre's."""
        by = self.centre_authority if name == CENTRE else self.authority
        certificate, key = by.folder / f"{name}.crt", by.folder / f"{name}.key"
        if not certificate.exists():
            by.issue(name)
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        context.load_cert_chain(certificate, key)
        return context

    @property
    def centre(self) -> BrokerAddress:
        """Where and how the centre comes in."""
        return BrokerAddress("127.0.0.1", self.centre_port, tls=self.context(CENTRE))


@contextmanager
def deployed_broker(
    home: Path,
    authority: Authority,
    gateways: Iterable[str] = (),
    *,
    days: int = 2,
    revoked: Path | None = None,
) -> Iterator[DeployedBroker]:
    """Run mosquitto with the repository's own configuration, and rules for so many gateways.

    `days` is how long its certificate is good; a negative one is over already. `revoked` is a list
    of certificates with which no gateway comes in.
    """
    program = mosquitto_program()
    assert program is not None
    centre = Authority.found(home / "centre-authority")
    own = OwnFolder(home / "site", private_account())
    certificates = own.part("certs")
    for name, pair in {
        "ca": (authority.ca_file,),
        "centre-ca": (centre.ca_file,),
        "server": authority.issue("server", days=days),
        **({} if revoked is None else {"revoked": (revoked,)}),
    }.items():
        for file in pair:
            copy = certificates / f"{name}{file.suffix}"
            shutil.copyfile(file, copy)
            if own.account is not None:
                os.chown(copy, own.account.uid, own.account.gid)
    state = own.part("state")
    rules = state / "rules.json"
    rules.write_text(rules_file(wanted_access(gateways, DynamicSecurity.control)))
    if own.account is not None:
        os.chown(rules, own.account.uid, own.account.gid)
    port, centre_port = free_port(), free_port()
    config = own.path / "mosquitto.conf"
    text = (DEPLOY / "mosquitto.conf").read_text()
    if revoked is not None:
        text = text.replace("\n# crlfile ", "\ncrlfile ", 1)
    config.write_text(
        text.replace("listener 8883", f"listener {port} 127.0.0.1")
        .replace("listener 8884", f"listener {centre_port} 127.0.0.1")
        .replace("/etc/mosquitto/certs", str(certificates))
        .replace("/var/lib/mosquitto", str(state))
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
        child.wait_ready(lambda: _answers(port) and _answers(centre_port), 60)
        yield DeployedBroker(port, centre_port, authority, centre)
    finally:
        child.stop()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
