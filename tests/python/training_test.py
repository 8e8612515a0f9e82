"""Training, answers, translations and recommendations: equal to the program's, and stopped at any moment."""

import json
import os
import signal
import threading

import pytest

import kvmem

PAIRS = [(word, word[::-1]) for word in ("ab", "abc", "bca", "cab", "ba", "c", "acb", "bb")] * 4
FACTS = [(c, "capital", t) for c, t in zip("Peru Chile Cuba Spain Italy".split(), "Lima Santiago Havana Madrid Rome".split())]
QUESTIONS = [(f"what is the capital of {c}", t) for c, _, t in FACTS]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.h5"
    kvmem.Dataset.from_pairs(PAIRS, valid=PAIRS[:8]).save(path)
    return path


@pytest.fixture(scope="module")
def translator(pairs):
    run = pairs.parent / "run"
    kvmem.train(pairs, run, model="seq2seq", width=16, epochs=3, seed=5)
    return run


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    run = tmp_path_factory.mktemp("questions") / "run"
    data = kvmem.Dataset.from_facts(FACTS, QUESTIONS, valid=QUESTIONS)
    kvmem.train(data, run, model="kv-mem-nn", epochs=5, batch=2)
    return run


def test_a_run_has_the_bits_of_the_programs_run(program, pairs, translator, tmp_path):
    program("train", pairs, "--run", tmp_path / "run", "--model", "seq2seq", "--width", 16, "--epochs", 3, "--seed", 5)
    for name in ("model-best.h5", "config.json"):
        assert (tmp_path / "run" / name).read_bytes() == (translator / name).read_bytes()
    one_thread = kvmem.train(pairs, tmp_path / "one", model="seq2seq", width=16, epochs=3, seed=5, threads=1)
    assert (tmp_path / "one" / "model-best.h5").read_bytes() == (translator / "model-best.h5").read_bytes()
    assert one_thread.epochs == 3 and 0 <= one_thread.score and os.fspath(one_thread) == str(tmp_path / "one")


def test_translations_are_those_of_the_program(program, translator):
    lines = ["abc", "ba", "ccc"]
    own = kvmem.Translator(translator).translate(lines, beam=3, align=True)
    expected = [json.loads(line)["results"][0] for line in program(
        "translate", translator, "--beam", 3, "--json", "--align", "text", input="\n".join(lines) + "\n").splitlines()]
    for line, ours, theirs in zip(lines, own, expected):
        assert ours.text == theirs["text"] and ours.score == pytest.approx(theirs["score"], rel=1e-6)
        assert ours.weights.shape[2] == len(line)
    best = kvmem.Translator(translator).translate(["abc"], n_best=3)[0]
    assert len(best.alternatives) == 2 and best.score >= best.alternatives[0].score


def test_answers_are_those_of_the_program(program, answers):
    answerer = kvmem.Answerer(answers)
    question = QUESTIONS[0][0]
    ours, theirs = answerer.ask(question), json.loads(program("ask", answers, question, "--json"))
    assert [c.text for c in ours.candidates] == [c["text"] for c in theirs["candidates"]]
    assert ours.text == theirs["candidates"][0]["text"]
    assert [c.score for c in ours.candidates] == pytest.approx([c["score"] for c in theirs["candidates"]], rel=1e-5)
    html = ours._repr_html_()
    assert "<table>" in html and "hop 1, head 1" in html and len(ours.hops[0][0]) > 0
    with pytest.raises(ValueError):
        answerer.ask(question, k=0)
    added = kvmem.Answerer(answers, add_facts=["Norway|capital|Oslo"])
    assert added.memory_slots == answerer.memory_slots + 2


def test_html_shows_names_and_obeys_none(answers):
    answerer = kvmem.Answerer(answers, add_facts=["<b>x</b>|capital|<script>"])
    assert "<script>" not in answerer.ask("what is the capital of [<b>x</b>]")._repr_html_()


def test_recommendations_are_those_of_the_program(program, tmp_path):
    program("synth", "shop", "--out", tmp_path / "shop.h5", "--users", 60)
    kvmem.train(tmp_path / "shop.h5", tmp_path / "run", model="popularity")
    recommender = kvmem.Recommender(tmp_path / "run")
    theirs = json.loads(program("recommend", tmp_path / "run", "--json", "-k", 5))["recommendations"]
    ours = recommender.recommend(k=5)
    assert [r.item for r in ours] == [r["item"] for r in theirs]
    assert [r.item for r in recommender.recommend([ours[0].item], k=5, seen=False)].count(ours[0].item) == 0
    users = json.loads(program("recommend", tmp_path / "run", "--users", "all", "--json").splitlines()[0])["user"]
    for seen in (True, False):
        [first, again] = recommender.recommend_to([users, users], k=3, seen=seen)
        assert [(r.item, r.score) for r in first] == [(r.item, r.score) for r in again]
        assert [r.item for r in first] == [r.item for r in recommender.recommend(user=users, k=3, seen=seen)]
    assert len(recommender.recommend_to()[0]) == 10
    with pytest.raises(kvmem.Error):
        recommender.recommend_to(["nobody"])
    with pytest.raises(kvmem.Error):
        recommender.add_items({ours[0].item: {}})
    with pytest.raises(TypeError):
        recommender.add_items({"new": {"category": "one"}})
    assert recommender.add_items({"new": {}}, names={"new": "The new one"}) == 0
    assert [r.name for r in recommender.recommend(only=["new"])] == ["The new one"]
    with pytest.raises(kvmem.Error):
        recommender.recommend(["no such item"])
    with pytest.raises(TypeError):
        recommender.recommend("item")


def test_rankings_are_those_of_the_program(program, tmp_path):
    rows = [{"question": f"What is {t}?", "candidates": ["The other is old.", f"It is {t}."], "answers": [1]}
            for t in ("paper", "water", "glass", "bread", "stone", "paint", "metal", "music")]  # fmt: skip
    data = kvmem.Dataset.from_sentences(rows, valid=rows[:3])
    assert data.format == "kvmem-sentences" and data.splits == {"train": 8, "valid": 3} and data.arrays() == {}
    run = kvmem.train(data, tmp_path / "run", model="sentence-selector", width=4, epochs=2)
    theirs = json.loads(program("predict", tmp_path / "run", input=json.dumps(rows[0]) + "\n"))["sentences"]
    ours = kvmem.Selector(run).rank(rows[0]["question"], rows[0]["candidates"])
    assert [(one.number, one.sentence) for one in ours] == [(one["number"], one["sentence"]) for one in theirs]
    assert [one.score for one in ours] == pytest.approx([one["score"] for one in theirs], rel=1e-6)
    with pytest.raises(kvmem.Error):
        kvmem.Selector(run).rank("x", [])
    with pytest.raises(TypeError):
        kvmem.Selector(run).rank("x", "a sentence")
    with pytest.raises(kvmem.Error, match="another task"):
        kvmem.Translator(run)


def test_reports_come_with_each_epoch(pairs, tmp_path):
    reports = []
    kvmem.train(pairs, tmp_path / "run", model="seq2seq", width=8, epochs=2, on_epoch=reports.append)
    assert [report.epoch for report in reports] == [1, 2] and reports[0].loss > 0 and "epoch 2" in repr(reports[1])


def test_a_data_set_in_shards_is_trained_on(program, tmp_path):
    kvmem.Dataset.from_facts(FACTS, QUESTIONS, valid=QUESTIONS).save(tmp_path / "facts.h5")
    program("shard", tmp_path / "facts.h5", "-o", tmp_path / "facts.json", "--shards", 2)
    for i, model in enumerate((None, "kv-mem-nn")):
        run = kvmem.train(tmp_path / "facts.json", tmp_path / f"run{i}", model=model, width=8, epochs=1, batch=2)
        assert run.epochs == 1


def test_an_exception_in_a_callback_saves_the_run(pairs, tmp_path):
    def fail(report):
        raise LookupError(report.epoch)

    with pytest.raises(LookupError):
        kvmem.train(pairs, tmp_path / "run", model="seq2seq", width=8, epochs=2, batch=4, on_epoch=fail)
    assert (tmp_path / "run" / "model-last.h5").exists()
    whole = kvmem.train(pairs, tmp_path / "whole", model="seq2seq", width=8, epochs=2, batch=4)
    assert kvmem.resume(tmp_path / "run").epochs == whole.epochs == 2
    assert (tmp_path / "run/model-best.h5").read_bytes() == (tmp_path / "whole/model-best.h5").read_bytes()


def test_an_interrupt_saves_the_run_and_is_a_keyboard_interrupt(pairs, tmp_path):
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        kvmem.train(pairs, tmp_path / "run", model="seq2seq", width=8, epochs=100000, patience=0)
    timer.join()
    assert (tmp_path / "run" / "model-last.h5").exists()


def test_settings_that_no_model_has_are_value_errors(pairs, tmp_path):
    for settings in ({"model": "no-such"}, {"preset": "none"}, {"breadth": 3}, {"width": "wide"}, {"width": -1},
                     {"threads": -1}, {"runs": 0}, {"seed": -1}):  # fmt: skip
        with pytest.raises(ValueError):
            kvmem.train(pairs, tmp_path / "run", **settings)
    with pytest.raises(TypeError):
        kvmem.train(pairs, tmp_path / "run", on_epoch=3)
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_task_is_an_error_that_names_both(translator, answers):
    with pytest.raises(kvmem.Error, match="question answering"):
        kvmem.Answerer(translator)
    with pytest.raises(kvmem.Error):
        kvmem.Translator(answers)
    with pytest.raises(kvmem.Error):
        kvmem.Translator(answers / "none")


def test_data_sets_come_back_from_their_files(pairs, tmp_path):
    data = kvmem.Dataset.open(pairs)
    assert data.splits["train"] == len(PAIRS) and data.format == "kvmem-pairs"
    arrays, tokens = data.arrays(), data.tokens()
    values, offsets = arrays["train/source/values"], arrays["train/source/offsets"]
    del data
    assert "".join(tokens[t] for t in values[offsets[1] : offsets[2]]) == PAIRS[1][0]
    with pytest.raises(ValueError):
        values[0] = 1
    facts = kvmem.Dataset.from_facts(FACTS, QUESTIONS)
    assert facts.arrays()["memory/key/offsets"][-1] == 4 * len(FACTS)


def test_rows_that_no_file_can_hold_are_refused():
    with pytest.raises(ValueError):
        kvmem.Dataset.from_pairs([("a\tb", "c")])
    with pytest.raises(TypeError):
        kvmem.Dataset.from_pairs(["ab"])
    with pytest.raises((ValueError, TypeError)):
        kvmem.Dataset.from_pairs([(1, 2)])
    with pytest.raises(ValueError):
        kvmem.Dataset.from_facts([("a", "b")])
