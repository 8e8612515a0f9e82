#include "train/training_ranks.hpp"

#include "io/content_hash.hpp"
#include "kvmem/cluster/agreement.hpp"

#include <algorithm>
#include <cstring>

namespace kvmem {

namespace {
// Goes before the losses of a rank's shards.
struct Note {
    double seconds;
    Index interrupted;
};
}  // namespace

static void append(std::string& text, const void* from, std::size_t bytes) {
    text.append(static_cast<const char*>(from), bytes);
}

Optimizer::Exchange TrainingRanks::exchange(std::span<double> losses, double seconds) {
    return [this, losses, seconds](std::span<Optimizer::Gradient> gradients) {
        const Note note{seconds, interrupted_here_};
        std::string text;
        append(text, &note, sizeof note);
        append(text, losses.data() + run().begin, run().count() * sizeof(double));
        read_notes(gradients_.add_up(gradients, text), losses);
    };
}

void TrainingRanks::read_notes(const std::vector<std::string>& notes, std::span<double> losses) {
    for (Index rank = 0; rank < cluster_.size(); ++rank) {
        const ShardRun& run = gradients_.run_of(rank);
        Note note{};
        std::memcpy(&note, notes[rank].data(), sizeof note);
        std::memcpy(losses.data() + run.begin, notes[rank].data() + sizeof note, run.count() * sizeof(double));
        if (rank == 0) seconds_ = note.seconds;
        interrupted_ = interrupted_ || note.interrupted != 0;
    }
}

bool TrainingRanks::interrupted(bool here) {
    interrupted_here_ = interrupted_here_ || here;
    return interrupted_;
}

void TrainingRanks::require_same(const Parameters& parameters) {
    std::string hashes;
    for (const Parameter& p : parameters) hashes += xxh3(std::as_bytes(p.value.view().span()));
    require_same_text(cluster_, xxh3(hashes), "parameters",
                      "look at the memory and the program of this rank's machine");
}

}  // namespace kvmem
