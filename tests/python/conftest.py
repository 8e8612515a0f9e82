"""What the tests share: the package of the build tree, and the program."""

import os
import subprocess

import pytest

PROGRAM = os.environ.get("KVMEM_PROGRAM", "kvmem")


@pytest.fixture
def program():
    """Runs the program and returns what it prints."""

    def run(*arguments, **options):
        return subprocess.run(
            [PROGRAM, *map(str, arguments)], check=True, capture_output=True, text=True, **options
        ).stdout

    return run
