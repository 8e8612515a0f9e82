"""Builds the wheel of kvmem by CMake (PEP 517), with nothing but the standard library: `pip install .`"""

import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = re.search(r'KVMEM_VERSION "(.*)"', (ROOT / "include/kvmem/version.hpp").read_text()).group(1)
PLATFORM = re.sub(r"[-.]", "_", sysconfig.get_platform())
TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"
INFO = f"kvmem-{VERSION}.dist-info"
METADATA = f"""Metadata-Version: 2.1
Name: kvmem
Version: {VERSION}
Summary: Key-value memory networks: stores of vectors, attention, and networks that read memories
Requires-Python: >=3.9
"""
WHEEL = f"""Wheel-Version: 1.0
Generator: kvmem {VERSION}
Root-Is-Purelib: false
Tag: {TAG}-{TAG}-{PLATFORM}
"""
ENTRY_POINTS = "[console_scripts]\nkvmem = kvmem.__main__:main\n"


def _run(*command):
    """Runs a command. Of a failed one, CMake's own error is what the user reads."""
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 0:
        return
    needed = re.search(r"kvmem needs .*(?:\n.*){0,3}?apt-get install .*", result.stdout)
    raise SystemExit(re.sub(r"\s+", " ", needed.group(0)) if needed else result.stdout[-4000:])


def _install(folder):
    """Builds the package and puts it in the folder."""
    if shutil.which("cmake") is None:
        raise SystemExit("kvmem needs CMake 3.25 or later. On Debian: apt-get install cmake ninja-build g++")
    build = ROOT / "build" / f"python-{TAG}"
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DKVMEM_BUILD_PYTHON=ON", f"-DPython3_EXECUTABLE={sys.executable}",
               "-DKVMEM_PYTHON_DIR=."]  # fmt: skip
    if shutil.which("ninja"):
        options += ["-G", "Ninja"]
    if shutil.which("ccache"):
        options += ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"]
    _run("cmake", "-S", ROOT, "-B", build, *options)
    _run("cmake", "--build", build, "--parallel", os.cpu_count() or 1, "--target", "kvmem_python")
    _run("cmake", "--install", build, "--component", "python", "--prefix", folder, "--strip")


def _write(wheel, record, name, data, mode=0o644):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (0o100000 | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    wheel.writestr(entry, data)
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    record.append(f"{name},sha256={digest},{len(data)}")


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """Writes what pip reads before it builds, and returns the folder's name."""
    folder = pathlib.Path(metadata_directory, INFO)
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA)
    return INFO


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Writes the wheel and returns its name."""
    name = f"kvmem-{VERSION}-{TAG}-{TAG}-{PLATFORM}.whl"
    with tempfile.TemporaryDirectory() as folder:
        _install(folder)
        record = []
        with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
            for path in sorted(pathlib.Path(folder).rglob("*")):
                if path.is_file():
                    mode = 0o755 if os.access(path, os.X_OK) else 0o644
                    _write(wheel, record, path.relative_to(folder).as_posix(), path.read_bytes(), mode)
            for part, text in (("METADATA", METADATA), ("WHEEL", WHEEL), ("entry_points.txt", ENTRY_POINTS)):
                _write(wheel, record, f"{INFO}/{part}", text.encode())
            record.append(f"{INFO}/RECORD,,")
            wheel.writestr(f"{INFO}/RECORD", "\n".join(record) + "\n")
    return name
