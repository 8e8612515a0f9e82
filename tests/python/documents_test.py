"""Documents that are asked without training."""

import json
import threading

import pytest

import kvmem

TEXTS = [
    ("Peru", "Peru lies in South America. Its capital is Lima."),
    ("Mountains", "The highest mountain of Peru is Huascaran. It is a place of snow."),
]


def test_a_sentence_is_found_with_its_bytes():
    documents = kvmem.Documents.from_texts(TEXTS)
    found = documents.ask("What is the highest mountain of Peru?")
    best = found.answers[0]
    assert found.answered and best.text == "The highest mountain of Peru is Huascaran."
    assert TEXTS[1][1].encode()[best.begin : best.end].decode() == best.text
    assert (best.title, best.file, best.line, best.column) == ("Mountains", "Mountains", 1, 1)
    assert best.passage == TEXTS[1][1] and sum(best.weights) == pytest.approx(1)
    assert len(found.words) == len(best.weights) and len(documents) == 2
    assert not documents.ask("Who painted the ceiling of a chapel in Rome?").answered


def test_the_words_that_answer_have_their_bytes():
    found = kvmem.Documents.from_texts(TEXTS).ask("What is the capitol of Peru?")
    best = found.answers[0]
    assert best.span is not None and best.span.text in best.text and 0 < best.span.confidence <= 1
    assert dict(TEXTS)[best.title].encode()[best.span.begin : best.span.end].decode() == best.span.text
    assert found.respelled == {"capitol": "capital"}


def test_answers_are_those_of_the_program(tmp_path, program):
    for title, text in TEXTS:
        (tmp_path / f"{title}.txt").write_text(text)
    path = tmp_path / "notes.h5"
    program("import", "documents", tmp_path, "-o", path)
    question = "What is the capital of Peru?"
    theirs = json.loads(program("ask", path, question, "--answers", 5, "--json"))
    ours = kvmem.Documents(path).ask(question)
    assert [a["text"] for a in theirs["answers"]] == [a.text for a in ours.answers]
    assert [a["confidence"] for a in theirs["answers"]] == pytest.approx([a.confidence for a in ours.answers])
    assert [(a["file"], a["begin"], a["end"]) for a in theirs["answers"]] == [
        (a.file, a.begin, a.end) for a in ours.answers
    ]
    assert [a.get("span", {}).get("text") for a in theirs["answers"]] == [
        a.span.text if a.span else None for a in ours.answers
    ]


def test_threads_ask_at_once():
    documents = kvmem.Documents.from_texts(TEXTS)
    expected = documents.ask("capital of Peru").answers[0].text
    wrong = []

    def work():
        for _ in range(50):
            if documents.ask("capital of Peru").answers[0].text != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_wrong_uses_are_errors(tmp_path):
    with pytest.raises(kvmem.Error):
        kvmem.Documents(tmp_path / "none.h5")
    documents = kvmem.Documents.from_texts(TEXTS)
    with pytest.raises(ValueError):
        documents.ask("capital", k=0)
    for wrong in (None, 5, ["x"]):
        with pytest.raises(TypeError):
            documents.ask(wrong)
    with pytest.raises(TypeError):
        kvmem.Documents.from_texts([("title",)])
