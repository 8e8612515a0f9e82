"""The examples run; the own network prints what the C++ example prints."""

import os
import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "apps/python/examples"
EXPECTED = {"01-store": "degrees of (0.1, -5): 180", "02-attend": "values: 1.0 3.0", "03-train": "Peru: Lima"}
BUILT = pathlib.Path(os.environ.get("KVMEM_PROGRAM", "kvmem")).parent / "examples"


def output_of(name):
    return subprocess.run([sys.executable, EXAMPLES / name], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_runs(name):
    assert EXPECTED[name] in output_of(f"{name}.py")


def test_an_own_network_has_the_bits_of_the_one_in_cpp():
    if not (BUILT / "04-own-network").exists():
        pytest.skip("the C++ example is not built")
    expected = subprocess.run([BUILT / "04-own-network"], check=True, capture_output=True, text=True).stdout
    assert output_of("04-own-network.py") == expected
