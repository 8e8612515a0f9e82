// What every network of the lists shows of itself.
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/memory_model.hpp"
#include "kvmem/tasks/sequences/model.hpp"
#include "kvmem/tasks/sequences/models/seq2seq.hpp"
#include "kvmem/tasks/sequences/models/transformer.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "support/toy_pairs.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

using namespace kvmem;

TEST_CASE("every network shows the states that its output layer reads", "[memory]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    for (const bool text : {false, true})
        for (const ModelType* type : text ? text_models() : transduction_models()) {
            CAPTURE(type->kind());
            const auto network = make_sequence_network(type->defaults, {text ? Units() : data.source, data.target});
            CHECK(memory_options_of(*network).key_width > 1);
        }
}

TEST_CASE("lines that enter a running batch have the bits that they have alone", "[generate]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    const PairSplit& pairs = data.split("train");
    Ragged<Token> empty, prefixes;  // of unequal lengths, so that lines are over one after the other
    for (Index i = 0; i < pairs.size(); ++i) {
        empty.end_row();
        prefixes.push_row(pairs.target[i].first(std::min<std::size_t>(pairs.target[i].size(), i % 4)));
    }
    for (const bool text : {false, true})
        for (const ModelType* type : text ? text_models() : transduction_models()) {
            CAPTURE(type->kind());
            const auto network = make_sequence_network(type->defaults, {text ? Units() : data.source, data.target});
            const Ragged<Token>& sources = text ? empty : pairs.source;
            GenerateOptions options{.beam = 2, .max_length = 5};
            options.batch = 1;
            const auto alone = generate(*network, sources, options, {.prefixes = prefixes, .weights = true});
            options.batch = 4;
            const ThreadLimit one(1);
            const auto entering = generate(*network, sources, options, {.prefixes = prefixes, .weights = true});
            for (std::size_t i = 0; i < alone.size(); ++i) {
                CHECK(entering[i][0].tokens == alone[i][0].tokens);
                CHECK(entering[i][0].log_probability == alone[i][0].log_probability);
                CHECK(entering[i][0].weights == alone[i][0].weights);
            }
        }
}

TEST_CASE("heads have names of their layer, and of their model in an ensemble", "[sequences]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    TransformerConfig config;
    config.width = 8;
    config.heads = 2;
    config.encoder_layers = config.decoder_layers = 2;
    const Transformer transformer(config, {data.source, data.target});
    const Seq2Seq recurrent(Seq2SeqConfig{}, {data.source, data.target});
    const Ragged<Token>& sources = data.split("valid").source;
    CHECK(transformer.begin(sources)->head_name(3) == "layer 2 head 2");
    CHECK(recurrent.begin(sources)->head_name(0) == "head 1");
    const auto both = Ensemble({&transformer, &recurrent}).begin(sources);
    CHECK(both->head_name(2) == "model 1 layer 2 head 1");
    CHECK(both->head_name(4) == "model 2 head 1");
}

TEST_CASE("what the sequences of a pair read of themselves sums to one, and a target reads nothing behind it",
          "[sequences]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    TransformerConfig config;
    config.width = 8;
    config.heads = 2;
    config.encoder_layers = 1;
    config.decoder_layers = 2;
    const Transformer transformer(config, {data.source, data.target});
    const PairSplit& pairs = data.split("train");
    const auto maps = transformer.self_attention(pairs.source[0], pairs.target[0]);
    REQUIRE(maps.size() == 6);
    CHECK(maps[1].name == "layer 1 head 2");
    CHECK(maps[1].of_source);
    CHECK(maps[5].name == "layer 2 head 2");
    CHECK(maps[1].weights.rows() == std::ssize(pairs.source[0]));
    CHECK(maps[5].weights.rows() == std::ssize(pairs.target[0]) + 1);
    for (const SelfAttention& map : maps)
        for (Index i = 0; i < map.weights.rows(); ++i) {
            CHECK(std::accumulate(map.weights.row(i), map.weights.row(i + 1), Real{0}) == Approx(1));
            for (Index j = i + 1; !map.of_source && j < map.weights.cols(); ++j) CHECK(map.weights(i, j) == 0);
        }
    CHECK(
        Seq2Seq(Seq2SeqConfig{}, {data.source, data.target}).self_attention(pairs.source[0], pairs.target[0]).empty());
}
