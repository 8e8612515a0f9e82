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
