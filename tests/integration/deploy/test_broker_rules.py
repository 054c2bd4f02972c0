"""The production broker's own files, run by a real mosquitto with certificates made here."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from central.adapters.embedded.account import OwnFolder, private_account
from central.adapters.embedded.broker import free_port, mosquitto_program
from central.adapters.embedded.child import SupervisedChild
from firmware_bridge.contract import topics
from tests.support.data import REPOSITORY
from tests.support.servers import fresh_folder

DEPLOY = REPOSITORY / "deploy" / "mosquitto"
CENTRE = "meterline-central"
QUIET_S = 0.4


class Site:
    """A running broker with the deployed rules, and clients by their certificate's name."""

    def __init__(self, certificates: Path, port: int) -> None:
        self.certificates = certificates
        self.port = port

    def client(self, name: str, *, v5: bool = True) -> aiomqtt.Client:
        context = ssl.create_default_context(cafile=self.certificates / "ca.crt")
        issue(self.certificates, name)
        context.load_cert_chain(
            self.certificates / f"{name}.crt", self.certificates / f"{name}.key"
        )
        version = aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311
        return aiomqtt.Client("127.0.0.1", self.port, tls_context=context, protocol=version)


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def issue(folder: Path, name: str) -> None:
    """Have the test's authority certify a name; for the server, its address."""
    if (folder / f"{name}.crt").exists():
        return
    (folder / "extensions").write_text(
        "subjectAltName=IP:127.0.0.1\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    openssl(
        folder,
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
    )
    openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", "2", "-extfile", "extensions", "-out", f"{name}.crt"),
    )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    program = mosquitto_program()
    if program is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (Debian's package openssl), so no certificates")
    with fresh_folder() as folder:
        own = OwnFolder(folder / "site", private_account())
        certificates = own.part("certs")
        openssl(
            certificates,
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt"),
            # Python 3.13 and newer insist on it.
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        issue(certificates, "server")
        if own.account is not None:
            for file in certificates.iterdir():
                os.chown(file, own.account.uid, own.account.gid)
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
            child.wait_ready(lambda: answers(port), 10)
            yield Site(certificates, port)
        finally:
            child.stop()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


async def heard(client: aiomqtt.Client) -> list[str]:
    """Topics of what arrives until it is quiet."""
    found = []
    try:
        while True:
            async with asyncio.timeout(QUIET_S):
                found.append(str((await anext(client.messages)).topic))
    except TimeoutError:
        return found


@pytest.mark.parametrize("v5", [True, False], ids=["MQTT 5", "MQTT 3.1.1"])
async def test_a_gateway_writes_its_own_topics_and_no_others(site: Site, *, v5: bool) -> None:
    async with site.client(CENTRE) as centre, site.client("gw-1", v5=v5) as gateway:
        await centre.subscribe(topics.UP_FILTER, qos=1)
        for topic in (topics.up("gw-2"), topics.status("gw-2"), topics.up("gw-1")):
            # MQTT 5 answers a forbidden one with a reason code; 3.1.1 just drops it.
            try:
                await gateway.publish(topic, b"x", qos=1)
            except aiomqtt.MqttError:
                assert topic != topics.up("gw-1")
        assert await heard(centre) == [topics.up("gw-1")]


async def test_a_gateway_hears_its_own_answers_and_the_broadcast_alone(site: Site) -> None:
    async with site.client(CENTRE) as centre, site.client("gw-1", v5=False) as gateway:
        await gateway.subscribe("meterline/v1/#", qos=1)
        for topic in (topics.down("gw-1"), topics.down("gw-2"), topics.ALL_DOWN):
            await centre.publish(topic, b"x", qos=1)
        assert await heard(gateway) == [topics.down("gw-1"), topics.ALL_DOWN]


async def test_ingest_workers_may_share_the_stream(site: Site) -> None:
    async with site.client(CENTRE) as worker, site.client("gw-1") as gateway:
        await worker.subscribe(f"$share/ingest/{topics.UP_FILTER}", qos=1)
        await gateway.publish(topics.up("gw-1"), b"x", qos=1)
        assert await heard(worker) == [topics.up("gw-1")]


def test_nobody_enters_without_a_certificate(site: Site) -> None:
    context = ssl.create_default_context(cafile=site.certificates / "ca.crt")
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=5) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)certificate.required|handshake.failure"),
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        # TLS 1.3 tells only at the first read.
        secured.recv(1)
