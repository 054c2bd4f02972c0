"""Build the Debian package of the gateway: `python -m tools.deb`.

The package carries the agent, the bridge and every locked dependency as files, unpacked from their
wheels: nothing is fetched, built or resolved on the gateway, dpkg knows each file, and an upgrade
or removal leaves none behind. So it can be built for arm64 on any machine. It fits one Python, that
of the Debian it is for: 3.11 for bookworm, 3.13 for trixie.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

from tools.wheels import LOCK, REPOSITORY, pip_options

DEPLOY = REPOSITORY / "deploy" / "edge"
PACKAGE = "meterline-edge"
HOME = Path("usr/lib/meterline")
MACHINES = {"arm64": "aarch64", "amd64": "x86_64", "armhf": "armv7l"}
OURS = ("edge_agent/", "firmware_bridge/")
COMMANDS = {"meterline-edge": "edge_agent.cli", "meterline-bridge": "firmware_bridge.cli"}
# Isolated, and without Debian's own Python packages: what runs is what was locked.
LAUNCHER = """#!/usr/bin/python3 -IS
import sys

sys.path.insert(0, "/{home}/lib")

from {module} import main

main()
"""
CONTROL = """Package: {package}
Version: {version}
Architecture: {arch}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {depends}
Section: misc
Priority: optional
Description: gateway that reads electricity, gas and water meters
 Reads meters of many protocols, keeps every reading until the centre has
 stored it, and forwards them over MQTT.
"""
DEPENDS = (
    "adduser",
    "libc6 (>= 2.28)",
    "libgcc-s1",
    "python3 (>= {python})",
    "python3 (<< {after})",
)
# A fixed moment, so that the same sources make the same package.
EPOCH = "1767225600"


def run(*argv: str | Path) -> None:
    """Run a program that must succeed."""
    subprocess.run(argv, check=True, cwd=REPOSITORY, stdin=subprocess.DEVNULL)


def program() -> str:
    """Where dpkg-deb is; ends the program where it is not."""
    return shutil.which("dpkg-deb") or sys.exit("dpkg-deb is missing: Debian's dpkg has it.")


def maintainer() -> str:
    """Who builds it, as Debian's own tools are told."""
    name = os.environ.get("DEBFULLNAME", "Meterline")
    return f"{name} <{os.environ.get('DEBEMAIL', 'meterline@localhost')}>"


def version() -> str:
    """The product's version."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def put_dependencies(library: Path, arch: str, python: str) -> None:
    """Unpack what is locked, for another machine than this one."""
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"),
        *("--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes"),
        *pip_options(MACHINES[arch], python),
        *(f"--target={library}", f"--requirement={LOCK}"),
    )
    # Commands of the dependencies, with this machine's paths in them.
    shutil.rmtree(library / "bin", ignore_errors=True)
    shutil.rmtree(library / "share", ignore_errors=True)
    for record in library.glob("*.dist-info/RECORD"):
        record.unlink()


def put_ourselves(library: Path, workshop: Path, number: str | None) -> None:
    """Build our wheel, and unpack what a gateway needs of it."""
    run(sys.executable, "-m", "hatchling", "build", "--target=wheel", "--directory", workshop)
    (wheel,) = workshop.glob("meterline-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            kept = name.startswith(OURS) or ".dist-info/" in name
            if kept and not name.endswith("/RECORD"):
                packed.extract(name, library)
    (info,) = library.glob("meterline-*.dist-info")
    points = info / "entry_points.txt"
    lines = points.read_text(encoding="utf-8").splitlines(keepends=True)
    points.write_text("".join(line for line in lines if "central" not in line), encoding="utf-8")
    if number is not None:
        metadata = info / "METADATA"
        text = metadata.read_text(encoding="utf-8").replace(
            f"\nVersion: {version()}\n", f"\nVersion: {number}\n", 1
        )
        metadata.write_text(text, encoding="utf-8")
        info.rename(info.with_name(f"meterline-{number}.dist-info"))


def put_system_files(root: Path) -> None:
    """Units, scripts, documents, and the configuration that is the administrator's."""
    units = root / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for unit in ("meterline-edge.service", "meterline-update.path", "meterline-update.service"):
        shutil.copyfile(DEPLOY / unit, units / unit)
    for script in ("hand-over", "apply-update"):
        shutil.copyfile(DEPLOY / script, root / HOME / script)
        (root / HOME / script).chmod(0o755)
    (root / "etc/meterline").mkdir(parents=True)
    shutil.copyfile(DEPLOY / "edge.toml", root / "etc/meterline/edge.toml")
    (root / "usr/bin").mkdir()
    for command, module in COMMANDS.items():
        launcher = root / "usr/bin" / command
        launcher.write_text(LAUNCHER.format(home=HOME, module=module), encoding="utf-8")
        launcher.chmod(0o755)
        manual = root / "usr/share/man/man1" / f"{command}.1.gz"
        manual.parent.mkdir(parents=True, exist_ok=True)
        manual.write_bytes(_packed((DEPLOY / "debian" / f"{command}.1").read_bytes()))
    documents = root / "usr/share/doc" / PACKAGE
    documents.mkdir(parents=True)
    shutil.copyfile(DEPLOY / "debian" / "copyright", documents / "copyright")
    for page in ("configure-a-gateway.md", "remote-gateways.md"):
        shutil.copyfile(REPOSITORY / "docs/how-to" / page, documents / page)
    overrides = root / "usr/share/lintian/overrides" / PACKAGE
    overrides.parent.mkdir(parents=True)
    shutil.copyfile(DEPLOY / "debian" / "lintian-overrides", overrides)


def put_changelog(root: Path, number: str) -> None:
    """The entry that Debian wants, and the product's own."""
    documents = root / "usr/share/doc" / PACKAGE
    entry = (
        f"{PACKAGE} ({number}) stable; urgency=medium\n\n  * See NEWS.Meterline.md.gz.\n\n"
        f" -- {maintainer()}  Thu, 01 Jan 2026 00:00:00 +0000\n"
    )
    (documents / "changelog.gz").write_bytes(_packed(entry.encode()))
    news = (REPOSITORY / "CHANGELOG.md").read_bytes()
    (documents / "NEWS.Meterline.md.gz").write_bytes(_packed(news))


def put_control(root: Path, number: str, arch: str, python: str) -> None:
    """What dpkg reads."""
    control = root / "DEBIAN"
    files = sorted(path for path in root.rglob("*") if path.is_file())
    size = sum(-(-path.stat().st_size // 1024) for path in files)
    sums = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  "
        f"{path.relative_to(root)}\n"
        for path in files
        if path.relative_to(root).parts[0] != "etc"
    ]
    control.mkdir()
    major, minor = map(int, python.split("."))
    depends = ", ".join(DEPENDS).format(python=python, after=f"{major}.{minor + 1}")
    (control / "control").write_text(
        CONTROL.format(
            package=PACKAGE,
            version=number,
            arch=arch,
            size=size,
            depends=depends,
            maintainer=maintainer(),
        ),
        encoding="utf-8",
    )
    (control / "conffiles").write_text("/etc/meterline/edge.toml\n", encoding="utf-8")
    (control / "md5sums").write_text("".join(sums), encoding="utf-8")
    for script in ("postinst", "prerm", "postrm"):
        shutil.copyfile(DEPLOY / "debian" / script, control / script)
        (control / script).chmod(0o755)


def tidy(root: Path) -> None:
    """Give every file the mode that it should have, whatever the builder's umask."""
    for path in [root, *root.rglob("*")]:
        runs = path.is_dir() or (path.stat().st_mode & 0o100 and path.suffix not in {".py", ".so"})
        path.chmod(0o755 if runs else 0o644)


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


def build(arch: str, python: str, out: Path, number: str | None = None) -> Path:
    """Build the package.

    Args:
        arch: As Debian calls it.
        python: Version of the Python that will run it.
        out: Folder for it.
        number: Another version than the product's, to try upgrades; None for the product's.

    Returns:
        Its file.
    """
    shown = number or version()
    with tempfile.TemporaryDirectory(prefix="meterline-deb-") as folder:
        workshop, root = Path(folder) / "wheel", Path(folder) / "root"
        library = root / HOME / "lib"
        library.mkdir(parents=True)
        put_dependencies(library, arch, python)
        put_ourselves(library, workshop, number)
        put_system_files(root)
        put_changelog(root, shown)
        tidy(root)
        put_control(root, shown, arch, python)
        out.mkdir(parents=True, exist_ok=True)
        target = out / f"{PACKAGE}_{shown}_{arch}.deb"
        subprocess.run(
            [program(), "--root-owner-group", "-Zxz", "--build", root, target],
            check=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
            stdout=subprocess.DEVNULL,
        )
    return target


def main() -> None:
    """Build what the options ask for."""
    parser = argparse.ArgumentParser(description="Build the gateway's Debian package.")
    parser.add_argument("--arch", choices=MACHINES, default="arm64")
    parser.add_argument("--python", default="3.11", help="of the Debian it is for")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist")
    parser.add_argument("--number", help="another version, to try upgrades with")
    chosen = parser.parse_args()
    print(build(chosen.arch, chosen.python, chosen.out, chosen.number))


if __name__ == "__main__":
    main()
