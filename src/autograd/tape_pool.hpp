// Tapes that threads take in turns. Not installed.
#pragma once

#include "kvmem/autograd/tape.hpp"

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace kvmem {

// Several threads may use a pool at once.
class TapePool {
  public:
    // Calls use(tape) with a tape that does not train. What one pass allocated is there for a later one, unless that is
    // much. A tape that an exception left is not used again.
    template <class Use>
    void run(Use use) {
        std::unique_ptr<Tape> tape = take();
        use(*tape);
        tape->reset();
        give_back(std::move(tape));
    }

  private:
    static constexpr std::size_t max_bytes = std::size_t{64} << 20;  // of a tape that is kept

    std::unique_ptr<Tape> take() {
        {
            const std::lock_guard lock(mutex_);
            if (!tapes_.empty()) {
                std::unique_ptr<Tape> tape = std::move(tapes_.back());
                tapes_.pop_back();
                return tape;
            }
        }
        auto tape = std::make_unique<Tape>();
        tape->set_training(false);
        return tape;
    }
    void give_back(std::unique_ptr<Tape> tape) {
        if (tape->arena().capacity() > max_bytes) return;
        const std::lock_guard lock(mutex_);
        tapes_.push_back(std::move(tape));
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<Tape>> tapes_;
};

}  // namespace kvmem
