#include "kvmem/kernels/attend.hpp"

#include "choice.hpp"
#include "module.hpp"

namespace kvmem::python {

static constexpr const char* similarities[] = {"dot", "cosine", "euclidean"};
static constexpr const char* normalizers[] = {"softmax", "sparsemax", "entmax15", "top_k", "none"};

static const char* const about =
    R"(attend(query, key, value, *, heads=1, key_heads=0, scale=1.0, similarity='dot', normalizer='softmax', top_k=0, softcap=0.0, causal=False, window=0, query_offsets=None, slot_offsets=None, weights=False)
--

Attention: query [B, H*D] reads key [S, G*D] and value [S, G*E].

Returns the output [B, H*E] and the log-sum-exp [B, H] of the scores; with weights=True also the weights [B, H, S],
or, with offsets, [n] in the order of segments, queries, heads and slots. `scale` multiplies the scores: scaled dot
products have scale=D**-0.5. A query that sees no slot reads zeros. With `query_offsets` and `slot_offsets`, queries
[query_offsets[i], query_offsets[i+1]) see slots [slot_offsets[i], slot_offsets[i+1]) alone.

>>> out, log_sum_exp = kvmem.attend([[1, 0]], [[5, 0], [0, 5]], [[1], [2]])
>>> round(float(out[0, 0]), 3), round(float(log_sum_exp[0, 0]), 3)
(1.007, 5.007)
)";

static OwnedSegments segments_of(py::handle query_offsets, py::handle slot_offsets, Index queries, Index slots) {
    if (query_offsets.is_none() != slot_offsets.is_none())
        throw OptionError("query_offsets", "slot_offsets beside it, or neither", "one of them");
    if (query_offsets.is_none()) return Segments::all(queries, slots);
    const Indices of_queries(query_offsets, "query_offsets", 1), of_slots(slot_offsets, "slot_offsets", 1);
    return {{of_queries.span().begin(), of_queries.span().end()}, {of_slots.span().begin(), of_slots.span().end()}};
}

static py::object attend_arrays(py::handle query, py::handle key, py::handle value, const AttendOptions& options,
                                py::handle query_offsets, py::handle slot_offsets, bool with_weights) {
    const Floats queries(query, "query", 2), keys(key, "key", 2), values(value, "value", 2);
    const OwnedSegments segments = segments_of(query_offsets, slot_offsets, queries.rows(), keys.rows());
    Matrix output, log_sum_exp;
    std::vector<Real> weights;
    try {
        const py::gil_scoped_release no_gil;
        const AttendInput in{.query = queries.view(), .key = keys.view(), .value = values.view()};
        check_attend(in, segments, options);
        output = Matrix(queries.rows(), values.cols() / options.memory_heads() * options.heads);
        log_sum_exp = Matrix(queries.rows(), options.heads);
        if (with_weights) weights.resize(weight_count(segments, options.heads));
        Arena scratch;
        attend(in, segments, options, {.output = output, .log_sum_exp = log_sum_exp, .weights = weights}, scratch);
    } catch (const Error& e) {
        throw UsageError(e.problem());
    }
    py::object out = array(std::move(output), queries.is_row());
    py::object sums = array(std::move(log_sum_exp), queries.is_row());
    if (!with_weights) return py::make_tuple(out, sums);
    if (!query_offsets.is_none()) return py::make_tuple(out, sums, array(std::move(weights)));
    return py::make_tuple(out, sums, array(std::move(weights), {queries.rows(), options.heads, keys.rows()}));
}

void define_attend(py::module_& module) {
    using py::literals::operator""_a;
    module.def(
        "attend",
        [](py::object query, py::object key, py::object value, Index heads, Index key_heads, Real scale,
           const std::string& similarity, const std::string& normalizer, Index top_k, Real softcap, bool causal,
           Index window, py::object query_offsets, py::object slot_offsets, bool weights) {
            AttendOptions options{.heads = heads, .key_heads = key_heads, .scale = scale};
            options.similarity = choice<Similarity>(similarity, similarities, "similarity");
            options.normalizer = choice<Normalizer>(normalizer, normalizers, "normalizer");
            options.top_k = top_k;
            options.softcap = softcap;
            options.causal = causal;
            options.window = window;
            return attend_arrays(query, key, value, options, query_offsets, slot_offsets, weights);
        },
        about, "query"_a, "key"_a, "value"_a, py::kw_only(), "heads"_a = 1, "key_heads"_a = 0, "scale"_a = 1.0F,
        "similarity"_a = "dot", "normalizer"_a = "softmax", "top_k"_a = 0, "softcap"_a = 0.0F, "causal"_a = false,
        "window"_a = 0, "query_offsets"_a = py::none(), "slot_offsets"_a = py::none(), "weights"_a = false);
}

}  // namespace kvmem::python
