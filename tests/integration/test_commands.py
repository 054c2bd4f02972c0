"""The three commands as a shell has them: their version, and what TAB offers in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
# What is typed before TAB, and some of what must be offered.
TYPED = {
    "meterline-edge": {"run --": {"--config", "--verbose"}},
    "meterline-bridge": {"pro": {"probe", "profiles"}},
    "meterline-central": {
        "bill ": {"run", "summary", "show", "approve", "issue", "pdf"},
        # Its options are those of a command that is imported late.
        "demo --": {"--once", "--home", "--tariff", "--intervals", "--port", "--people"},
    },
}
# Bash calls the function that `complete` names for a command, as it does at TAB.
PRESS_TAB = """
typed="$TYPED"
read -ra COMP_WORDS <<< "$typed"
[[ $typed == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); COMP_LINE=$typed; COMP_POINT=${#typed}
name=${COMP_WORDS[0]}
asked=$(complete -p "$name"); asked=${asked#*-F }; asked=${asked%% *}
"$asked" "$name"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def in_bash(script: str, home: Path, **env: str) -> str:
    """What bash prints with the commands on PATH."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        # The first command is no last one, so that bash stays what asks.
        ["bash", "--noprofile", "--norc", "-c", f"set -e; {script}\n:"],
        env={"PATH": path, "HOME": str(home), **env},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("command", TYPED)
def test_next_shell_completes_commands_and_options(command: str, tmp_path: Path) -> None:
    said = in_bash(f"{command} --version; {command} --install-completion", tmp_path)
    assert said.startswith(f"{command} {PROJECT['version']}\n")
    for typed, wanted in TYPED[command].items():
        script = f"source ~/.bashrc\n{PRESS_TAB}"
        offered = in_bash(script, tmp_path, TYPED=f"{command} {typed}").split()
        assert set(offered) >= wanted
        last = typed.rpartition(" ")[2]
        assert all(word.startswith(last) for word in offered)


def test_completion_is_shown_for_the_shell_that_asks(tmp_path: Path) -> None:
    typed = "meterline-edge --vers"
    script = f'eval "$(meterline-edge --show-completion)"\n{PRESS_TAB}'
    assert in_bash(script, tmp_path, TYPED=typed) == "--version\n"


def test_every_command_is_tried() -> None:
    assert set(TYPED) == set(PROJECT["scripts"])
