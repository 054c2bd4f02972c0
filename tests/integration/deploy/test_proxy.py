"""The proxy of the containers before the real pages, where Debian's package caddy is there."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from central.adapters.embedded.broker import free_port
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from tests.support.data import REPOSITORY
from tests.support.office import NOW, Office
from tests.support.servers import Database

FILE = REPOSITORY / "deploy" / "compose" / "proxy" / "Caddyfile"
CADDY = shutil.which("caddy")
TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
STARTS_S = 20.0
pytestmark = pytest.mark.skipif(CADDY is None, reason="caddy is not installed (Debian's package)")


class Proxy:
    """A proxy with an authority of its own, and a browser that trusts it."""

    def __init__(self, home: Path, upstream: str) -> None:
        self.plain, self.tls, live = free_port(), free_port(), free_port()
        self.live = f"http://127.0.0.1:{live}/"
        self.authority = home / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        self.environment = {
            "PATH": os.defpath,
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "HTTP_PORT": str(self.plain),
            "HTTPS_PORT": str(self.tls),
            "LIVE_PORT": str(live),
            "SITE": "localhost",
            "SITE_TLS": "internal",
            "SERVE": upstream,
        }

    def greets(self) -> bool:
        """Whether it has a certificate of its authority: the first is made once it runs."""
        try:
            trusted = ssl.create_default_context(cafile=self.authority)
            with (
                socket.create_connection(("127.0.0.1", self.tls), timeout=STARTS_S) as plain,
                trusted.wrap_socket(plain, server_hostname="localhost"),
            ):
                return True
        except OSError:
            return False

    def browser(self) -> httpx.AsyncClient:
        trusted = ssl.create_default_context(cafile=self.authority)
        return httpx.AsyncClient(verify=trusted, trust_env=False)


@contextmanager
def proxy(home: Path, upstream: str) -> Iterator[Proxy]:
    made = Proxy(home, upstream)
    assert CADDY is not None
    command = [CADDY, "run", "--config", str(FILE), "--adapter", "caddyfile"]
    with subprocess.Popen(
        command, env=made.environment, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            until = time.monotonic() + STARTS_S
            while not _answers(made.live) or not made.greets():
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                assert time.monotonic() < until
                time.sleep(0.05)
            yield made
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).is_success
    except httpx.TransportError:
        return False


async def test_browsers_come_in_by_tls_alone(plain_migrated: Database, tmp_path: Path) -> None:
    settings = WebSettings(port=0, token=TOKEN)
    async with make_pool(plain_migrated.dsn) as pool:
        services = Office(pool).services(lambda: NOW)
        async with serving(create_app(services, settings), services, settings) as address:
            with proxy(tmp_path, urlsplit(address).netloc) as made:
                async with made.browser() as browser:
                    clear = await browser.get(f"http://localhost:{made.plain}/sign-in")
                    assert clear.status_code == 308
                    assert clear.headers["location"].startswith("https://localhost")
                    page = await browser.get(f"https://localhost:{made.tls}/sign-in")
                    assert page.status_code == 200
                    assert "; Secure" in page.headers["set-cookie"]
                    assert page.headers["set-cookie"].startswith("__Host-")
                    health = await browser.get(f"https://localhost:{made.tls}/api/v1/health/ready")
                    assert health.status_code == 200
