// The contestant openblas: attention in three passes, sgemm, a plain softmax, sgemm; see README.md. Built with OpenMP's
// OpenBLAS, which works on one thread when it is called inside a parallel region and on all of them outside.
#include <cblas.h>

#include <limits>

#include "protocol.hpp"

using bench::Case;
using bench::Index;

namespace {

class Attention : public bench::Task {
  public:
    explicit Attention(const Case& c) : case_(c), in_(c, true), read_(in_.query.size()) {}

    void run() override {
        const Index pairs = case_.batch * case_.heads;
        if (scores_.size() == 0) scores_ = bench::Floats(pairs * case_.queries * case_.slots);
        if (pairs == 1) {
            products(0, 0);
            softmax(0, case_.queries);
            products(0, 1);
            return;
        }
#pragma omp parallel for schedule(dynamic)
        for (Index pair = 0; pair < pairs; ++pair) {
            products(pair, 0);
            softmax_serial(pair, 0, case_.queries);
            products(pair, 1);
        }
    }

    float at(int, Index i) const override {
        return read_[bench::heads_first(i, case_.heads, case_.queries, case_.width)];
    }

  private:
    // scores = scale * Q K' (step 0), read = scores V (step 1), of one segment and head.
    void products(Index pair, int step) const {
        const Index q = case_.queries, s = case_.slots, d = case_.width;
        float* scores = scores_.data() + pair * q * s;
        const float* query = in_.query.data() + pair * q * d;
        const float* memory = (step == 0 ? in_.key : in_.value).data() + pair * s * d;
        float* read = read_.data() + pair * q * d;
        const auto scale = static_cast<float>(bench::scale_of(case_));
        const auto n = [](Index i) { return static_cast<int>(i); };
        if (q == 1 && step == 0)
            cblas_sgemv(CblasRowMajor, CblasNoTrans, n(s), n(d), scale, memory, n(d), query, 1, 0, scores, 1);
        else if (q == 1)
            cblas_sgemv(CblasRowMajor, CblasTrans, n(s), n(d), 1, memory, n(d), scores, 1, 0, read, 1);
        else if (step == 0)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n(q), n(s), n(d), scale, query, n(d), memory, n(d), 0,
                        scores, n(s));
        else
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n(q), n(d), n(s), 1, scores, n(s), memory, n(d), 0,
                        read, n(d));
    }

    void softmax(Index pair, Index rows) const {
#pragma omp parallel for
        for (Index row = 0; row < rows; ++row) softmax_serial(pair, row, row + 1);
    }
    void softmax_serial(Index pair, Index first, Index last) const {
        for (Index row = first; row < last; ++row) {
            float* score = scores_.data() + (pair * case_.queries + row) * case_.slots;
            const Index readable = case_.causal ? row + 1 + case_.slots - case_.queries : case_.slots;
            float most = -std::numeric_limits<float>::max(), sum = 0;
            for (Index i = 0; i < readable; ++i) most = std::max(most, score[i]);
            for (Index i = 0; i < readable; ++i) sum += score[i] = std::exp(score[i] - most);
            for (Index i = 0; i < readable; ++i) score[i] /= sum;
            std::fill(score + readable, score + case_.slots, 0.0f);
        }
    }

    Case case_;
    bench::Inputs in_;
    bench::Floats read_, scores_;
};

}  // namespace

int main() {
    std::string version = openblas_get_config();
    const auto variants = [](const Case& c) -> std::vector<std::string> {
        if (c.kind != "attend" || c.backward || c.bf16) return {};
        return {"gemm"};
    };
    const auto make = [](const Case& c, const std::string&) { return std::make_unique<Attention>(c); };
    return bench::serve({"openblas", version, variants, make});
}
