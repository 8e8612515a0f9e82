"""Key-value memory networks: stores of vectors, attention, and networks that read memories."""

from __future__ import annotations

from collections import namedtuple

from ._kvmem import *  # noqa: F403
from ._kvmem import __version__  # noqa: F401
from ._data import train  # noqa: F401

Slot = namedtuple("Slot", ["key", "value", "text"])
Slot.__doc__ = "A slot of a store: its key [D], its value [E] or None, and its text."


# Pickles name these functions.
def _open_to_read(path):
    return Store.open(path, read_only=True)  # noqa: F405


def _store_of_slots(*parts):
    return Store._from_slots(*parts)  # noqa: F405


def __getattr__(name):
    if name != "sklearn":
        raise AttributeError(f"module 'kvmem' has no attribute {name!r}")
    import importlib

    return importlib.import_module("kvmem.sklearn")
