#include "kernels/scan/scan.hpp"

#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace kvmem;
using namespace kvmem::detail;
using namespace kvmem::test;

namespace {

const Index widths[] = {1, 2, 3, 4, 5, 7, 16, 31, 63, 64, 128, 300, 784};

double exact(const float* a, const float* b, Index width) {
    double sum = 0;
    for (Index i = 0; i < width; ++i) sum += double{a[i]} * double{b[i]};
    return sum;
}

// Thresholds that some of the scores reach, and room for what is found.
struct Found {
    explicit Found(Index queries) : least(at(queries)), above(at(queries)), scores(at(queries * scan_tile)) {
        for (std::size_t q = 0; q < least.size(); ++q) least[q] = q % 3 == 0 ? -1e30f : q % 3 == 1 ? 0.5f : 1e30f;
    }
    static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
    ScanOutput reached() { return {least.data(), above.data(), scores.data()}; }

    // A slot above the threshold has nearly the right score, and the right score of any other is not far above it.
    void check(Index query, Index slot, double right, double error) const {
        const double wanted = double{least[at(query)]};
        const double score = double{scores[at(query * scan_tile + slot)]};
        const bool is_above = above[at(query)] >> slot & 1;
        const bool holds = is_above ? std::abs(score - right) <= error && score >= wanted : right < wanted + error;
        if (holds) return;
        CAPTURE(query, slot, is_above, score, right, error, wanted);
        CHECK(holds);
    }

    std::vector<float> least;
    std::vector<std::uint64_t> above;
    std::vector<float> scores;
};

}  // namespace

TEST_CASE("scanned codes are as near to the truth as their bounds say", "[scan]") {
    for (const CodeFormat form : {CodeFormat::int8, CodeFormat::bfloat16})
        for (const Index width : widths)
            for (const Index slots : {1, 37, 64})
                for (const bool is_adjusted : {false, true}) {
                    CAPTURE(static_cast<int>(form), width, slots, is_adjusted);
                    const Index words = code_words(form, width);
                    const Matrix keys = normal(slots, width, 1), biases = normal(scan_tile, 1, 2);
                    std::vector<float> by(scan_tile, 1), scales(scan_tile);
                    for (Index i = 0; is_adjusted && i < slots; ++i)
                        by[static_cast<std::size_t>(i)] = 1 / static_cast<float>(i + 1);
                    std::vector<std::uint32_t> codes(static_cast<std::size_t>(words * scan_tile), 0xffffffffu);
                    const CodeBound bound =
                        encode_tile(form, keys.data(), slots, width, is_adjusted ? by.data() : nullptr, codes.data(),
                                    form == CodeFormat::int8 ? scales.data() : nullptr);
                    CHECK(bound.error <= bound.norm);
                    for (const Index queries : {1, 2, 3, 5, 6, 8, 13})
                        for (const bool far : {false, true}) {
                            const Matrix query = normal(queries, width, 3);
                            std::vector<std::uint32_t> query_words(static_cast<std::size_t>(queries * words));
                            std::vector<float> query_floats(static_cast<std::size_t>(queries * words * 2)),
                                query_scales(static_cast<std::size_t>(queries));
                            std::vector<std::int32_t> starts(static_cast<std::size_t>(queries));
                            std::vector<double> lost(static_cast<std::size_t>(queries));
                            for (Index q = 0; q < queries; ++q) {
                                const auto at = static_cast<std::size_t>(q);
                                lost[at] = encode_query(
                                    query.row(q), width,
                                    form == CodeFormat::int8 ? query_words.data() + q * words : query_words.data(),
                                    query_scales[at], starts[at]);
                                if (form == CodeFormat::bfloat16)
                                    std::copy_n(query.row(q), width, query_floats.data() + q * words * 2);
                            }
                            const CodeTile tile{codes.data(),
                                                words,
                                                {form == CodeFormat::int8 ? scales.data() : nullptr,
                                                 is_adjusted ? biases.data() : nullptr},
                                                form == CodeFormat::int8 ? static_cast<const void*>(query_words.data())
                                                                         : query_floats.data(),
                                                query_scales.data(),
                                                starts.data(),
                                                queries,
                                                far};
                            Found found(queries);
                            (form == CodeFormat::int8 ? scan().scan_int8 : scan().scan_bf16)(tile, found.reached());
                            for (Index q = 0; q < queries; ++q)
                                for (Index i = 0; i < slots; ++i) {
                                    const double right = exact(query.row(q), keys.row(i), width) *
                                                             double{by[static_cast<std::size_t>(i)]} +
                                                         (is_adjusted ? double{biases(i, 0)} : 0);
                                    const double norm = std::sqrt(exact(query.row(q), query.row(q), width));
                                    const double of_query =
                                        form == CodeFormat::int8 ? lost[static_cast<std::size_t>(q)] : 0;
                                    const double error = double{bound.error} * norm +
                                                         of_query * double{bound.norm + bound.error} +
                                                         1e-5 * (1 + norm * double{bound.norm});
                                    found.check(q, i, right, error);
                                }
                        }
                }
}

TEST_CASE("scanned rows have their products", "[scan]") {
    for (const Index width : widths)
        for (const Index slots : {1, 15, 16, 17, 63, 64})
            for (Index queries = 1; queries <= few_row_queries; ++queries)
                for (const bool far : {false, true}) {
                    CAPTURE(width, slots, queries);
                    const Index row = width + 3;
                    const Matrix keys = normal(slots, row, 1), query = normal(queries, width, 2),
                                 factors = normal(scan_tile, 1, 3), biases = normal(scan_tile, 1, 4);
                    Found found(queries);
                    scan().scan_rows({keys.data(),
                                      row,
                                      slots,
                                      width,
                                      {factors.data(), biases.data()},
                                      query.data(),
                                      width,
                                      queries,
                                      far},
                                     found.reached());
                    for (Index q = 0; q < queries; ++q) {
                        if (slots < scan_tile && found.above[static_cast<std::size_t>(q)] >> slots != 0)
                            CHECK(found.above[static_cast<std::size_t>(q)] >> slots == 0);
                        for (Index i = 0; i < slots; ++i)
                            found.check(
                                q, i,
                                exact(query.row(q), keys.row(i), width) * double{factors(i, 0)} + double{biases(i, 0)},
                                1e-4 * static_cast<double>(width));
                    }
                }
}

TEST_CASE("products and distances in double are exact to many digits", "[scan]") {
    for (const Index width : widths) {
        const Matrix a = normal(1, width, 1), b = normal(1, width, 2);
        double squares = 0;
        for (Index i = 0; i < width; ++i) squares += std::pow(double{a(0, i)} - double{b(0, i)}, 2);
        CHECK(scan().product(a.data(), b.data(), width) ==
              Approx(exact(a.data(), b.data(), width)).epsilon(1e-12).margin(1e-12));
        CHECK(scan().square_distance(a.data(), b.data(), width) == Approx(squares).epsilon(1e-12));
    }
}
