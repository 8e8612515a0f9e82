// The kernels on a thread with the stack that some C libraries give to threads.
#include "kvmem/kernels/attend.hpp"
#include "kvmem/kernels/embed.hpp"
#include "kvmem/kernels/gemm.hpp"
#include "kvmem/kernels/normalize.hpp"
#include "kvmem/kernels/softmax.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <pthread.h>

#include <exception>
#include <functional>
#include <string>

using namespace kvmem;
using test::normal;
using test::offsets;

// Sanitizers make frames larger.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KVMEM_LARGE_FRAMES
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KVMEM_LARGE_FRAMES
#endif
#endif
#ifndef KVMEM_LARGE_FRAMES

// Empty, or what was thrown.
static std::string on_small_stack(std::function<void()> body) {
    struct Call {
        std::function<void()> body;
        std::string error;
    } call{std::move(body), {}};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    REQUIRE(pthread_attr_setstacksize(&attributes, 128 * 1024) == 0);
    pthread_t thread;
    REQUIRE(pthread_create(
                &thread, &attributes,
                [](void* argument) -> void* {
                    auto& it = *static_cast<Call*>(argument);
                    try {
                        it.body();
                    } catch (const std::exception& e) {
                        it.error = e.what();
                    }
                    return nullptr;
                },
                &call) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    return call.error;
}

static void multiply(Index rows, Index cols, Index depth) {
    Matrix c(rows, cols);
    gemm(1, normal(rows, depth, 1), Transpose::no, normal(cols, depth, 2), Transpose::yes, 0, c);
    gemm(1, normal(depth, rows, 1), Transpose::yes, normal(depth, cols, 2), Transpose::no, 1, c);
}

static void look_up(Index queries, Index slots, Similarity similarity, Normalizer normalizer) {
    const Matrix query = normal(queries, 64, 1), key = normal(slots, 64, 2), value = normal(slots, 64, 3);
    const auto rows = offsets({queries}), places = offsets({slots});
    AttendOptions options{.heads = 4, .similarity = similarity, .normalizer = normalizer, .top_k = 3};
    Matrix read(queries, 64), sum(queries, 4), grad_query(queries, 64), grad_key(slots, 64), grad_value(slots, 64);
    Arena arena;
    attend({query, key, value}, {rows, places}, options, {read, sum}, arena);
    attend_backward({query, key, value}, {rows, places}, options, {read, sum}, read,
                    {.query = grad_query, .key = grad_key, .value = grad_value}, arena);
}

static void embed() {
    const Matrix table = normal(500, 600, 1);
    Ragged<Token> bags;
    for (Token i = 0; i < 300; ++i) bags.push_row(std::vector<Token>{i, i, 7});
    Matrix out(300, 600);
    SparseRows grad(500, 600);
    Arena arena;
    embed_sum(table, bags, BagScale::mean, out);
    embed_sum_backward(list_tokens(bags, 500, arena), BagScale::mean, out, grad, arena);
}

static void normalize() {
    const Matrix in = normal(200, 600, 1), gain = normal(1, 600, 2);
    Matrix out(200, 600), grad(200, 600), grad_gain(1, 600), grad_bias(1, 600), scores = in;
    std::vector<Real> mean(200), inverse(200), loss(200);
    layer_norm(in, gain, gain, out, mean, inverse);
    layer_norm_backward(in, gain, mean, inverse, out, grad, grad_gain, grad_bias);
    normalize_rows(in, out, mean);
    normalize_rows_backward(out, mean, in, grad);
    softmax(scores);
    static_cast<void>(top_k(scores.view().span(), 1000));
}

TEST_CASE("kernels run on threads with small stacks", "[exact]") {
    CHECK(on_small_stack([] { multiply(70, 80, 90); }) == "");
    CHECK(on_small_stack([] { multiply(600, 700, 800); }) == "");
    for (const auto& [queries, slots] : {std::pair<Index, Index>{1, 9000}, {5, 300}, {200, 700}})
        for (const Similarity similarity : {Similarity::dot, Similarity::cosine, Similarity::euclidean})
            for (const Normalizer normalizer : {Normalizer::softmax, Normalizer::sparsemax, Normalizer::top_k})
                CHECK(on_small_stack([=, queries = queries, slots = slots] {
                          look_up(queries, slots, similarity, normalizer);
                      }) == "");
    CHECK(on_small_stack(embed) == "");
    CHECK(on_small_stack(normalize) == "");
}

#endif
