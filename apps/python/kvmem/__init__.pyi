import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path as _FilePath
from typing import Any, NamedTuple, final

from typing_extensions import TypeAlias

# An array of NumPy if it is installed, or else a memoryview.
_Array: TypeAlias = Any
# A buffer of numbers (an array of NumPy, a memoryview, an array.array), or lists of them.
_Numbers: TypeAlias = Any
_Path: TypeAlias = str | os.PathLike[str]
_Text: TypeAlias = str | bytes | None

__version__: str

class Error(Exception):
    what: str
    expected: str
    got: str
    where: str
    hint: str

class UsageError(Error, ValueError): ...

class Slot(NamedTuple):
    key: _Array
    value: _Array | None
    text: str

def attend(
    query: _Numbers,
    key: _Numbers,
    value: _Numbers,
    *,
    heads: int = 1,
    key_heads: int = 0,
    scale: float = 1.0,
    similarity: str = "dot",
    normalizer: str = "softmax",
    top_k: int = 0,
    softcap: float = 0.0,
    causal: bool = False,
    window: int = 0,
    query_offsets: _Numbers | None = None,
    slot_offsets: _Numbers | None = None,
    weights: bool = False,
) -> tuple[_Array, ...]: ...

class Hits:
    @property
    def ids(self) -> _Array: ...
    @property
    def scores(self) -> _Array: ...
    @property
    def count(self) -> _Array: ...
    def __iter__(self) -> Iterator[_Array]: ...

class ReadResult:
    @property
    def values(self) -> _Array: ...
    @property
    def log_sum_exp(self) -> _Array: ...
    @property
    def weights(self) -> _Array: ...
    @property
    def hits(self) -> Hits: ...

class Store:
    def __init__(
        self, *, key_width: int, value_width: int = 0, metric: str = "dot", encoding: str = "float32"
    ) -> None: ...
    @staticmethod
    def create(
        path: _Path, *, key_width: int, value_width: int = 0, metric: str = "dot", encoding: str = "float32"
    ) -> Store: ...
    @staticmethod
    def open(path: _Path, *, read_only: bool = False) -> Store: ...
    @property
    def key_width(self) -> int: ...
    @property
    def value_width(self) -> int: ...
    @property
    def metric(self) -> str: ...
    @property
    def encoding(self) -> str: ...
    @property
    def path(self) -> _FilePath | None: ...
    @property
    def closed(self) -> bool: ...
    def add(
        self,
        ids: _Numbers | None,
        keys: _Numbers,
        *,
        values: _Numbers | None = None,
        texts: _Text | Iterable[_Text] = None,
    ) -> Any: ...
    def upsert(
        self, ids: _Numbers, keys: _Numbers, *, values: _Numbers | None = None, texts: _Text | Iterable[_Text] = None
    ) -> None: ...
    def remove(self, ids: _Numbers) -> int: ...
    def index(self, *, lists: int = 0, rounds: int = 8, seed: int = 1) -> None: ...
    def compact(self) -> None: ...
    def sync(self) -> None: ...
    def save(self, path: _Path) -> None: ...
    def close(self) -> None: ...
    def search(
        self,
        queries: _Numbers,
        k: int = 10,
        *,
        among: _Numbers | None = None,
        where: Callable[[int], object] | None = None,
        probes: int = 0,
    ) -> Hits: ...
    def search_within(
        self,
        queries: _Numbers,
        min_score: float,
        *,
        among: _Numbers | None = None,
        where: Callable[[int], object] | None = None,
        probes: int = 0,
    ) -> tuple[_Array, _Array, _Array]: ...
    def read(
        self,
        queries: _Numbers,
        *,
        top_k: int = 0,
        temperature: float = 1.0,
        heads: int = 1,
        among: _Numbers | None = None,
        where: Callable[[int], object] | None = None,
        probes: int = 0,
    ) -> ReadResult: ...
    def get(self, ids: _Numbers) -> dict[str, Any]: ...
    def ids(self) -> _Array: ...
    def __len__(self) -> int: ...
    def __contains__(self, id: object) -> bool: ...
    def __getitem__(self, id: int) -> Slot: ...
    def __delitem__(self, id: int) -> None: ...
    def __iter__(self) -> Iterator[int]: ...
    def __enter__(self) -> Store: ...
    def __exit__(self, *error: object) -> None: ...

class Dataset:
    @staticmethod
    def open(path: _Path) -> Dataset: ...
    @staticmethod
    def from_facts(
        facts: Iterable[tuple[str, str, str]] | _Path,
        train: Iterable[tuple[str, str | Sequence[str]]] | _Path | None = None,
        *,
        valid: Iterable[tuple[str, str | Sequence[str]]] | _Path | None = None,
        test: Iterable[tuple[str, str | Sequence[str]]] | _Path | None = None,
        templates: _Path | None = None,
        valid_fraction: float = 0.0,
        seed: int = 1,
    ) -> Dataset: ...
    @staticmethod
    def from_pairs(
        train: Iterable[tuple[str, str]] | _Path,
        *,
        valid: Iterable[tuple[str, str]] | _Path | None = None,
        test: Iterable[tuple[str, str]] | _Path | None = None,
        source_units: str = "chars",
        target_units: str = "chars",
        valid_fraction: float = 0.0,
        seed: int = 1,
    ) -> Dataset: ...
    @staticmethod
    def from_jsonl(
        train: Iterable[Mapping[str, Any]] | _Path,
        *,
        valid: Iterable[Mapping[str, Any]] | _Path | None = None,
        test: Iterable[Mapping[str, Any]] | _Path | None = None,
        valid_fraction: float = 0.0,
        seed: int = 1,
    ) -> Dataset: ...
    def save(self, path: _Path) -> None: ...
    def arrays(self) -> dict[str, _Array]: ...
    def tokens(self) -> list[str]: ...
    @property
    def format(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def splits(self) -> dict[str, int]: ...

class EpochReport:
    @property
    def epoch(self) -> int: ...
    @property
    def phase(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def rate(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def gradient_norm(self) -> float: ...
    @property
    def improved(self) -> bool: ...
    @property
    def score(self) -> float | None: ...

class Run:
    @property
    def directory(self) -> _FilePath: ...
    @property
    def reason(self) -> str: ...
    @property
    def score(self) -> float | None: ...
    @property
    def epochs(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    def __fspath__(self) -> str: ...

def train(
    data: Dataset | _Path,
    run: _Path,
    *,
    model: str | None = None,
    preset: str | None = None,
    tasks: Sequence[str] = (),
    per_task: bool = False,
    runs: int = 1,
    threads: int = 0,
    on_epoch: Callable[[EpochReport], object] | None = None,
    **settings: int | float | bool | str,
) -> Run: ...
def resume(
    run: _Path,
    *,
    epochs: int = 0,
    threads: int = 0,
    on_epoch: Callable[[EpochReport], object] | None = None,
) -> Run: ...

class Candidate:
    @property
    def text(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def weight(self) -> float: ...

class ReadSlot:
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def slot(self) -> int: ...

class Step:
    @property
    def relation(self) -> str: ...
    @property
    def reversed(self) -> bool: ...
    @property
    def entity(self) -> str: ...
    @property
    def weight(self) -> float: ...

class Path:
    @property
    def start(self) -> str: ...
    @property
    def steps(self) -> list[Step]: ...
    @property
    def weight(self) -> float: ...

class Answer:
    @property
    def text(self) -> str | None: ...
    @property
    def candidates(self) -> list[Candidate]: ...
    @property
    def as_good(self) -> int: ...
    @property
    def certainty(self) -> float: ...
    @property
    def refused(self) -> bool: ...
    @property
    def hops(self) -> list[list[list[ReadSlot]]]: ...
    @property
    def paths(self) -> list[Path]: ...
    @property
    def entities(self) -> list[str]: ...
    @property
    def unknown_words(self) -> list[str]: ...
    @property
    def suggestions(self) -> list[str]: ...

class Answerer:
    def __init__(self, run: _Path, *, memory: _Path | None = None, add_facts: Sequence[str] = ()) -> None: ...
    def ask(
        self,
        question: str,
        *,
        story: Sequence[str] = (),
        k: int = 5,
        slots: int = 5,
        min_certainty: float | None = None,
    ) -> Answer: ...
    @property
    def memory_slots(self) -> int: ...

class Translation:
    @property
    def text(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def log_probability(self) -> float: ...
    @property
    def ended(self) -> bool: ...
    @property
    def weights(self) -> _Array | None: ...
    @property
    def alternatives(self) -> list[Translation]: ...

class Translator:
    def __init__(self, run: _Path) -> None: ...
    def translate(
        self, lines: Sequence[str], *, align: bool = False, **settings: int | float | bool
    ) -> list[Translation]: ...

class Reason:
    @property
    def by(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def time(self) -> int: ...
    @property
    def weight(self) -> float: ...

class Recommendation:
    @property
    def item(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def reasons(self) -> list[Reason]: ...

class Recommender:
    def __init__(self, run: _Path, *, data: _Path | None = None) -> None: ...
    def recommend(
        self,
        events: Iterable[str | tuple[str, int]] = (),
        *,
        user: str | None = None,
        k: int = 10,
        at: int | None = None,
        seen: bool = True,
        explain: bool = False,
        only: Sequence[str] | None = None,
    ) -> list[Recommendation]: ...
