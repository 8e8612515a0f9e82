"""Own networks: gradients, matrices of a forgotten pass, and what outlives what."""

import gc

import numpy as np
import pytest

import kvmem


def test_gradients_are_those_of_the_formula():
    parameters = kvmem.Parameters()
    weight = parameters.add_normal("w", 3, 2, 1.0, 1)
    tape = kvmem.Tape()
    x = np.ones((4, 2), np.float32)
    w = tape.parameter(weight)
    tape.backward(kvmem.sum(kvmem.tanh(kvmem.dot_scores(tape.constant(x), w))))
    slope = 1 - np.tanh(x @ weight.value.T) ** 2
    np.testing.assert_allclose(w.grad, slope.T @ x, rtol=1e-5)


def test_a_matrix_of_a_forgotten_pass_is_a_value_error():
    tape = kvmem.Tape()
    x = tape.constant([[1, 2]])
    value = x.value
    tape.reset()
    for use in (lambda: x.value, lambda: x + x, lambda: kvmem.sum(x), lambda: tape.backward(x), lambda: x.grad):
        with pytest.raises(ValueError):
            use()
    assert value.tolist() == [[1, 2]]


def test_layers_keep_what_they_need():
    tape = kvmem.Tape()
    layer = kvmem.Linear(kvmem.Parameters(), "linear", 2, 3)
    y = layer(tape.constant([[1, 2]]))
    value = y.value.copy()
    del layer
    gc.collect()
    assert (y.value == value).all() and (y * 2).value.tolist() == (value * 2).tolist()


def test_wrong_uses_are_errors():
    parameters, tape, other = kvmem.Parameters(), kvmem.Tape(), kvmem.Tape()
    table = kvmem.Embedding(parameters, "table", 4, 2)
    with pytest.raises(kvmem.Error):
        kvmem.Embedding(parameters, "table", 4, 2)
    for bags in (([9], [0, 1]), ([-1], [0, 1]), ([1], [0, 2]), ([1], [1, 0])):
        with pytest.raises((kvmem.Error, ValueError)):
            table(tape, bags)
    with pytest.raises(kvmem.Error):
        tape.constant([[1]]) + other.constant([[1]])
    with pytest.raises(kvmem.Error):
        tape.constant([[1]]) + tape.constant([[1, 2]])
    with pytest.raises(ValueError):
        tape.backward(other.constant([[1]]))
    for wrong in (None, "x"):
        with pytest.raises(TypeError):
            kvmem.Linear(wrong, "x", 1, 1)
        with pytest.raises(TypeError):
            kvmem.sum(wrong)
    with pytest.raises(KeyError):
        parameters["none"]
    with pytest.raises(kvmem.Error):
        kvmem.cross_entropy(tape.constant([[1, 2]]), [5])


def test_rows_are_normalised_and_fed_forward():
    tape, parameters = kvmem.Tape(), kvmem.Parameters()
    x = np.float32([[1, 2, 3, 6], [5, 5, 5, 9]])
    y = kvmem.LayerNorm(parameters, "norm", 4)(tape.constant(x)).value
    np.testing.assert_allclose(y, (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True), rtol=1e-3)
    layer = kvmem.FeedForward(parameters, "ffn", 4, 8)
    w1, w2 = parameters["ffn.in.weight"].value, parameters["ffn.out.weight"].value
    np.testing.assert_allclose(layer(tape.constant(x)).value, np.maximum(x @ w1.T, 0) @ w2.T, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="form"):
        kvmem.FeedForward(parameters, "other", 4, 8, form="cube")


def test_multi_head_attention_is_the_formula():
    tape, parameters = kvmem.Tape(), kvmem.Parameters()
    layer = kvmem.MultiHeadAttention(parameters, "mha", 4, heads=2)
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    out, weights = layer.self(tape.constant(x), [0, 2, 5], weights=True)
    q, k, v = (x @ parameters[f"mha.{name}.weight"].value.T for name in ("query", "key", "value"))
    expected, all_weights = np.zeros((5, 4)), []
    for first, last in ((0, 2), (2, 5)):
        for head in (slice(0, 2), slice(2, 4)):
            scores = q[first:last, head] @ k[first:last, head].T / np.sqrt(2)
            p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
            all_weights.append((head.start, first, p))
            expected[first:last, head] = p @ v[first:last, head]
    expected = expected @ parameters["mha.out.weight"].value.T
    np.testing.assert_allclose(out.value, expected, rtol=1e-3, atol=1e-5)
    assert weights.shape == (2 * (2 * 2 + 3 * 3), 1)
    tape.backward(kvmem.sum(out))
    memory = tape.constant(x)
    assert layer.read(tape.constant(x[:1]), memory, [0, 1], [0, 5]).shape == (1, 4)
    for offsets in ([0, 9], [0, 2], [3, 0], [[0, 5]], None):
        with pytest.raises((kvmem.Error, ValueError, TypeError)):
            layer.self(memory, offsets)


def test_sequences_do_not_touch_each_other():
    tape, parameters = kvmem.Tape(), kvmem.Parameters()
    layer = kvmem.Recurrent(parameters, "gru", 3, 4, cell="gru", bidirectional=True)
    x = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    whole = layer(tape.constant(x), [0, 4, 4, 6])
    assert whole.shape == (6, 8)
    assert (layer(tape.constant(x[4:]), [0, 2]).value == whole.value[4:]).all()
    mean = kvmem.segment_mean(whole, [0, 4, 4, 6]).value
    np.testing.assert_allclose(mean[0], whole.value[:4].mean(0), rtol=1e-5, atol=1e-6)
    joined = kvmem.concat_cols([whole, whole])
    assert joined.shape == (6, 16)
    with pytest.raises(ValueError):
        kvmem.concat_cols([])
    with pytest.raises(ValueError):
        kvmem.Recurrent(parameters, "other", 3, 4, cell="none")


def test_parameters_are_saved_and_loaded(tmp_path):
    def make(seed):
        parameters = kvmem.Parameters()
        kvmem.Linear(parameters, "linear", 2, 3, seed)
        return parameters

    saved, loaded = make(1), make(2)
    saved.save(tmp_path / "p.h5")
    assert (saved["linear.weight"].value != loaded["linear.weight"].value).any()
    loaded.load(tmp_path / "p.h5")
    assert (saved["linear.weight"].value == loaded["linear.weight"].value).all()
    other = kvmem.Parameters()
    kvmem.Linear(other, "linear", 2, 4)
    before = other["linear.weight"].value.copy()
    for path in ("p.h5", "none.h5"):
        with pytest.raises(kvmem.Error):
            other.load(tmp_path / path)
    assert (other["linear.weight"].value == before).all()
