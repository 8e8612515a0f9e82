// The inner loops of a search through a large memory: scores of a tile of 64 slots with a few queries, and which of
// them reach their query's threshold. Not installed.
//
// Keys are rows of float, or codes in tiles: word w of all 64 slots of a tile, then word w + 1. A word is 32 bits of
// one slot: four int8 or two bfloat16 numbers. So a slot is a lane, no sum goes across lanes, and one comparison of a
// vector answers for all of its slots.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <vector>

namespace kvmem::detail {

inline constexpr Index scan_tile = 64;
// The most queries of one call of scan_rows(). More are better multiplied as matrices.
inline constexpr Index few_row_queries = 8;

enum class CodeFormat : std::uint8_t { bfloat16, int8 };

inline constexpr Index code_words(CodeFormat form, Index width) {
    return form == CodeFormat::int8 ? (width + 3) / 4 : (width + 1) / 2;
}

// score = factor * product + bias for each slot. Null stands for 1 and 0.
struct Affine {
    const float* factor = nullptr;
    const float* bias = nullptr;
};

// The slots of a tile whose score is at least the threshold of each query.
struct ScanOutput {
    const float* threshold;  // [queries]
    std::uint64_t* above;    // [queries]: a bit for each slot
    float* scores;           // [queries, 64]; of slots with a bit
};

struct RowTile {
    const float* rows;  // [slots, width]
    Index row;          // numbers from one row to the next
    Index slots;        // at most 64
    Index width;
    Affine affine;
    const float* queries;  // [queries, width]
    Index query_row;
    Index count;      // at most few_row_queries
    bool exceeds_l2;  // the memory does: rows are read one after the other
};

struct CodeTile {
    const std::uint32_t* codes;  // [words, 64]
    Index words;
    Affine affine;  // int8: the factor holds the slot's scale
    // Each query: for int8 as words of four signed numbers, with its scale and, because codes of slots have 128 added,
    // with -128 times their sum; for bfloat16 as floats, two a word.
    const void* queries;  // [queries, words]
    const float* scales;
    const std::int32_t* starts;
    Index count;
    bool exceeds_l2;
};

// Where the products of rows with a panel of at most 64 outputs go: a row for each query of the tile.
struct PanelOutput {
    float* y;
    Index y_row;    // numbers from one row to the next
    Index outputs;  // of the panel
    bool add;       // to y
};

struct Scan {
    const char* name;
    void (*scan_rows)(const RowTile& tile, const ScanOutput& out);
    void (*scan_int8)(const CodeTile& tile, const ScanOutput& out);
    void (*scan_bf16)(const CodeTile& tile, const ScanOutput& out);
    // The same codes as weights of a layer: products with all outputs of a tile, times their factors.
    void (*multiply_int8)(const CodeTile& tile, const PanelOutput& out);
    void (*multiply_bf16)(const CodeTile& tile, const PanelOutput& out);
    // A row as int8, with zeros up to a whole word; its scale, and its start as in CodeTile.
    void (*encode_row)(const float* x, Index width, std::int8_t* codes, float& scale, std::int32_t& start);
    // The same from products [64] of one query.
    std::uint64_t (*above)(const float* products, Index slots, const Affine& affine, float threshold, float* scores);
    // The exact score: summed in double. Results are ordered by it, however they were found.
    double (*product)(const float* a, const float* b, Index width);
    double (*square_distance)(const float* a, const float* b, Index width);
    // Adds weight * values[i] * units[i], rounded to a whole number of at most 2^51, to each of the sums. Units are
    // powers of two. Sums of whole numbers have the same bits in any order.
    void (*add_whole)(double weight, const float* values, const double* units, Index width, std::int64_t* sums);
    // Raises each of the maxima to weight * |values[i]|, or to infinity where this is not finite.
    void (*max_products)(double weight, const float* values, Index width, double* maxima);
};

// The table of the best instruction set, chosen as simd() does, with avx512vnni as one more.
const Scan& scan();

// Bounds the error of scores from codes, for all slots of a tile: the largest norm of a key's coding error, and of a
// key.
struct CodeBound {
    float error = 0;
    float norm = 0;
};

// Encodes `slots` <= 64 rows, each times factor[i] if there are factors. Missing slots get zeros. `scales` [64] is for
// int8 alone.
CodeBound encode_tile(CodeFormat form, const float* rows, Index slots, Index width, const float* factor,
                      std::uint32_t* codes, float* scales);

// Encodes a query as int8 and returns the norm of the coding error.
double encode_query(const float* query, Index width, std::uint32_t* words, float& scale, std::int32_t& start);

}  // namespace kvmem::detail
