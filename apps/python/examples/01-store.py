"""A store in a file: add, search, read by attention, and open it again."""

import os
import tempfile

import kvmem

WORDS = {"north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "memory.h5")
    with kvmem.Store.create(path, key_width=2, value_width=1, metric="cosine") as store:
        store.add(None, list(WORDS.values()), values=[[0], [90], [180], [270]], texts=list(WORDS))

    with kvmem.Store.open(path, read_only=True) as store:
        print(store)
        ids, scores = store.search([1, 2], k=2)
        print("near (1, 2):", [store[int(id)].text for id in ids])
        read = store.read([0.1, -5], top_k=2, temperature=0.01)
        print("degrees of (0.1, -5):", round(float(read.values[0])))
