# The extension module: __init__.pyi has its public names.
from typing import Any

def __getattr__(name: str) -> Any: ...
