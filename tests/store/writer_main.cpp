// The writer that store/kill_test.cpp kills: goes on changing a store, and says of which changes it knows that they are
// on the disk.
#include "store/writer_steps.hpp"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>

int main(int count, char** arguments) {
    using namespace kvmem::test;
    if (count != 3) return 2;
    try {
        MemoryStore store = MemoryStore::open(arguments[1]);
        kvmem::Rng rng(std::strtoull(arguments[2], nullptr, 10));
        for (;;) {
            const WriterStep step = writer_step(store.version() + 1);
            if (step.removes)
                store.remove(step.ids);
            else
                store.upsert(step.keys, {step.values, step.texts}, step.ids);
            if (rng.below(40) == 0) store.compact();
            if (rng.below(200) == 0) store.index({.lists = 4, .rounds = 1});
            if (rng.below(3) == 0) {
                store.sync();
                std::cout << store.version() << std::endl;
            }
        }
    } catch (const std::exception& e) {
        std::cerr << e.what() << std::endl;
        return 1;
    }
}
