// Runs one fixed shape, by its name, in measured(): scripts/instructions.sh counts the instructions of that. Without a
// name, lists the names.
#include <cstring>

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/gemm.hpp"
#include "kvmem_attention.hpp"

using bench::Case;
using bench::Index;
using bench::Task;

namespace {

Case attention(Index batch, Index heads, Index queries, Index slots, Index width, Index backward) {
    Case c;
    c.batch = batch, c.heads = heads, c.queries = queries, c.slots = slots, c.width = width, c.backward = backward;
    return c;
}

class Gemm : public Task {
  public:
    void run() override {
        const auto square = [](const bench::Floats& x) { return kvmem::View{x.data(), n, n}; };
        kvmem::gemm(1, square(a_), kvmem::Transpose::no, square(b_), kvmem::Transpose::no, 0, square(c_));
    }

  private:
    static constexpr Index n = 256;
    bench::Floats a_ = bench::normal_floats(n * n, 1), b_ = bench::normal_floats(n * n, 2), c_ = bench::Floats(n * n);
};

// 32 questions with 50 slots of 7 tokens: what one table of a MemN2N embeds in a step.
class EmbedSum : public Task {
  public:
    EmbedSum() {
        bench::fill_normal(table_.value.data(), table_.value.size(), 1);
        for (std::uint32_t i = 0; i < 32 * 50 * 7; ++i) {
            bags_.values.push_back(static_cast<kvmem::Token>(bench::random_bits(2, i) % words));
            if (i % 7 == 6) bags_.end_row();
        }
    }
    void run() override {
        tape_.reset();
        tape_.backward(sum(embed_sum(tape_, table_, bags_, kvmem::BagScale::sum)));
    }

  private:
    static constexpr Index words = 180;
    kvmem::Parameter table_{"table", kvmem::Matrix(words, 20)};
    kvmem::Ragged<kvmem::Token> bags_;
    kvmem::Tape tape_;
};

struct Shape {
    const char* name;
    std::unique_ptr<Task> (*make)();
};
constexpr Shape shapes[] = {
    {"attend-4x128x128x64", [] { return bench::kvmem_attention(attention(1, 4, 128, 128, 64, 0)); }},
    {"attend-backward-4x128x128x64", [] { return bench::kvmem_attention(attention(1, 4, 128, 128, 64, 1)); }},
    {"attend-1x4096x64", [] { return bench::kvmem_attention(attention(1, 1, 1, 4096, 64, 0)); }},
    {"attend-backward-hop-32x50x32", [] { return bench::kvmem_attention(attention(32, 1, 1, 50, 32, 1)); }},
    {"gemm-256x256x256", []() -> std::unique_ptr<Task> { return std::make_unique<Gemm>(); }},
    {"embed-sum-backward-32x50x7x20", []() -> std::unique_ptr<Task> { return std::make_unique<EmbedSum>(); }},
};

}  // namespace

// Counting is switched on and off by this name.
extern "C" [[gnu::noinline]] void measured(Task& task) { task.run(); }

int main(int argc, char** argv) {
    const kvmem::ThreadLimit one(1);
    for (const Shape& shape : shapes) {
        if (argc < 2) std::cout << shape.name << '\n';
        if (argc != 2 || std::strcmp(shape.name, argv[1]) != 0) continue;
        const std::unique_ptr<Task> task = shape.make();
        task->run();  // takes the memory, makes what is made once
        measured(*task);
        return 0;
    }
    return argc < 2 ? 0 : 2;
}
