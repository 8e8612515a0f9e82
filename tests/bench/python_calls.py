"""What a call from Python costs: PYTHONPATH=build/release/python python3 tests/bench/python_calls.py

Peers that are not installed (python3-hnswlib, python3-faiss) are left out.
"""

import resource
import subprocess
import sys
import threading
import time

import numpy as np

import kvmem

RNG = np.random.default_rng(1)
KEYS = RNG.standard_normal((10, 16), dtype=np.float32)


def overhead(name, call, rounds=7, calls=5000):
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter() - begin) / calls)
    print(f"{name:34} {best * 1e6:7.2f} us a call")


def peers(query):
    try:
        import hnswlib

        index = hnswlib.Index("ip", 16)
        index.init_index(10)
        index.add_items(KEYS)
        index.set_num_threads(1)
        overhead("hnswlib knn_query", lambda: index.knn_query(query, 3))
    except ImportError:
        pass
    try:
        import faiss

        flat = faiss.IndexFlatIP(16)
        flat.add(KEYS)
        overhead("faiss IndexFlatIP.search", lambda: flat.search(query, 3))
    except ImportError:
        pass


def threads(store, queries):
    def work():
        for query in queries:
            store.search(query, 10)

    def seconds(count):
        all_threads = [threading.Thread(target=work) for _ in range(count)]
        begin = time.perf_counter()
        for thread in all_threads:
            thread.start()
        for thread in all_threads:
            thread.join()
        return time.perf_counter() - begin

    ratios = sorted(2 * seconds(1) / seconds(2) for _ in range(5))
    print(f"{'two threads, against one':34} {ratios[2]:7.2f} x (median of 5; each search alone on one thread)")


def main():
    query = KEYS[:1].copy()
    store = kvmem.Store(key_width=16)
    store.add(None, KEYS)
    overhead("kvmem search, ids and scores", lambda: tuple(store.search(query, 3)))
    overhead("kvmem search, Hits", lambda: store.search(query, 3))
    overhead("kvmem attend", lambda: kvmem.attend(query, KEYS, KEYS))
    peers(query)
    large = kvmem.Store(key_width=64)
    large.add(None, RNG.standard_normal((2000, 64), dtype=np.float32))
    threads(large, RNG.standard_normal((4000, 64), dtype=np.float32))
    begin = time.perf_counter()
    for _ in range(10):
        subprocess.run([sys.executable, "-c", "import kvmem"], check=True)
    both = time.perf_counter() - begin
    begin = time.perf_counter()
    for _ in range(10):
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    print(f"{'import kvmem':34} {(both - (time.perf_counter() - begin)) * 100:7.1f} ms")
    data = np.ones((1 << 22, 16), np.float32)  # 256 MiB
    kvmem.attend(data[:2], data[:5000], data[:5000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kvmem.attend(data[:2], data, data)
    print(f"{'memory of attend beyond 256 MiB':34} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before:7} KiB")


if __name__ == "__main__":
    main()
