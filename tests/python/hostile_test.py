"""Arguments made up by hypothesis: each gives a result or an exception for wrong arguments, and ends no process."""

import os

import numpy as np
import pytest

import kvmem

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra import numpy as hnp  # noqa: E402

EXAMPLES = int(os.environ.get("KVMEM_PYTHON_EXAMPLES", 100))
MANY = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FAILURES = (TypeError, ValueError, KeyError, kvmem.Error)

shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
arrays = hnp.arrays(st.one_of(hnp.scalar_dtypes(), hnp.floating_dtypes(endianness="?")), shapes)
floats = hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(4)), elements=st.floats(width=32))
numbers = st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=2), st.binary(max_size=2))
steps = st.sampled_from([slice(None), slice(None, None, 2), slice(None, None, -1)])
anything = st.one_of(
    arrays, floats, floats.map(np.asfortranarray), floats.map(lambda a: a[:, ::-1]), numbers,
    st.builds(lambda a, s: a[s] if a.ndim else a, arrays, steps),
    st.lists(numbers, max_size=5), st.lists(st.lists(numbers, max_size=5), max_size=3), st.just({}), st.just(object()),
)  # fmt: skip
integers = st.one_of(st.integers(), st.integers(-2, 20), st.just(None), st.floats())


def call(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except FAILURES:
        return None


@MANY
@given(anything, integers, st.one_of(st.none(), anything), integers, st.sampled_from(["dot", "cosine", "euclidean"]))
def test_searches(queries, k, among, probes, metric):
    store = kvmem.Store(key_width=4, value_width=1, metric=metric)
    store.add(None, np.eye(4), values=np.ones((4, 1)))
    if isinstance(k, int) and k > 1000:
        k %= 1000
    call(store.search, queries, k, among=among, probes=probes)
    call(store.read, queries, top_k=k, temperature=probes)
    call(store.search_within, queries, k)
    store.close()
    assert call(store.search, queries, k) is None


@MANY
@given(anything, anything, anything, st.one_of(st.none(), st.text(max_size=2), st.lists(st.text(max_size=2), max_size=4)))
def test_additions(ids, keys, values, texts):
    store = kvmem.Store(key_width=4, value_width=1)
    for change in (store.add, store.upsert):
        before = len(store)
        if call(change, ids, keys, values=values, texts=texts) is None and change is store.add:
            assert len(store) == before
    call(store.remove, ids)
    call(store.get, ids)
    call(lambda: store[ids])
    call(lambda: ids in store)
    call(store.search, np.ones((1, 4)))


@MANY
@given(anything, anything, anything, integers, integers, st.floats(), st.booleans(), st.one_of(st.none(), anything))
def test_attention(query, key, value, heads, window, scale, causal, offsets):
    for options in ({}, {"heads": heads, "window": window, "scale": scale, "causal": causal, "weights": True,
                         "query_offsets": offsets, "slot_offsets": offsets}):  # fmt: skip
        call(kvmem.attend, query, key, value, **options)
