"""Attention: the kernel alone, with a causal mask and with a memory for each question."""

import kvmem

tokens = [[1, 0], [0, 1], [1, 1]]
out, log_sum_exp, weights = kvmem.attend(tokens, tokens, tokens, scale=2**-0.5, causal=True, weights=True)
for query in range(3):
    print("token", query, "reads", [round(float(weights[query, 0, slot]), 2) for slot in range(3)])

# Two questions, of which the first has the slots 0 and 1, and the second the slot 2.
out, _ = kvmem.attend([[9, 0], [9, 0]], tokens, [[1], [2], [3]], query_offsets=[0, 1, 2], slot_offsets=[0, 2, 3])
print("values:", round(float(out[0, 0]), 2), round(float(out[1, 0]), 2))
