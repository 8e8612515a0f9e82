// The models beside the sentence selector: a key-value memory of windows, and encoders of whole texts.
#include "kvmem/autograd/gradcheck.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/tasks/selection/model_file.hpp"
#include "kvmem/tasks/selection/models/bi_encoder.hpp"
#include "kvmem/tasks/selection/models/sentence_memory.hpp"
#include "kvmem/tasks/selection/objective.hpp"
#include "kvmem/train/trainer.hpp"
#include "support/small_sentences.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// Questions whose answer names the thing that they are about, in a context that all candidates share.
SentencesDataset about_things() {
    const std::vector<std::string> things{"tower", "boat", "cat", "river", "tree", "lamp", "door", "road"};
    SentencesDataset dataset;
    Rng rng(1);
    for (const auto& [split, count] : {std::pair("train", 60), std::pair("valid", 20)})
        for (int i = 0; i < count; ++i) {
            SelectionQuestion q{.id = std::to_string(i), .text = "What of the "};
            std::vector<std::string> some = things;
            rng.shuffle(std::span(some));
            q.text += some[0] + "?";
            const Index answer = rng.below(4);
            for (Index s = 0; s < 4; ++s) {
                q.sentences.push_back("Here the " + some[s == answer ? 0 : s + 1] + " is old and grey today.");
                q.right.push_back(s == answer);
            }
            dataset.splits[split].push_back(std::move(q));
        }
    return dataset;
}

std::vector<Settings> small_readers() {
    SentenceMemoryConfig memory;
    memory.width = 12;
    LstmEncoderConfig lstm;
    lstm.width = lstm.hidden = 12;
    lstm.dropout = 0.1;
    TransformerEncoderConfig transformer;
    transformer.width = 16;
    transformer.heads = 2;
    transformer.hidden = 12;
    transformer.dropout = 0.1;
    return {memory, lstm, transformer};
}

}  // namespace

TEST_CASE("readers of sentences learn which one is about the question's thing", "[selection]") {
    const SentencesDataset data = about_things();
    for (const Settings& settings : small_readers()) {
        CAPTURE(settings.kind());
        const auto model = make_selection_model(settings, make_lexicon(data, {}, 0));
        SelectionObjective objective(*model, data);
        TrainerOptions options;
        options.epochs = 30;
        options.batch = 16;
        options.schedule.rate = 0.01;
        options.optimizer.method = Method::adam;
        Trainer(objective, options, {.name = "map", .is_share = true}).run({});
        CHECK(1 - objective.validate().loss > 0.95);
    }
}

TEST_CASE("scores of readers of sentences depend on neither other questions nor threads", "[selection]") {
    const SentencesDataset data = about_things();
    const auto& questions = data.split("valid");
    for (const Settings& settings : small_readers()) {
        CAPTURE(settings.kind());
        const auto model = make_selection_model(settings, make_lexicon(data, {}, 0));
        const Ragged<Real> all = model->score(questions);
        const ThreadLimit limit(1);
        CHECK(model->score(questions) == all);
        for (std::size_t i = 0; i < questions.size(); ++i)
            CHECK(std::ranges::equal(model->score({&questions[i], 1})[0], all[static_cast<Index>(i)]));
    }
}

TEST_CASE("a reader of sentences comes back from its file with the same scores", "[selection]") {
    const TemporaryDirectory folder;
    const SentencesDataset data = small_sentences();
    for (const Settings& settings : small_readers()) {
        CAPTURE(settings.kind());
        const auto model = make_selection_model(settings, make_lexicon(data, {}, 0));
        save_selection_model(*model, folder / "model.h5");
        const auto again = load_selection_model(folder / "model.h5");
        CHECK(again->settings().kind() == settings.kind());
        CHECK(again->score(data.split("train")) == model->score(data.split("train")));
    }
}

TEST_CASE("texts without words have finite scores and losses for readers of sentences", "[selection]") {
    const SelectionQuestion odd{.id = "", .text = "?!", .sentences = {"", "...", "Zyx \xC3\xA9."}, .right = {1, 0, 0}};
    const SelectionQuestion none{.id = "", .text = ".", .sentences = {""}, .right = {1}};
    for (const Settings& settings : small_readers()) {
        CAPTURE(settings.kind());
        const auto model = make_selection_model(settings, make_lexicon(small_sentences(), {}, 0));
        for (const SelectionQuestion* question : {&odd, &none}) {
            for (const Real score : model->score({question, 1}).values) CHECK(std::abs(score) < 1000);
            const ReadQuestion read = read_question(*question, model->lexicon());
            const ReadQuestion* const one = &read;
            Tape tape;
            const Var loss = model->loss(tape, {&one, 1});
            CHECK(std::isfinite(loss.value().data[0]));
            tape.backward(loss);
        }
        Tape tape;
        CHECK_THROWS_AS(model->scores(tape, {}), Error);
        CHECK_THROWS_AS(model->loss(tape, {}), Error);
    }
}

TEST_CASE("the losses of readers of sentences have the right gradients", "[selection]") {
    const SentencesDataset data = small_sentences();
    for (Settings settings : small_readers()) {
        CAPTURE(settings.kind());
        set_field(settings, "dropout", "0");
        const auto model = make_selection_model(settings, make_lexicon(data, {}, 0));
        const std::vector<ReadQuestion> read = read_questions(data.split("train"), model->lexicon());
        const std::vector<const ReadQuestion*> questions{&read[0], &read[1]};
        const auto loss = [&](Tape& tape) { return model->loss(tape, questions); };
        const GradcheckResult result = gradcheck(loss, model->parameters(), 3e-3);
        CAPTURE(result.where);
        CHECK(result.error < 2e-2);  // in float; each operation is checked in double
    }
}

namespace {

// The vector of a word as the memory of sentences reads it: [width + match_columns], times its weight.
std::vector<double> word_of(const ReadQuestion& question, Token word, std::span<const Real> match,
                            const Matrix& vectors) {
    std::vector<double> all;
    const double root = std::sqrt(static_cast<double>(vectors.cols()));
    for (Index d = 0; d < vectors.cols(); ++d) all.push_back(root * double{vectors(word, d)});
    for (const Real x : match) all.push_back(3 * double{x});
    for (double& x : all) x *= double{question.weights[static_cast<std::size_t>(word)]};
    return all;
}

using Numbers = std::vector<double>;

Numbers mapped(const Matrix& matrix, const Numbers& x) {
    Numbers out(static_cast<std::size_t>(matrix.rows()));
    for (Index i = 0; i < matrix.rows(); ++i)
        for (Index j = 0; j < matrix.cols(); ++j) out[i] += double{matrix(i, j)} * x[j];
    return out;
}

Numbers sum_of(const std::vector<Numbers>& rows, Index width) {
    Numbers sum(static_cast<std::size_t>(width));
    for (const Numbers& row : rows)
        for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += row[d] / std::sqrt(static_cast<double>(rows.size()));
    return sum;
}

double cosine(const Numbers& x, const Numbers& y) {
    double sum = 0, xs = 0, ys = 0;
    for (std::size_t d = 0; d < x.size(); ++d) {
        sum += x[d] * y[d];
        xs += x[d] * x[d];
        ys += y[d] * y[d];
    }
    return sum / std::sqrt(xs * ys);
}

}  // namespace

TEST_CASE("a memory of sentences scores by the formulas of its windows and hops", "[selection]") {
    const SentencesDataset data = small_sentences();
    SentenceMemoryConfig config;
    config.width = 5;
    config.window = 3;
    config.hops = 2;
    config.sharpness = 4;
    config.exact_match = 3;
    SentenceMemory model(config, make_lexicon(data, {}, 0));
    Rng rng(4);
    for (Parameter& p : model.parameters())
        for (Real& x : p.value.view().span()) x = static_cast<Real>(0.3 * rng.normal());
    const ReadQuestion read = read_question(data.split("train")[0], model.lexicon());
    Matrix vectors(std::ssize(read.rows), model.lexicon().width());
    read.copy_vectors(model.lexicon(), vectors);
    const Matrix &side = model.parameters().find("side.weight")->value,
                 &centre = model.parameters().find("centre.weight")->value,
                 &start = model.parameters().find("start")->value,
                 &first_map = model.parameters().find("memory.R1")->value,
                 &second_map = model.parameters().find("memory.R2")->value;
    const auto both = [&](const Numbers& word) {
        Numbers sum = mapped(side, word);
        const Numbers other = mapped(centre, word);
        for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += other[d];
        return sum;
    };
    std::vector<Numbers> asked;
    for (const Token word : read.words[0])
        asked.push_back(both(
            word_of(read, word, std::array{Real{1}, Real{1}, read.weights[static_cast<std::size_t>(word)]}, vectors)));
    Numbers state = sum_of(asked, 5);
    for (std::size_t d = 0; d < state.size(); ++d) state[d] += double{start(0, static_cast<Index>(d))};
    std::vector<Numbers> keys, values, sentences;
    std::vector<Index> sentence_of;
    Index row = 0;
    for (Index c = 0; c < read.size(); ++c) {
        std::vector<Numbers> words, texts;
        for (const Token word : read.words[c + 1])
            words.push_back(word_of(read, word, read.matches.view().middle_rows(row++, 1).span(), vectors));
        for (const Numbers& word : words) texts.push_back(both(word));
        sentences.push_back(sum_of(texts, 5));
        for (std::size_t i = 0; i < words.size(); ++i) {
            std::vector<Numbers> sides;
            if (i > 0) sides.push_back(mapped(side, words[i - 1]));
            if (i + 1 < words.size()) sides.push_back(mapped(side, words[i + 1]));
            Numbers key = sum_of(sides, 5);
            const Numbers middle = mapped(centre, words[i]);
            for (std::size_t d = 0; d < key.size(); ++d) key[d] += middle[d];
            keys.push_back(key);
            values.push_back(sum_of(texts, 5));
            sentence_of.push_back(c);
        }
    }
    const auto weights_of = [&](const Numbers& query) {
        Numbers all;
        double sum = 0;
        for (const Numbers& key : keys) sum += all.emplace_back(std::exp(4 * cosine(query, key)));
        for (double& weight : all) weight /= sum;
        return all;
    };
    const auto after = [&](Numbers query, const Matrix& matrix) {
        const Numbers weights = weights_of(query);
        for (std::size_t i = 0; i < keys.size(); ++i)
            for (std::size_t d = 0; d < query.size(); ++d) query[d] += weights[i] * values[i][d];
        return mapped(matrix, query);
    };
    const Numbers second = after(state, first_map), last = after(second, second_map);
    const Numbers weights = weights_of(second);
    Numbers expected(static_cast<std::size_t>(read.size()));
    for (std::size_t i = 0; i < keys.size(); ++i) expected[static_cast<std::size_t>(sentence_of[i])] += weights[i];
    for (std::size_t c = 0; c < expected.size(); ++c)
        expected[c] = 4 * cosine(last, sentences[c]) + std::log(expected[c]);
    const Ragged<Real> scores = model.score({&read, 1});
    // The scores lack the same constant of the question each.
    for (Index c = 1; c < read.size(); ++c)
        CHECK(double{scores[0][c] - scores[0][0]} ==
              Approx(expected[static_cast<std::size_t>(c)] - expected[0]).margin(1e-3));
}

TEST_CASE("settings of readers of sentences that do not fit are wrong usage", "[selection]") {
    const SentenceLexicon lexicon = make_lexicon(small_sentences(), {}, 0);
    SentenceMemoryConfig memory;
    memory.window = 4;
    CHECK_THROWS_AS(SentenceMemory(memory, lexicon), UsageError);
    TransformerEncoderConfig transformer;
    transformer.heads = 3;
    CHECK_THROWS_AS(TransformerEncoder(transformer, lexicon), UsageError);
    transformer.heads = 4;
    transformer.positions = Positions::learned;
    CHECK_THROWS_AS(TransformerEncoder(transformer, lexicon), UsageError);
    transformer.positions = Positions::rotary;
    transformer.width = 12;
    CHECK_THROWS_AS(TransformerEncoder(transformer, lexicon), UsageError);
}
