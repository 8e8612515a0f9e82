"""The package: docstrings, stubs, imports, the program, and what works without NumPy."""

import array
import doctest
import inspect
import os
import pathlib
import subprocess
import sys
import types

import pytest

import kvmem


def documented():
    for name, value in vars(kvmem).items():
        if name.startswith("_") or inspect.ismodule(value) or name in ("annotations", "namedtuple"):
            continue
        yield name, value
        if inspect.isclass(value):
            for member, attribute in vars(value).items():
                if not member.startswith("_"):
                    yield f"{name}.{member}", getattr(attribute, "__func__", attribute)


def test_public_names_are_documented():
    assert [name for name, value in documented() if not (inspect.getdoc(value) or "").strip()] == []


@pytest.mark.parametrize("name, value", [(n, v) for n, v in documented() if ">>>" in (v.__doc__ or "")])
def test_examples_in_docstrings_hold(name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = doctest.DocTestParser().get_doctest(value.__doc__, {"kvmem": kvmem}, name, name, 0)
    output = []
    assert doctest.DocTestRunner().run(examples, out=output.append).failed == 0, "".join(output)


def test_stubs_are_those_of_the_module(tmp_path):
    pytest.importorskip("mypy")
    root = pathlib.Path(kvmem.__file__).parent
    allow = tmp_path / "allow"
    # Classes of pybind11 have a metaclass, and those that only the library makes an __init__ that raises.
    made = "|".join(
        name for name, value in documented()
        if inspect.isclass(value) and isinstance(vars(value).get("__init__"), types.WrapperDescriptorType)
    )  # fmt: skip
    allow.write_text(f"kvmem\\.(_.*|sklearn.*)\nkvmem\\.[A-Z][A-Za-z]*\nkvmem\\.({made})\\.__init__\n")
    result = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "kvmem", "--ignore-missing-stub", "--allowlist", str(allow),
         "--ignore-unused-allowlist"],
        capture_output=True, text=True, cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(root.parent), "PYTHONPATH": str(root.parent)},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_public_name_is_in_the_stubs():
    stubs = (pathlib.Path(kvmem.__file__).parent / "__init__.pyi").read_text()
    for name, _ in documented():
        assert f" {name.split('.')[-1]}" in stubs, name


def run(code, *options):
    return subprocess.run(
        [sys.executable, *options, "-c", code], check=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(pathlib.Path(kvmem.__file__).parent.parent)},
    ).stdout  # fmt: skip


def test_without_numpy_lists_and_memoryviews_do():
    code = """
import sys
sys.modules["numpy"] = None
import array, kvmem
store = kvmem.Store(key_width=2, value_width=1)
store.add([1, 2], memoryview(array.array("f", [1, 0, 0, 1])).cast("B").cast("f", (2, 2)), values=[[1], [2]])
ids, scores = store.search(array.array("d", [0, 1]), 1)
print(ids.tolist(), scores.tolist(), store.read([[0, 9]]).values.shape, type(ids).__name__)
"""
    assert run(code) == "[2] [1.0] (1, 1) memoryview\n"


def test_importing_it_imports_no_numpy():
    assert run("import sys, kvmem; print('numpy' in sys.modules)") == "False\n"


def test_the_module_is_the_program(program):
    result = subprocess.run(
        [sys.executable, "-m", "kvmem", "version"], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(pathlib.Path(kvmem.__file__).parent.parent)},
    )  # fmt: skip
    assert result.stdout == f"kvmem {kvmem.__version__}\n" == program("version")
    wrong = subprocess.run([sys.executable, "-m", "kvmem", "no-verb"], capture_output=True, env=os.environ)
    assert wrong.returncode == 2


def test_arrays_of_the_standard_library_are_numbers():
    store = kvmem.Store(key_width=3)
    store.add(array.array("Q", [5]), memoryview(array.array("f", [1, 2, 3])).cast("B").cast("f", (1, 3)))
    assert list(store) == [5]
