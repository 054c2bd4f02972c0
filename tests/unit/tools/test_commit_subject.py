"""Commit subjects are short imperatives, and the hook refuses others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY
from tools.commit_subject import LONGEST, faults

HOOK = REPOSITORY / "tools" / "commit_subject.py"


@pytest.mark.parametrize(
    "message",
    [
        "Split load-file reading from pricing",
        "Say, once a connection, what the broker refused",
        "Embed both XMLs in the invoice",
        "Pass bytes on as they come",
        "x".capitalize() + "y" * (LONGEST - 1),
        "Add a rule\n\nReadings fell out of the window. It ends with the day now.\n",
        "# a comment of the editor's\nAdd a rule\n# another one",
        "Add a rule\n# ------------------------ >8 ------------------------\ndiff --git a b\n",
        'Revert "Add a rule."',
        "Merge branch 'main' of somewhere, under a name that is longer than a subject may be",
        "fixup! Add a rule",
    ],
)
def test_a_plain_imperative_is_good(message: str) -> None:
    assert faults(message) == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("", "no subject"),
        ("# only comments\n\n", "no subject"),
        ("Add a rule.", "ends with a sign"),
        ("A" * (LONGEST + 1), "73 characters"),
        ("Added a rule", "no imperative"),
        ("Adding a rule", "no imperative"),
        ("Adds a rule", "no imperative"),
        ("Fixes the gap", "no imperative"),
        ("add a rule", "a capital"),
        ("feat: add a rule", "a label"),
        ("fix(edge): add a rule", "a label"),
        ("Rating: add a rule", "a label"),
        ("Add a rule\nand its test", "not empty"),
    ],
)
def test_what_is_wrong_is_said(message: str, said: str) -> None:
    (fault,) = faults(message)
    assert said in fault


def test_every_fault_is_said_at_once() -> None:
    subject = f"added a rule {'x' * LONGEST}."
    assert len(faults(f"{subject}\nand more")) == 4


@pytest.mark.parametrize(("subject", "taken"), [("Add a rule", True), ("Added a rule.", False)])
def test_git_takes_a_good_subject_and_refuses_another(
    tmp_path: Path, subject: str, *, taken: bool
) -> None:
    names = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    person = {f"GIT_{name}": "a@example.org" for name in names}
    environment = {**os.environ, **person, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "init", "-q", tmp_path], check=True, env=environment)
    hook = tmp_path / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HOOK}" "$1"\n')
    hook.chmod(0o755)
    done = subprocess.run(
        ["git", "commit", "-q", "--allow-empty", "-m", subject],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is taken
    assert ("no imperative" in done.stderr) is not taken
