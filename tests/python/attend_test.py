"""kvmem.attend: the formula, masks, segments and what it refuses."""

import numpy as np
import pytest

import kvmem

RNG = np.random.default_rng(2)
Q, K, V = (RNG.standard_normal((n, 8), dtype=np.float32) for n in (5, 9, 9))


def softmax(scores):
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def test_attend_is_its_formula():
    out, lse, weights = kvmem.attend(Q, K, V, scale=8**-0.5, weights=True)
    expected = softmax(Q @ K.T / 8**0.5)
    np.testing.assert_allclose(weights[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(out, expected @ V, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(lse[:, 0], np.log(np.exp(Q @ K.T / 8**0.5).sum(1)), rtol=1e-5)


def test_a_causal_mask_hides_later_slots():
    weights = kvmem.attend(K, K, V, heads=2, causal=True, weights=True)[2]
    assert weights.shape == (9, 2, 9) and (np.triu(weights.transpose(1, 0, 2), 1) == 0).all()


def test_segments_are_memories_of_their_own():
    out, _, weights = kvmem.attend(Q, K, V, query_offsets=[0, 2, 5], slot_offsets=np.array([0, 4, 9]), weights=True)
    first, second = kvmem.attend(Q[:2], K[:4], V[:4])[0], kvmem.attend(Q[2:], K[4:], V[4:])[0]
    np.testing.assert_allclose(out, np.concatenate([first, second]), rtol=1e-5)
    assert weights.shape == (2 * 4 + 3 * 5,)


def test_a_query_without_slots_reads_zeros():
    out, lse = kvmem.attend(Q, K[:0], V[:0])
    assert not out.any() and (lse == -np.inf).all()


@pytest.mark.parametrize(
    "change",
    [
        {"key": K[:, :7]}, {"value": V[:8]}, {"heads": 3}, {"heads": 0}, {"heads": -1}, {"similarity": "x"},
        {"normalizer": "x"}, {"normalizer": "top_k"}, {"window": -1}, {"query_offsets": [0, 5]}, {"softcap": -1},
        {"query_offsets": [0, 6], "slot_offsets": [0, 9]}, {"query_offsets": [], "slot_offsets": []},
        {"query_offsets": [0, 5, 3], "slot_offsets": [0, 9, 9]}, {"key_heads": 3},
    ],
)  # fmt: skip
def test_wrong_arguments_are_value_errors(change):
    with pytest.raises(ValueError):
        kvmem.attend(**({"query": Q, "key": K, "value": V} | change))
