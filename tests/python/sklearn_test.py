"""The transformer of scikit-learn, where that is installed."""

import subprocess
import sys

import numpy as np
import pytest

import kvmem


def test_importing_kvmem_imports_no_sklearn():
    code = "import sys, kvmem; print('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
    with pytest.raises(AttributeError):
        kvmem.no_such_name


def test_the_transformer_is_one_of_scikit_learn():
    checks = pytest.importorskip("sklearn.utils.estimator_checks", reason="scikit-learn is not installed")
    for options in ({}, {"top_k": 3, "metric": "cosine"}):
        checks.check_estimator(kvmem.sklearn.MemoryTransformer(**options))


def test_a_row_becomes_what_attention_reads():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    rows, values = np.eye(4), [0, 1, 2, 3]
    memory = kvmem.sklearn.MemoryTransformer(temperature=0.01, top_k=0).fit(rows, values)
    assert memory.transform(rows).ravel() == pytest.approx(values, abs=1e-6)
    softly = kvmem.sklearn.MemoryTransformer().fit(rows, values).transform(rows[:1])
    weights = np.exp(-np.sum((rows - rows[0]) ** 2, axis=1))
    assert softly.ravel() == pytest.approx([weights @ values / weights.sum()])
    assert kvmem.sklearn.MemoryTransformer(top_k=1).fit_transform(rows) == pytest.approx(rows)


def test_a_fit_that_fails_leaves_the_memory_before():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    memory = kvmem.sklearn.MemoryTransformer().fit(np.eye(4))
    store = memory.store_
    with pytest.raises(ValueError):
        memory.fit(np.eye(4), [0.0, 1.0, 2.0, np.inf])
    assert memory.store_ is store
