#include "kvmem/tasks/qa/config.hpp"

#include "kvmem/core/error.hpp"

#include <cmath>
#include <utility>

namespace kvmem {

void KvMemNNConfig::validate() const {
    require_option(width >= 1 && width <= 8192, "width", "1 to 8192");
    require_option(hops >= 1 && hops <= 16, "hops", "1 to 16");
    require_option(deviation > 0 && std::isfinite(deviation), "init", "a positive number");
    require_option(negatives >= 0, "negatives", "0 (all candidates) or more");
    require_option(match >= 0 && match <= 1e30, "match", "0 to 1e30");
    require_option(word_dropout >= 0 && word_dropout < 1, "word dropout", "0 to below 1");
    require_option(retriever.strategy != Retrieval::whole, "retrieval", "question or hops");
    require_option(retriever.max_frequency >= 1 && retriever.max_slots >= 1, "retrieval limits", "1 or more");
}

void MemN2NConfig::validate() const {
    require_option(width >= 1 && width <= 8192, "width", "1 to 8192");
    require_option(hops >= 1 && hops <= 16, "hops", "1 to 16");
    require_option(memory >= 1 && memory <= 1'000'000, "memory", "1 to 1000000 sentences");
    require_option(sentence >= 1 && sentence <= 1024, "sentence", "1 to 1024 words");
    require_option(random_noise >= 0 && random_noise <= 1, "random noise", "0 to 1");
    require_option(deviation > 0 && std::isfinite(deviation), "init", "a positive number");
}

void MemoryTransformerConfig::validate() const {
    require_option(width >= 1 && width <= 1024, "width", "1 to 1024");
    require_option(heads >= 1 && width % heads == 0, "heads", "1 or more that divide the width");
    require_option(hops >= 1 && hops <= 16, "hops", "1 to 16");
    require_option(inner >= 1 && inner <= 8, "inner", "1 to 8 times the width");
    require_option(longest >= 1 && longest <= 1024, "longest", "1 to 1024 words");
    require_option(dropout >= 0 && dropout < 1, "dropout", "0 to below 1");
}

void QueryReductionConfig::validate() const {
    require_option(width >= 1 && width <= 1024, "width", "1 to 1024");
    require_option(hops >= 1 && hops <= 16, "hops", "1 to 16");
    require_option(chain >= 0 && chain <= 16, "chain", "0 to 16");
    require_option(longest >= 1 && longest <= 1024, "longest", "1 to 1024 words");
    require_option(places >= 0 && std::isfinite(places), "places", "0 or more");
    require_option(dropout >= 0 && dropout < 1, "dropout", "0 to below 1");
}

void PathReaderConfig::validate() const {
    require_option(width >= 1 && width <= 1024, "width", "1 to 1024");
    require_option(hops >= 1 && hops <= 16, "hops", "1 to 16");
    require_option(word_deletion >= 0 && word_deletion < 1, "word deletion", "0 to below 1");
    require_option(dropout >= 0 && dropout < 1, "dropout", "0 to below 1");
    require_option(least >= 0 && least < 1, "least", "0 to below 1");
    require_option(spellings >= 1 && spellings <= 1'000'000, "spellings", "1 to 1000000");
    require_option(word_dropout >= 0 && word_dropout < 1, "word dropout", "0 to below 1");
}

std::string kind_of(const ModelConfig& config) {
    return std::visit([](const auto& c) { return std::string(c.kind); }, config);
}

void validate(const ModelConfig& config) {
    std::visit([](const auto& c) { c.validate(); }, config);
}

void set_seed(ModelConfig& config, std::uint64_t seed) {
    std::visit([seed](auto& c) { c.seed = seed; }, config);
}

// One default configuration of each kind.
template <std::size_t... I>
static std::vector<ModelConfig> one_of_each(std::index_sequence<I...>) {
    return {ModelConfig(std::in_place_index<I>)...};
}
static std::vector<ModelConfig> all_defaults() {
    return one_of_each(std::make_index_sequence<std::variant_size_v<ModelConfig>>());
}

std::vector<std::string> model_kinds() {
    std::vector<std::string> kinds;
    for (const ModelConfig& config : all_defaults()) kinds.push_back(kind_of(config));
    return kinds;
}

ModelConfig default_config(std::string_view kind) {
    std::string kinds;
    for (const ModelConfig& config : all_defaults()) {
        if (kind_of(config) == kind) return config;
        kinds += (kinds.empty() ? "" : ", ") + kind_of(config);
    }
    throw UsageError(
        {.what = "no such model", .expected = "one of " + kinds, .got = std::string(kind), .where = {}, .hint = {}});
}

}  // namespace kvmem
