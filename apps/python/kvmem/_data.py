"""Data sets of Python's objects, and training on them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile

from . import _kvmem
from ._kvmem import Dataset


def _text(part):
    """The text of a field of a line, which has no room for tabs and line ends."""
    if not isinstance(part, str):
        raise TypeError(f"bad type of a text: expected str, got {type(part).__name__}")
    if any(end in part for end in "\t\n\r"):
        raise ValueError(f"bad text: expected no tabs and line ends, got {part!r}")
    return part


def _row(parts, size=None):
    if isinstance(parts, str):
        raise TypeError("bad type of a row: expected a tuple of str, got one str")
    texts = [_text(part) for part in parts]
    if size is not None and len(texts) != size:
        raise ValueError(f"bad row: expected {size} texts, got {len(texts)}")
    return "\t".join(texts)


def _is_path(rows):
    return isinstance(rows, (str, os.PathLike))


@contextlib.contextmanager
def _files(line_of, ending, *parts):
    """A list of paths for each of the parts: of the path that it is, of a file with its rows, or of none."""
    with tempfile.TemporaryDirectory() as folder:
        lists = []
        for number, rows in enumerate(parts):
            if rows is None or _is_path(rows):
                lists.append([] if rows is None else [os.fspath(rows)])
                continue
            path = os.path.join(folder, f"{number}{ending}")
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(line_of(row) + "\n" for row in rows)
            lists.append([path])
        yield lists


def _question(row):
    text, answers = row
    answers = [answers] if isinstance(answers, str) else list(answers)
    return _row([text, *answers])


def _fact(row):
    line = _row(row, 3)
    if line.startswith(("#", "@table")):
        raise ValueError(f"bad fact: expected a subject that begins with neither '#' nor '@table', got {line!r}")
    return line


def from_facts(facts, train=None, *, valid=None, test=None, templates=None, valid_fraction=0.0, seed=1):
    """A data set of questions about facts.

    Facts are triples (subject, relation, object), and questions are pairs of a text and its answers. Each may also be
    the path of a file, as `kvmem import kb` reads it, and so may be `templates`, which make questions of the facts.

    >>> data = kvmem.Dataset.from_facts(
    ...     [("Peru", "capital", "Lima"), ("Chile", "capital", "Santiago")],
    ...     [("what is the capital of Peru", "Lima"), ("what is the capital of Chile", ["Santiago"])])
    >>> data.splits
    {'train': 2}
    """
    with _files(_fact, ".tsv", facts) as [fact_files]:
        with _files(_question, ".tsv", train, valid, test) as questions:
            templates = None if templates is None else os.fspath(templates)
            return Dataset._import_facts(fact_files, templates, *questions, valid_fraction, seed)


def from_pairs(
    train, *, valid=None, test=None, source_units="chars", target_units="chars", valid_fraction=0.0, seed=1
):
    """A data set of pairs of a source and its target, each a text, or of files of them.

    Units are 'chars', 'words', 'bpe:4000' or 'words:4000'.

    >>> data = kvmem.Dataset.from_pairs([("knight", "N AY T"), ("night", "N AY T")], target_units="words")
    >>> data.arrays()["train/target/offsets"].tolist()
    [0, 3, 6]
    """
    with _files(lambda row: _row(row, 2), ".tsv", train, valid, test) as parts:
        return Dataset._import_pairs(*parts, source_units, target_units, valid_fraction, seed)


def from_jsonl(train, *, valid=None, test=None, valid_fraction=0.0, seed=1):
    """A data set of questions with memories of their own: dicts, or files with such a dict in each line.

    A dict is {"question": text, "memory": [{"key": text, "value": text}, ...], "answers": [text, ...]}. A slot without
    a value is a sentence.

    >>> story = {"question": "where is Ada", "memory": [{"key": "Ada is in the hall"}], "answers": ["hall"]}
    >>> kvmem.Dataset.from_jsonl([story]).splits
    {'train': 1}
    """
    with _files(json.dumps, ".jsonl", train, valid, test) as parts:
        return Dataset._import_jsonl(*parts, valid_fraction, seed)


def from_sentences(train, *, valid=None, test=None, valid_fraction=None, seed=1):
    """A data set of questions with sentences that may answer them: dicts, or files as `kvmem import sentences` reads.

    A dict is {"question": text, "candidates": [text, ...], "answers": [numbers of the right ones, from 0]}, and maybe
    "title" and "heading". Without `valid` and `valid_fraction`, a tenth of the training questions validates.

    >>> row = {"question": "who wrote it", "candidates": ["It is old.", "Ada wrote it."], "answers": [1]}
    >>> kvmem.Dataset.from_sentences([row], valid=[row]).splits
    {'train': 1, 'valid': 1}
    """
    with _files(json.dumps, ".jsonl", train, valid, test) as parts:
        return Dataset._import_sentences(*parts, valid_fraction, seed)


Dataset.from_facts = staticmethod(from_facts)
Dataset.from_pairs = staticmethod(from_pairs)
Dataset.from_jsonl = staticmethod(from_jsonl)
Dataset.from_sentences = staticmethod(from_sentences)


def train(
    data, run, *, model=None, preset=None, tasks=(), per_task=False, runs=1, threads=0, on_epoch=None, **settings
):
    """Trains a network on a data set and leaves everything in the run directory, as `kvmem train` does.

    `data` is a Dataset or the path of one, and `settings` are the options of `kvmem train --help`: seed, epochs, batch,
    rate, width and so on. The same seed gives the same bits as the program's, on any number of threads. `on_epoch` is
    called with an EpochReport. Ctrl-C saves the run and raises KeyboardInterrupt, and so does an exception in on_epoch
    with itself; resume() goes on.

    >>> pairs = kvmem.Dataset.from_pairs([("ab", "ba"), ("abc", "cba"), ("b", "b")])
    >>> kvmem.train(pairs, "reverse", model="seq2seq", width=8, epochs=1).epochs
    1
    """
    run = pathlib.Path(run)
    if isinstance(data, Dataset):
        path = run / "data.h5"
        if not (run / "config.json").exists():
            run.mkdir(parents=True, exist_ok=True)
            data.save(path)
        data = path
    return _kvmem._train(data, run, model, preset, list(tasks), per_task, runs, threads, on_epoch, **settings)
