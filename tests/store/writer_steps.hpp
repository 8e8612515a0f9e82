// What the writer that is killed does, change by change: the n-th change is the same whoever makes it, so that a test
// knows from a store's version what must be in it.
#pragma once

#include "store/twin.hpp"

namespace kvmem::test {

struct WriterStep {
    bool removes = false;
    Matrix keys, values;
    std::vector<std::string> texts;
    std::vector<Id> ids;
};

inline const StoreOptions writer_options{.key_width = 24, .value_width = 2, .encoding = KeyEncoding::int8};

// The change that makes a store's version `n`, from 1. Each third one takes back half of the one before.
inline WriterStep writer_step(std::uint64_t n) {
    Rng rng(n, {1});
    const Id first = static_cast<Id>(rng.below(2000));
    const Index count = 2 + rng.below(n % 10 == 1 ? 400 : 40);
    if (n % 3 == 0) {
        WriterStep before = writer_step(n - 1);
        before.ids.resize(before.ids.size() / 2);
        return {true, {}, {}, {}, before.ids};
    }
    WriterStep step{false, whole_numbers(count, 24, n), whole_numbers(count, 2, n), {}, ids_from(first, count)};
    if (n % 2 == 0)
        for (Index i = 0; i < count; ++i) step.texts.push_back(std::to_string(n) + "/" + std::to_string(i));
    return step;
}

}  // namespace kvmem::test
