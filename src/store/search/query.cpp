#include "store/search/query.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace kvmem::store {

Index first_invalid_row(ConstView rows) {
    std::atomic<Index> first_invalid{rows.rows};
    parallel_for(rows.rows, std::max<Index>(1, 65536 / std::max<Index>(1, rows.cols)), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            if (!(detail::scan().product(rows.row(i), rows.row(i), rows.cols) < 1e37)) {
                Index min = first_invalid.load();
                while (i < min && !first_invalid.compare_exchange_weak(min, i)) {
                }
                return;
            }
    });
    return first_invalid;
}

void require_valid(ConstView rows, const char* where) {
    const Index row = first_invalid_row(rows);
    if (row == rows.rows) return;
    throw Error({.what = "a vector cannot be compared",
                 .expected = "finite numbers whose squares sum to less than 1e37",
                 .got = "others in row " + std::to_string(row),
                 .where = where,
                 .hint = {}});
}

Queries::Queries(ConstView rows, const StoreOptions& options) : rows_(rows), options_(options) {
    require_shape(rows.cols == options.key_width, "memory store", "queries as wide as the keys");
    prepare();
}

// Codes are of whole keys, so a head's columns are compared as float.
Queries::Queries(ConstView rows, const StoreOptions& options, Index column)
    : rows_(rows), options_(options), column_(column), is_head_(true) {
    options_.encoding = KeyEncoding::float32;
    prepare();
}

void Queries::allocate_codes() {
    const Index n = count();
    if (options_.encoding == KeyEncoding::int8) {
        words_ = detail::code_words(detail::CodeFormat::int8, width());
        int8_codes_.resize(n * words_);
        scales_.resize(n);
        starts_.resize(n);
    } else if (options_.encoding == KeyEncoding::bfloat16) {
        words_ = detail::code_words(detail::CodeFormat::bfloat16, width());
        bf16_codes_.resize(n * words_ * 2);
    }
}

// Returns the norm of what the code loses. Queries for bfloat16 keys stay float, and lose nothing.
double Queries::encode(Index query) {
    if (options_.encoding == KeyEncoding::int8)
        return detail::encode_query(row(query), width(), int8_codes_.data() + query * words_, scales_[query],
                                    starts_[query]);
    if (options_.encoding == KeyEncoding::bfloat16)
        std::copy_n(row(query), width(), bf16_codes_.data() + query * words_ * 2);
    return 0;
}

void Queries::prepare() {
    require_valid(rows_, "queries");
    prepared_.resize(count());
    allocate_codes();
    // A float sum of `width` products is off by at most this share of the product of the norms (Higham 2002, section
    // 3.1). The 16 more terms cover all other roundings.
    const double rounding = static_cast<double>(width() + 16) * 0x1p-23;
    if (options_.metric == Similarity::euclidean) euclidean_rounding_ = 0x1p-21;
    parallel_for(count(), std::max<Index>(1, 8192 / width()), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const double norm = std::sqrt(detail::scan().product(row(i), row(i), width()));
            prepared_[i] = {norm, encode(i) + norm * rounding};
        }
    });
}

const void* Queries::codes(Index first) const {
    if (options_.encoding == KeyEncoding::int8) return int8_codes_.data() + first * words_;
    return bf16_codes_.data() + first * words_ * 2;
}

float Queries::score(Index query, const float* key) const {
    const float* q = row(query);
    key += column_;
    const detail::Scan& scan = detail::scan();
    if (options_.metric == Similarity::euclidean) return static_cast<float>(-scan.square_distance(q, key, width()));
    const double product = scan.product(q, key, width());
    if (options_.metric == Similarity::dot) return static_cast<float>(product);
    const double norms = prepared_[query].norm * std::sqrt(scan.product(key, key, width()));
    return norms > 0 ? static_cast<float>(product / norms) : 0.0f;
}

// Inverts score() for each metric: x is the product, |q| times the cosine, or (|q|^2 - distance^2) / 2.
double Queries::threshold(Index query, float score) const {
    const double norm = prepared_[query].norm;
    if (std::isinf(score)) return score;
    // Both the score and what is compared with it were rounded.
    const double min = double{score} - std::abs(double{score}) * 0x1p-22 - 1e-37;
    if (options_.metric == Similarity::dot) return min;
    if (options_.metric == Similarity::cosine) return (min - 0x1p-40) * norm;
    return (min + norm * norm) / 2 - norm * norm * 0x1p-40;
}

}  // namespace kvmem::store
