// A recurrent layer over sequences of different lengths, whole and step by step: the same bits.
#include "kvmem/nn/recurrent.hpp"

#include <algorithm>
#include <cstdio>

using namespace kvmem;

int main() {
    Parameters parameters;
    const Recurrent cells(parameters, "cells", {.cell = Cell::lstm, .in = 4, .width = 8, .layers = 2}, 1);

    // Three sequences of 3, 0 and 2 rows, one after the other: no padding, in any order of lengths.
    Matrix x(5, 4);
    Rng rng(7);
    for (Real& number : x.view().span()) number = static_cast<Real>(rng.normal());
    const std::vector<Index> offsets{0, 3, 3, 5};

    Tape tape;
    tape.set_training(false);
    const Recurrent::Run whole = cells(tape.constant(x), offsets);
    std::printf("outputs %ld x %ld, last states %ld x %ld in each of %zu layers\n", static_cast<long>(whole.out.rows()),
                static_cast<long>(whole.out.cols()), static_cast<long>(whole.last.h[0].rows()),
                static_cast<long>(whole.last.h[0].cols()), whole.last.h.size());

    // The first sequence alone, a row at a time.
    Recurrent::State state = cells.start(tape, 1);
    bool same = true;
    for (Index t = 0; t < 3; ++t) {
        const Recurrent::Run step = cells.step(tape.constant(x.view().middle_rows(t, 1)), state);
        state = step.last;
        same = same && std::ranges::equal(step.out.value().span(), whole.out.value().middle_rows(t, 1).span());
    }
    std::printf("step by step: %s\n", same ? "the same bits" : "other bits");
    return same ? 0 : 1;
}
