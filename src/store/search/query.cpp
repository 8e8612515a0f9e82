#include "store/search/query.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

namespace kvmem::store {

Index first_invalid_row(ConstView rows) {
    std::atomic<Index> bad{std::numeric_limits<Index>::max()};
    parallel_for(rows.rows, std::max<Index>(1, 65536 / std::max<Index>(1, rows.cols)), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            if (!(detail::scan().product(rows.row(i), rows.row(i), rows.cols) < 1e37)) {
                Index least = bad.load();
                while (i < least && !bad.compare_exchange_weak(least, i)) {
                }
                return;
            }
    });
    return std::min(bad.load(), rows.rows);
}

void require_numbers(ConstView rows, const char* where) {
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

Queries::Queries(ConstView rows, const StoreOptions& options, Index column)
    : rows_(rows), options_(options), column_(column), is_head_(true) {
    options_.encoding = KeyEncoding::float32;
    prepare();
}

void Queries::prepare() {
    const ConstView rows = rows_;
    const StoreOptions& options = options_;
    require_numbers(rows, "queries");
    const Index n = rows.rows, width = rows.cols;
    prepared_.resize(static_cast<std::size_t>(n));
    if (options.encoding == KeyEncoding::int8) {
        words_ = detail::code_words(detail::CodeFormat::int8, width);
        words_of_codes_.resize(static_cast<std::size_t>(n * words_));
        scales_.resize(static_cast<std::size_t>(n));
        starts_.resize(static_cast<std::size_t>(n));
    } else if (options.encoding == KeyEncoding::bfloat16) {
        words_ = detail::code_words(detail::CodeFormat::bfloat16, width);
        floats_of_codes_.resize(static_cast<std::size_t>(n * words_ * 2));
    }
    // Sums of `width` products in float are off by at most so much of the product of the norms (Higham 2002, section
    // 3.1), with as much again for whatever else is rounded.
    const double rounding = static_cast<double>(width + 16) * 0x1p-23;
    if (options.metric == Similarity::euclidean) euclidean_rounding_ = 0x1p-21;
    parallel_for(n, std::max<Index>(1, 8192 / width), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const double norm = std::sqrt(detail::scan().product(rows.row(i), rows.row(i), width));
            double lost = 0;
            const auto at = static_cast<std::size_t>(i);
            if (options.encoding == KeyEncoding::int8)
                lost = detail::encode_query(rows.row(i), width, words_of_codes_.data() + i * words_, scales_[at],
                                            starts_[at]);
            else if (options.encoding == KeyEncoding::bfloat16)
                std::copy_n(rows.row(i), width, floats_of_codes_.data() + i * words_ * 2);
            prepared_[at] = {norm, lost + norm * rounding};
        }
    });
}

const void* Queries::codes(Index first) const {
    if (options_.encoding == KeyEncoding::int8) return words_of_codes_.data() + first * words_;
    return floats_of_codes_.data() + first * words_ * 2;
}

float Queries::score(Index query, const float* key) const {
    const float* q = row(query);
    key += column_;
    const detail::Scan& scan = detail::scan();
    if (options_.metric == Similarity::euclidean) return static_cast<float>(-scan.square_distance(q, key, width()));
    const double product = scan.product(q, key, width());
    if (options_.metric == Similarity::dot) return static_cast<float>(product);
    const double norms = prepared_[static_cast<std::size_t>(query)].norm * std::sqrt(scan.product(key, key, width()));
    return norms > 0 ? static_cast<float>(product / norms) : 0.0f;
}

double Queries::threshold(Index query, float score) const {
    const double norm = prepared_[static_cast<std::size_t>(query)].norm;
    if (std::isinf(score)) return score;
    // The score was rounded, and so was what is compared with it.
    const double least = double{score} - std::abs(double{score}) * 0x1p-22 - 1e-37;
    if (options_.metric == Similarity::dot) return least;
    if (options_.metric == Similarity::cosine) return (least - 0x1p-40) * norm;
    return (least + norm * norm) / 2 - norm * norm * 0x1p-40;
}

}  // namespace kvmem::store
