"""A memory network of your own, trained: apps/examples/04-own-network.cpp, with the same bits.

Every question has a memory of its own that says who likes which colour, so nothing can be learned by heart: what is
learned is to look up.
"""

import kvmem

NAMES = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"]
COLOURS = ["red", "blue", "green", "white", "black", "pink"]
SLOTS, COUNT, STEPS = 5, 100, 60

parameters = kvmem.Parameters()
names = kvmem.Embedding(parameters, "names", 8, 16)
colours = kvmem.Embedding(parameters, "colours", 6, 16)
memory = kvmem.KeyValueMemory(parameters, "memory", 16, hops=1)
optimizer = kvmem.Optimizer(parameters)
tape = kvmem.Tape()
rng = kvmem.Rng(1)


def one_each(tokens):
    """Bags of one token."""
    return tokens, list(range(len(tokens) + 1))


def draw():
    """Memories of five shuffled names with any colours, of which one is the question."""
    asked, keys, values, answers, everyone = [], [], [], [], list(range(8))
    for question in range(COUNT):
        rng.shuffle(everyone)
        for slot in range(SLOTS):
            keys.append(everyone[slot])
            values.append(rng.below(6))
        target = question * SLOTS + rng.below(SLOTS)
        asked.append(keys[target])
        answers.append(values[target])
    return asked, keys, values, answers


def scores_of(asked, keys, values):
    """Scores of the colours: [questions, 6]."""
    offsets = list(range(0, COUNT * SLOTS + 1, SLOTS))
    query, key, value = names(tape, one_each(asked)), names(tape, one_each(keys)), colours(tape, one_each(values))
    return kvmem.dot_scores(memory.read(query, key, value, offsets), tape.parameter(colours.table))


for step in range(STEPS + 1):
    asked, keys, values, answers = draw()  # new ones, so they are scored before they are learned from
    tape.reset()
    scores = scores_of(asked, keys, values)
    tape.backward(kvmem.cross_entropy(scores, answers), 1 / COUNT)
    optimizer.step(tape, 0.02)
    best = [row.index(max(row)) for row in scores.value.tolist()]
    right = sum(colour == answer for colour, answer in zip(best, answers))
    if step % 10 == 0:
        print(f"step {step:2}: {right:3} of {COUNT} right")

story = "".join(f" {NAMES[keys[slot]]} {COLOURS[values[slot]]}." for slot in range(SLOTS))
print(f"\nthe memory of one question:{story}\nwhat does {NAMES[asked[0]]} like? {COLOURS[best[0]]}")
