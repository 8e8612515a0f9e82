#include "kvmem/nn/transformer.hpp"

#include "kvmem/core/error.hpp"
#include "nn/distance_buckets.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;
using test::check_gradients;
using test::normal;
using test::offsets;

namespace {
// Biases and gains that begin at zero or one would hide what is wrong.
void shake(Parameters& parameters) {
    std::uint64_t seed = 100;
    for (Parameter& p : parameters)
        if (p.value.rows() == 1) {
            const Matrix more = normal(1, p.value.cols(), ++seed, 0.3);
            for (Index j = 0; j < more.cols(); ++j) p.value(0, j) += more(0, j);
        }
}

TransformerOptions plain_decoder() {
    return {.width = 8, .inner = 6, .heads = 2, .layers = 2, .causal = true, .reads_memory = true};
}

// Decoders that differ in their code.
std::vector<TransformerOptions> all_decoders() {
    std::vector<TransformerOptions> all;
    for (const Positions positions : {Positions::none, Positions::sinusoidal, Positions::rotary, Positions::learned,
                                      Positions::relative, Positions::alibi}) {
        all.push_back(plain_decoder());
        all.back().positions = positions;
        all.back().max_positions = 40;
        all.back().max_distance = 20;
    }
    all[0].norm_order = NormOrder::post;
    all[1].feed_forward = FeedForwardForm::swiglu;
    all[2].norm = NormForm::rms;
    all[3].key_heads = 1;
    all[4].window = 7;
    all[5].softcap = 2;
    all.push_back(plain_decoder());
    all.back().mixer = Mixer::delta;
    all.push_back(all.back());
    all.back().product_keys = 3;
    return all;
}
}  // namespace

TEST_CASE("an encoder and a decoder have the right gradients", "[transformer]") {
    for (const TransformerOptions& options : all_decoders()) {
        Parameters p;
        Parameter &x = p.add("x", normal(4, 8, 1)), &y = p.add("y", normal(5, 8, 2));
        TransformerOptions encode = options;
        encode.causal = encode.reads_memory = false;
        encode.mixer = Mixer::attention;
        encode.feed_forward = FeedForwardForm::gelu;
        const TransformerStack encoder(p, "encoder", encode, 1), decoder(p, "decoder", options, 2);
        shake(p);
        const auto sources = offsets({3, 0, 1}), targets = offsets({1, 2, 2});
        check_gradients(
            p,
            [&](Tape& t) {
                const EncoderOutput memory{encoder(t.parameter(x), sources).out, sources};
                return decoder(t.parameter(y), targets, &memory).out;
            },
            1e-6);
    }
}

TEST_CASE("distances from max_distance on share a bias, and those below keep theirs", "[transformer]") {
    for (const bool causal : {true, false})
        for (const Index max : {1, 5, 16, 20, 128}) {
            for (const Index distance : {max, max + 1, 10 * max, Index{1} << 40}) {
                CHECK(bucket_of(distance, causal, max) == (causal ? 31 : 15));
                CHECK(bucket_of(-distance, causal, max) == (causal ? 0 : 31));
            }
            for (Index distance = 0; distance + 1 < max; ++distance)
                CHECK(bucket_of(distance, causal, max) <= bucket_of(distance + 1, causal, max));
            for (Index distance = 0; distance < std::min<Index>(max, causal ? 16 : 8); ++distance)
                CHECK(bucket_of(distance, causal, max) == distance);
        }
    // T5's own code: relative_position_bucket(-distance, bidirectional=False, num_buckets=32, max_distance=128).
    CHECK(bucket_of(16, true, 128) == 16);
    CHECK(bucket_of(25, true, 128) == 19);
    CHECK(bucket_of(100, true, 128) == 30);
}

TEST_CASE("rows at max_distance or farther may change their places unseen", "[transformer]") {
    TransformerOptions options = plain_decoder();
    options.reads_memory = false, options.layers = 1, options.positions = Positions::relative, options.max_distance = 4;
    Parameters p;
    const TransformerStack decoder(p, "decoder", options, 1);
    const Matrix x = normal(8, 8, 1);
    const auto last_row = [&](const std::vector<Index>& order) {
        Tape t;
        t.set_training(false);
        const Var out = decoder(take_rows(t.constant(x), order), offsets({8})).out;
        const ConstView rows = out.value();
        return std::vector<Real>(rows.row(7), rows.row(7) + rows.cols);
    };
    const auto change = [&](const std::vector<Index>& order) {
        const auto before = last_row({0, 1, 2, 3, 4, 5, 6, 7}), after = last_row(order);
        double most = 0;
        for (std::size_t j = 0; j < before.size(); ++j) most = std::max<double>(most, std::abs(before[j] - after[j]));
        return most;
    };
    CHECK(change({3, 1, 0, 2, 4, 5, 6, 7}) < 1e-5);
    CHECK(change({0, 1, 2, 3, 4, 6, 5, 7}) > 1e-3);
}

TEST_CASE("steps give the rows of a whole run, bit for bit", "[transformer]") {
    for (const TransformerOptions& options : all_decoders()) {
        Parameters p;
        const TransformerStack decoder(p, "decoder", options, 1);
        shake(p);
        const std::vector<Index> lengths{9, 30, 1};
        const auto rows = offsets(lengths), sources = offsets({3, 0, 12});
        const Matrix x = normal(40, 8, 1), encoded = normal(15, 8, 2);
        Tape t;
        t.set_training(false);
        const EncoderOutput memory{t.constant(encoded), sources};
        const TransformerStack::Run whole = decoder(t.constant(x), rows, &memory);
        TransformerCache cache = decoder.start(3, &memory);
        std::vector<Index> growing{0, 1, 2};
        for (Index at = 0; !growing.empty(); ++at) {
            std::vector<Index> now, queries{0, 0, 0, 0};
            for (const Index i : growing) now.push_back(rows[i] + at), queries[i + 1] = 1;
            for (std::size_t i = 1; i < queries.size(); ++i) queries[i] += queries[i - 1];
            const auto run = decoder.step(cache, take_rows(t.constant(x), now), queries);
            CHECK(test::same_bits(run.out.value(), take_rows(whole.out, now).value()));
            CHECK(run.reads.size() == 2);
            std::vector<Index> on, next;
            for (std::size_t i = 0; i < growing.size(); ++i)
                if (at + 1 < lengths[growing[i]]) on.push_back(static_cast<Index>(i)), next.push_back(growing[i]);
            cache.reorder(on);
            growing = std::move(next);
        }
    }
}

TEST_CASE("attention dropout changes what a decoder reads in training alone", "[transformer]") {
    Parameters p;
    TransformerOptions options = plain_decoder();
    options.reads_memory = false;
    options.attention_dropout = 0.5;
    const TransformerStack decoder(p, "decoder", options, 1);
    const Matrix x = normal(9, 8, 1);
    const auto rows = offsets({9});
    const auto run = [&](bool training) {
        Tape t;
        t.set_training(training);
        const ConstView out = decoder(t.constant(x), rows).out.value();
        return std::vector<Real>(out.data, out.data + out.size());
    };
    CHECK(run(true) != run(false));
    CHECK(run(false) == run(false));
}

TEST_CASE("sequences beyond the learned positions are errors", "[transformer]") {
    Parameters p;
    TransformerOptions options = plain_decoder();
    options.reads_memory = false;
    options.positions = Positions::learned;
    options.max_positions = 3;
    const TransformerStack decoder(p, "decoder", options, 1);
    const Matrix x = normal(4, 8, 1);
    Tape t;
    t.set_training(false);
    CHECK_THROWS_AS(decoder(t.constant(x), offsets({4})), Error);
    TransformerCache cache = decoder.start(1);
    for (Index i = 0; i < 4; ++i) {
        const Var row = t.constant(x.view().middle_rows(i, 1));
        if (i < 3)
            CHECK(decoder.step(cache, row).out.rows() == 1);
        else
            CHECK_THROWS_AS(decoder.step(cache, row), Error);
    }
}

TEST_CASE("a decoder refuses what does not fit, and its cache is then as it was", "[transformer]") {
    Parameters p;
    const TransformerOptions options = plain_decoder();
    const TransformerStack decoder(p, "decoder", options, 1);
    TransformerOptions plain = options;
    plain.reads_memory = false;
    const TransformerStack causal(p, "causal", plain, 1);
    plain.causal = false;
    const TransformerStack encoder(p, "encoder", plain, 1);
    const Matrix x = normal(2, 8, 1), wide = normal(2, 9, 1);
    const auto two = offsets({1, 1}), one = offsets({2});
    Tape t;
    t.set_training(false);
    const EncoderOutput memory{t.constant(x), two};
    CHECK_THROWS_AS(decoder(t.constant(x), two), Error);
    CHECK_THROWS_AS(decoder(t.constant(wide), two, &memory), Error);
    CHECK_THROWS_AS(decoder(t.constant(x), one, &memory), Error);
    CHECK_THROWS_AS(decoder.start(2), Error);
    CHECK_THROWS_AS(causal.start(2, &memory), Error);
    TransformerCache cache = decoder.start(2, &memory);
    CHECK_THROWS_AS(decoder.step(cache, t.constant(wide), two), Error);
    CHECK_THROWS_AS(decoder.step(cache, t.constant(x), one), Error);  // noticed behind the attention to itself
    CHECK_THROWS_AS(causal.step(cache, t.constant(x)), Error);
    for (const KeyValueCache& layer : cache.self) CHECK(layer.lengths() == std::vector<Index>{0, 0});
    TransformerCache other = encoder.start(2);
    CHECK_THROWS_AS(encoder.step(other, t.constant(x)), Error);
    for (const auto change :
         {+[](TransformerOptions& o) { o.width = 0; }, +[](TransformerOptions& o) { o.heads = 3; },
          +[](TransformerOptions& o) { o.layers = 0; }, +[](TransformerOptions& o) { o.inner = -1; },
          +[](TransformerOptions& o) { o.dropout = 1; }, +[](TransformerOptions& o) { o.softcap = -1; },
          +[](TransformerOptions& o) { o.key_heads = 3; }, +[](TransformerOptions& o) { o.product_keys = -1; },
          +[](TransformerOptions& o) { o.mixer = Mixer::delta, o.causal = false; }}) {
        TransformerOptions wrong = options;
        change(wrong);
        Parameters none;
        CHECK_THROWS_AS(TransformerStack(none, "s", wrong, 1), Error);
        CHECK(none.size() == 0);
    }
}

TEST_CASE("sequences that do not fit are not added to any layer of a cache", "[transformer]") {
    for (const Mixer mixer : {Mixer::attention, Mixer::delta}) {
        Parameters p;
        TransformerOptions options = plain_decoder();
        options.mixer = mixer;
        const TransformerStack decoder(p, "decoder", options, 1);
        const Matrix x = normal(2, 8, 1), wide = normal(2, 9, 1);
        const auto two = offsets({1, 1}), three = offsets({1, 1, 1});
        const std::vector<Index> none, falling{0, 3, 2}, late{1, 2};
        Tape t, training;
        t.set_training(false);
        const EncoderOutput memory{t.constant(x), two};
        TransformerCache cache = decoder.start(2, &memory);
        const auto counts = [&] {
            std::vector<Index> all;
            for (const KeyValueCache& layer : cache.self) all.push_back(layer.sequences());
            for (const Matrix& layer : cache.delta) all.push_back(layer.rows());
            for (const KeyValueCache& layer : cache.memory) all.push_back(layer.sequences());
            return all;
        };
        CHECK_THROWS_AS(decoder.start(-1, &memory), Error);
        CHECK_THROWS_AS(decoder.add(cache, -1, &memory), Error);
        CHECK_THROWS_AS(decoder.add(cache, -3, &memory), Error);
        CHECK_THROWS_AS(decoder.add(cache, 1), Error);
        for (const EncoderOutput& wrong :
             {EncoderOutput{t.constant(wide), two}, EncoderOutput{training.constant(x), two},
              EncoderOutput{t.constant(x), three}, EncoderOutput{t.constant(x), none},
              EncoderOutput{t.constant(x), falling}, EncoderOutput{t.constant(x), late}})
            CHECK_THROWS_AS(decoder.add(cache, 2, &wrong), Error);
        CHECK(counts() == std::vector<Index>{2, 2, 2, 2});
        decoder.add(cache, 1, &memory);
        CHECK(counts() == std::vector<Index>{3, 3, 4, 4});
    }
}

TEST_CASE("a cache of the delta rule has one size, and an error leaves it as it was", "[transformer]") {
    Parameters p;
    TransformerOptions options = plain_decoder();
    options.mixer = Mixer::delta;
    const TransformerStack decoder(p, "decoder", options, 1);
    const auto two = offsets({1, 1}), one = offsets({2});
    Tape t;
    t.set_training(false);
    const Matrix encoded = normal(2, 8, 1), x = normal(2, 8, 2), wide = normal(2, 5, 3);
    const EncoderOutput memory{t.constant(encoded), two};
    TransformerCache cache = decoder.start(2, &memory);
    for (int i = 0; i < 3; ++i) CHECK(decoder.step(cache, t.constant(x), two).reads.size() == 2);
    const std::vector<Matrix> before = cache.delta;
    CHECK_THROWS_AS(decoder.step(cache, t.constant(wide), two), Error);
    CHECK_THROWS_AS(decoder.step(cache, t.constant(x), one), Error);
    CHECK_THROWS_AS(cache.reorder(std::vector<Index>{0, 2}), Error);
    for (std::size_t i = 0; i < 2; ++i) CHECK(test::same_bits(cache.delta[i], before[i]));
    CHECK(cache.self.empty());
    cache.reorder(std::vector<Index>{1, 1, 0});
    CHECK(cache.delta[0].rows() == 3);
    CHECK(cache.delta[0].cols() == 2 * 4 * 4);
    CHECK(test::same_bits(cache.delta[1].view().middle_rows(1, 1), before[1].view().middle_rows(1, 1)));
    TransformerCache other;
    CHECK_THROWS_AS(decoder.step(other, t.constant(x), two), Error);
}
