"""kvmem.Store: what goes in comes back, with no copy of float32, and stays after the store is closed."""

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

import kvmem

RNG = np.random.default_rng(1)
KEYS = RNG.standard_normal((500, 16), dtype=np.float32)
VALUES = RNG.standard_normal((500, 4), dtype=np.float32)


@pytest.fixture
def store():
    made = kvmem.Store(key_width=16, value_width=4, metric="cosine", encoding="int8")
    made.add(np.arange(500) * 3, KEYS, values=VALUES, texts=[f"slot {i}" for i in range(500)])
    return made


def best(queries, k):
    unit = KEYS / np.linalg.norm(KEYS, axis=1, keepdims=True)
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    return np.argsort(-(queries @ unit.T), axis=1)[:, :k] * 3


def test_search_finds_what_numpy_finds(store):
    queries = RNG.standard_normal((20, 16), dtype=np.float32)
    ids, scores = store.search(queries, k=5)
    assert ids.dtype == np.uint64 and scores.dtype == np.float32
    assert (ids == best(queries, 5)).all()
    assert (np.diff(scores, axis=1) <= 0).all()


def test_a_store_is_a_container_of_slots(store):
    assert len(store) == 500 and 3 in store and 4 not in store and "x" not in store and -3 not in store
    assert np.float16(3) not in store and np.array(np.inf) not in store and np.array(3) in store
    key, value, text = store[3]
    assert (key == KEYS[1]).all() and (value == VALUES[1]).all() and text == "slot 1"
    del store[3]
    assert 3 not in store and len(store) == 499 and list(store)[:2] == [0, 6]
    with pytest.raises(KeyError):
        store[3]
    with pytest.raises(KeyError):
        del store[3]


def test_every_layout_and_type_of_the_same_numbers_finds_the_same(store):
    queries = RNG.integers(-9, 9, (6, 16))
    expected = store.search(queries.astype(np.float32)).ids
    wide = np.zeros((6, 32), np.float32)
    wide[:, ::2] = queries
    same = [
        queries, queries.astype(np.float64), queries.astype(np.int8), np.asfortranarray(queries, np.float32),
        wide[:, ::2], queries.astype(np.float32)[::-1][::-1], queries.tolist(), tuple(map(tuple, queries)),
        memoryview(queries.astype(np.float32)),
    ]  # fmt: skip
    for given in same:
        assert (store.search(given).ids == expected).all()


@pytest.mark.parametrize(
    "wrong, error",
    [
        (None, TypeError), ("text", TypeError), (b"text", TypeError), (7, TypeError), ({}, TypeError),
        ([["a"] * 16], TypeError), (np.zeros((2, 16), complex), TypeError), (np.zeros((2, 16), object), TypeError),
        (np.zeros((2, 16), bool), TypeError), ([[1] * 16, [1] * 15], ValueError), (np.zeros((2, 15)), ValueError),
        (np.zeros((1, 2, 16)), ValueError), (np.float32(3), ValueError), (np.full((1, 16), np.nan), ValueError),
        (np.full((1, 16), np.inf), ValueError), (np.full((1, 16), 1e300), ValueError), ([[10**400] * 16], ValueError),
    ],
)  # fmt: skip
def test_queries_that_are_none_are_type_errors_or_value_errors(store, wrong, error):
    with pytest.raises(error):
        store.search(wrong)


def test_wrong_slots_change_nothing(store):
    for ids, keys, values in [
        ([1, 2], KEYS[:1], VALUES[:1]), ([1], KEYS[:2], VALUES[:2]), ([1], KEYS[:1], None), ([0], KEYS[:1], VALUES[:1]),
        ([-1], KEYS[:1], VALUES[:1]), ([1, 1], KEYS[:2], VALUES[:2]), ([1], KEYS[:1] * np.nan, VALUES[:1]),
        ([2**64], KEYS[:1], VALUES[:1]), ([1], KEYS[:1], VALUES[:1, :3]),
    ]:  # fmt: skip
        with pytest.raises((ValueError, kvmem.Error)):
            store.add(ids, keys, values=values)
    with pytest.raises(TypeError):
        store.add([1.5], KEYS[:1], values=VALUES[:1])
    assert len(store) == 500


def test_errors_say_what_was_expected_and_what_came(store):
    with pytest.raises(kvmem.UsageError) as caught:
        store.add([1], KEYS[:1, :3], values=VALUES[:1])
    assert (caught.value.expected, caught.value.got) == ("rows of 16", "3")
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, kvmem.Error)
    with pytest.raises(kvmem.Error) as missing:
        kvmem.Store.open("/nowhere/store.h5")
    assert "/nowhere" in missing.value.where


def test_texts_of_any_bytes_come_back():
    store = kvmem.Store(key_width=1)
    store.add([1, 2, 3], [[1], [2], [3]], texts=["né", b"\xff\0", None])
    assert [store[i].text for i in (1, 2, 3)] == ["né", "\udcff\0", ""]
    with pytest.raises(TypeError):
        store.add([4], [[4]], texts=[4])


def test_a_filter_is_a_function_or_a_list_of_ids(store):
    query = KEYS[7]
    assert (store.search(query, 5, among=[0, 3, 21]).ids == store.search(query, 5, where=lambda i: i in (0, 3, 21)).ids).all()
    assert store.search(query, 5, among=[0, 3, 21]).ids[0] == 21
    hits = store.search(KEYS[:2], 5, among=[21])
    assert hits.count.tolist() == [1, 1] and hits.scores[0, 1] == -np.inf


def test_what_a_filter_raises_comes_out():
    store = kvmem.Store(key_width=8)
    store.add(None, RNG.standard_normal((20000, 8)))

    def fail(id):
        raise LookupError(id)

    for _ in range(3):
        with pytest.raises(LookupError):
            store.search(RNG.standard_normal((50, 8)), where=fail)


def test_read_weighs_the_values(store):
    read = store.read(KEYS[:3], top_k=8, temperature=0.1)
    assert read.values.shape == (3, 4) and read.weights.shape == (3, 8) and read.hits.ids.shape == (3, 8)
    ids = (read.hits.ids // 3).astype(int)
    np.testing.assert_allclose((read.weights[:, :, None] * VALUES[ids]).sum(1), read.values, rtol=1e-4, atol=1e-6)
    assert store.read(KEYS[0]).values.shape == (4,)


def test_a_file_is_opened_by_one_writer_and_many_readers(tmp_path):
    path = tmp_path / "memory.h5"
    with kvmem.Store.create(path, key_width=16, metric="euclidean") as store:
        assert store.add(None, KEYS) == range(500)
        store.index(lists=10)
        store.compact()
        expected = store.search(KEYS[:9]).ids
    with kvmem.Store.open(path, read_only=True) as one, kvmem.Store.open(str(path), read_only=True) as other:
        assert (one.search(KEYS[:9]).ids == expected).all() and (other.search(KEYS[:9]).ids == expected).all()
        with pytest.raises(ValueError):
            one.add(None, KEYS)
    with kvmem.Store.open(path) as store:
        assert store.remove([1, 2, 9999]) == 2 and len(store) == 498


def test_arrays_outlive_their_store(store):
    hits, read, slots, ids = store.search(KEYS), store.read(KEYS, top_k=3), store.get([3, 4]), store.ids()
    key = store[3].key
    expected = hits.ids.copy()
    store.close()
    del store
    gc.collect()
    assert (hits.ids == expected).all() and read.values.any() and slots["found"].tolist() == [True, False]
    assert (slots["keys"][0] == key).all() and ids[-1] == 499 * 3


def test_a_closed_store_is_a_value_error(store):
    store.close()
    store.close()
    assert store.closed and "closed" in repr(store)
    for call in (lambda: len(store), lambda: store.search(KEYS), lambda: store[3], lambda: store.__enter__(),
                 lambda: list(store), lambda: 3 in store, lambda: pickle.dumps(store)):  # fmt: skip
        with pytest.raises(ValueError, match="closed"):
            call()


def test_pickles_are_the_slots_or_the_path(store, tmp_path):
    same = pickle.loads(pickle.dumps(store))
    assert (same.search(KEYS).scores == store.search(KEYS).scores).all() and same[3].text == "slot 1"
    with kvmem.Store.create(tmp_path / "s.h5", key_width=16) as filed:
        filed.add(None, KEYS)
        with pickle.loads(pickle.dumps(filed)) as opened:
            assert opened.path == tmp_path / "s.h5" and len(opened) == 500
            with pytest.raises(ValueError):
                opened.add(None, KEYS)


def test_a_pickle_names_its_file_from_any_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with kvmem.Store.create("s.h5", key_width=16) as store:
        store.add(None, KEYS)
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path / "other")
        with pickle.loads(pickle.dumps(store)) as opened:
            assert len(opened) == 500


def _search(store, queries, expected, result):
    result.put((store.search(queries, 3).ids == expected).all())


def test_a_child_that_is_forked_after_use_searches_as_well(store):
    queries = RNG.standard_normal((3000, 16))
    expected = store.search(queries, 3).ids
    context = multiprocessing.get_context("fork")
    result = context.SimpleQueue()
    child = context.Process(target=_search, args=(store, queries, expected, result))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert result.get()


def test_threads_search_and_close_at_once():
    for _ in range(20):
        store = kvmem.Store(key_width=16)
        store.add(None, KEYS)
        wrong = []

        def work(store=store, wrong=wrong):
            try:
                while True:
                    if store.search(KEYS[3], 1).ids[0] is None:
                        wrong.append("none")
            except ValueError:
                pass

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        store.close()
        for thread in threads:
            thread.join(10)
        assert not wrong and not any(thread.is_alive() for thread in threads)


def test_large_float32_arrays_are_not_copied():
    code = """
import resource, sys
import numpy as np, kvmem
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
data = np.ones((1 << 20, 16), np.float32)          # 64 MiB
kvmem.attend(data[:1], data[:1000], data[:1000])
store = kvmem.Store(key_width=16); store.add([0], data[0]); store.search(data[:9000], 1)
before = peak()
kvmem.attend(data[:2], data, data)
store.search(data[:9000], 1)
print(peak() - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert grown < 8 << 10  # KiB, an eighth of a copy


def test_many_calls_leak_nothing(store):
    def rss():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def work(times):
        for _ in range(times):
            store.search(KEYS[:1], 3)
            store.read(KEYS[:2], top_k=2).values
            kvmem.attend(KEYS[:1], KEYS[:9], KEYS[:9], weights=True)
            for wrong in ("x", [[1, 2]], KEYS[:, :3]):
                try:
                    store.search(wrong)
                except (TypeError, ValueError):
                    pass

    work(500)
    gc.collect()
    before = rss()
    work(3000)
    gc.collect()
    assert rss() - before < 1 << 20
