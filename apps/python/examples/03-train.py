"""A model that answers questions about facts, and one that spells backwards."""

import tempfile

import kvmem

CAPITALS = {"Peru": "Lima", "Chile": "Santiago", "Cuba": "Havana", "Spain": "Madrid", "Italy": "Rome"}
QUESTIONS = [(f"what is the capital of {country}", town) for country, town in CAPITALS.items()]

with tempfile.TemporaryDirectory() as folder:
    data = kvmem.Dataset.from_facts([(c, "capital", t) for c, t in CAPITALS.items()], QUESTIONS, valid=QUESTIONS)
    run = kvmem.train(data, folder + "/capitals", model="path-reader", epochs=20, batch=2)
    answer = kvmem.Answerer(run).ask("what is the capital of Peru")
    print(f"Peru: {answer.text} ({answer.paths[0].start} -> {answer.paths[0].steps[0].entity})")

    words = [(word, word[::-1]) for word in ("ab", "abc", "bca", "cab", "ba", "c", "acb", "bb")]
    pairs = kvmem.Dataset.from_pairs(words, valid=words)
    run = kvmem.train(pairs, folder + "/backwards", model="seq2seq", width=32, epochs=60, batch=4, rate=0.01)
    print("abc:", kvmem.Translator(run).translate(["abc"], beam=3)[0].text)
