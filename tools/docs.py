"""Build the documents as a site in dist/docs; `make docs`.

The pages of docs/ are the site's pages. The user guide has a page more for each part of
docs/guide/screens.yaml, with a picture of every screen: they are taken in the demo, as it is now,
so that they never show what is not there. `ARGS=--without-screens` leaves the pictures out.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
SOURCE = REPOSITORY / "dist" / "docs-source"
SITE = REPOSITORY / "dist" / "docs"
SCREENS = DOCS / "guide" / "screens.yaml"
PICTURES = "screens"
BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
WIDTH, HEIGHT, HEIGHT_MAX = 1280, 800, 1600
DEMO_S = 300.0

Part = Mapping[str, Any]


def main() -> None:
    """Build the site; any warning is an error."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--without-screens", action="store_true", help="take no pictures")
    asked.add_argument("--target", type=Path, default=SITE, help="where the site is built")
    options = asked.parse_args()
    parts = yaml.safe_load(SCREENS.read_text(encoding="utf-8"))
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(DOCS, SOURCE)
    _add_beside()
    taken: frozenset[str] = frozenset()
    if not options.without_screens:
        with tempfile.TemporaryDirectory() as home, _demo(Path(home)) as port:
            taken = take(parts, f"http://127.0.0.1:{port}", SOURCE / "guide" / PICTURES)
    for number, part in enumerate(parts, start=1):
        page = SOURCE / "guide" / f"{number}-{slug(part['title'])}.md"
        page.write_text(text_of(part, taken), encoding="utf-8")
    shutil.rmtree(options.target, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    subprocess.run([*command, SOURCE, options.target], check=True)
    shutil.copyfile(options.target / "README.html", options.target / "index.html")
    print(f"{options.target / 'index.html'} is the first page; {len(taken)} screens were taken.")


def _add_beside() -> None:
    """Make what is beside the documents some of them."""
    for name in BESIDE:
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        (SOURCE / name).write_text(text.replace("](docs/", "]("), encoding="utf-8")
    for page in SOURCE.glob("*/*.md"):
        text = page.read_text(encoding="utf-8")
        for name in BESIDE:
            text = text.replace(f"](../../{name}", f"](../{name}")
        page.write_text(text, encoding="utf-8")


def slug(text: str) -> str:
    """A name for a file.

    >>> slug("The customer's own pages")
    'the-customer-s-own-pages'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def text_of(part: Part, taken: frozenset[str]) -> str:
    """The page of a part of the guide.

    Args:
        part: As screens.yaml has it.
        taken: Titles of the screens with a picture.
    """
    lines = [f"# {part['title']}"]
    for screen in part["screens"]:
        if "none" in screen:
            continue
        title = screen["title"]
        lines += [f"## {title}", f"`{screen['page']}`", screen["text"].strip()]
        if title in taken:
            lines.append(f"![{title}]({PICTURES}/{slug(title)}.png)")
    return "\n\n".join(lines) + "\n"


@contextmanager
def _demo(home: Path) -> Iterator[int]:
    """The demo's pages, once it has played all of its acts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "central.cli", "demo", "--home", str(home / "demo"), "--port", str(port)]
    with (home / "output").open("w+", encoding="utf-8") as output:
        running = subprocess.Popen([sys.executable, *words], stdout=output, stderr=output)
        try:
            _until_played(running, port, home / "output")
            yield port
        finally:
            running.terminate()
            running.wait()


def _until_played(running: subprocess.Popen[bytes], port: int, output: Path) -> None:
    end = time.monotonic() + DEMO_S
    while time.monotonic() < end:
        if running.poll() is not None:
            break
        if READY in output.read_text(encoding="utf-8") and _answers(port):
            return
        time.sleep(1)
    message = f"The demo did not play to its end:\n{output.read_text(encoding='utf-8')[-2000:]}"
    raise SystemExit(message)


def _answers(port: int) -> bool:
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/runs")
        return connection.getresponse().status == 200  # noqa: PLR2004 - OK
    except OSError:
        return False


def take(parts: Sequence[Part], site: str, folder: Path) -> frozenset[str]:
    """Take a picture of every screen that the demo has.

    Args:
        parts: As screens.yaml has them.
        site: Where the demo's pages are.
        folder: Where the pictures go.

    Returns:
        Titles of the screens that were taken.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not where none is taken

    folder.mkdir(parents=True)
    found: dict[str, str] = {}
    taken = []
    with sync_playwright() as driver:
        # As root, it starts without its sandbox alone; the pages are our own.
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for screen in (each for part in parts for each in part["screens"] if "none" not in each):
            path = _path(screen, found, page, site)
            if path is None:
                if "demo" not in screen:
                    message = f"The demo has no {screen['page']}, and the guide does not say so."
                    raise SystemExit(message)
                continue
            found[screen["page"]] = path
            page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            answer = page.goto(site + path, wait_until="networkidle")
            if answer is None or not answer.ok:
                message = f"{path} cannot be photographed: {answer and answer.status}."
                raise SystemExit(message)
            height = min(page.evaluate("document.documentElement.scrollHeight"), HEIGHT_MAX)
            page.set_viewport_size({"width": WIDTH, "height": max(height, HEIGHT)})
            page.screenshot(path=folder / f"{slug(screen['title'])}.png")
            taken.append(screen["title"])
        browser.close()
    return frozenset(taken)


def _path(screen: Part, found: Mapping[str, str], page: Any, site: str) -> str | None:  # noqa: ANN401 - the driver's
    """Where a screen is: as it says, or by the first link that leads to one."""
    if "from" not in screen:
        return str(screen.get("open", screen["page"]))
    if screen["from"] not in found:
        return None
    page.goto(site + found[screen["from"]], wait_until="networkidle")
    pattern = re.compile(re.sub(r"\\?\{\w+\\?\}", "[^/?#]+", re.escape(screen["page"])))
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.pathname)")
    fixed = {path for path in found.values() if "{" not in path}
    return next((link for link in links if pattern.fullmatch(link) and link not in fixed), None)


READY = "Ctrl"
"""What the demo says once it has played to its end."""


if __name__ == "__main__":
    main()
