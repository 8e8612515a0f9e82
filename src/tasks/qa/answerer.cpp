#include "kvmem/tasks/qa/answerer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "kvmem/tasks/qa/compiled_memory.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "tasks/qa/translator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

namespace kvmem {

struct Answerer::Impl {
    std::unique_ptr<Model> model;
    Slots memory;  // in the model's tokens
    std::vector<SlotOrigin> origin;
    std::shared_ptr<const documents::Corpus> documents;
    std::optional<Retriever> retriever, sources;  // sources: slots of documents by their subjects, for paths
    std::optional<EntityLinker> linker;
    std::optional<CompiledMemory> compiled;

    Impl(std::unique_ptr<Model> m, QaDataset dataset, std::vector<bool> names)
        : model(std::move(m)),
          memory(std::move(dataset.memory)),
          origin(std::move(dataset.origin)),
          documents(std::move(dataset.documents)) {
        // At once, since both read all of a large memory.
        parallel_for(2, 1, [&](Index first, Index last) {
            if (first == 0) retriever.emplace(memory, model->vocabulary(), model->retrieval());
            if (last == 2) linker.emplace(model->vocabulary(), std::move(names));
        });
        if (documents && !origin.empty() && retriever->facts())
            sources.emplace(memory, model->vocabulary(),
                            RetrieverOptions{.max_frequency = memory.size(), .max_slots = memory.size()});
    }

    Token token_of(const std::string& text) const {
        const auto found = linker->find(text);
        return found.empty() ? unknown_token : found.front();
    }
    // The tokens of a text that the model reads: for an unknown word that of Lexicon::like().
    std::vector<Token> inputs_of(const LinkedText& text) const;
    // Adds the sentences' words that training never saw, and the values that are no names, to `unknown`.
    Batch batch_of(const LinkedText& question, const std::vector<TextSlot>& own,
                   std::vector<std::string>& unknown) const;
    // The linked question, with the nearest name if it names none. Fills the answer's words, names and suggestions.
    LinkedText link(const std::string& question, Answer& answer) const;
    void rank(Answer& answer, std::span<const Scored> scores, const AnswerOptions& options) const;
    std::vector<Answer::ReadSlot> read_slots(const Batch& batch, std::span<const Real> weights, Index count) const;
    void quote_paths(std::span<const FactPath> paths, std::vector<Answer::Path>& shown) const;
    void show_paths(Answer& answer, const AttentionTrace& trace, const LinkedText& question) const;
    Answer ask(const std::string& question, const AnswerOptions& options, const std::vector<TextSlot>& own) const;
};

std::string text_of(const Vocabulary& vocabulary, std::span<const Token> tokens) {
    std::string text;
    for (const Token token : tokens) text += (text.empty() ? "" : " ") + vocabulary.text(token);
    return text;
}

Answer::Path named(const Vocabulary& vocabulary, const FactPath& path) {
    Answer::Path all{vocabulary.text(path.start), {}, double{path.weight}};
    for (const FactPath::Step& step : path.steps) {
        const std::string& name = vocabulary.text(step.relation);
        const bool reversed = name.starts_with('~');
        all.steps.push_back({name.substr(reversed ? 1 : 0), reversed, vocabulary.text(step.entity), double{step.weight},
                             std::ssize(all.steps) + 1});
    }
    return all;
}

Answerer::Answerer(std::unique_ptr<Model> model, QaDataset memory) {
    const std::vector<Token> to = model->extend(memory);
    translate(memory.memory, to);
    std::vector<bool> names = names_in_use(memory, to, model->vocabulary().size());
    impl_ = std::make_unique<Impl>(std::move(model), std::move(memory), std::move(names));
}
Answerer::~Answerer() = default;
Answerer::Answerer(Answerer&&) noexcept = default;
Answerer& Answerer::operator=(Answerer&&) noexcept = default;

const Model& Answerer::model() const { return *impl_->model; }
Index Answerer::memory_slots() const { return impl_->memory.size(); }

void Answerer::read_from(store::MemoryStore compiled) {
    CompiledMemory checked(std::move(compiled), *impl_->model, impl_->memory);
    impl_->compiled = std::move(checked);
}

// Appends the words that `all` lacks.
static void add_words(std::vector<std::string>& all, const std::vector<std::string>& words) {
    for (const std::string& word : words)
        if (std::ranges::find(all, word) == all.end()) all.push_back(word);
}

std::vector<Token> Answerer::Impl::inputs_of(const LinkedText& text) const {
    std::vector<Token> tokens = text.tokens;
    if (model->reads_spelling()) return tokens;
    auto word = text.unknown_words.begin();
    for (Token& token : tokens)
        if (token == unknown_token) token = model->lexicon().like(*word++);
    return tokens;
}

Batch Answerer::Impl::batch_of(const LinkedText& question, const std::vector<TextSlot>& own,
                               std::vector<std::string>& unknown) const {
    Batch batch;
    for (const TextSlot& slot : own) {
        const LinkedText key = linker->link(slot.key);
        const std::vector<Token> tokens = inputs_of(key);
        batch.slots.key.push_row(tokens);
        if (slot.value) {
            const Token value = token_of(*slot.value);
            if (value == unknown_token) add_words(unknown, {*slot.value});
            batch.slots.value.push_row(std::span(&value, 1));
        } else {
            add_words(unknown, key.unknown_words);
            batch.slots.value.push_row(tokens);
        }
        batch.origin.push_back(-1);
    }
    auto word = question.unknown_words.begin();
    for (std::size_t i = 0; i < question.tokens.size(); ++i)
        if (question.tokens[i] == unknown_token) batch.unseen.emplace_back(static_cast<Index>(i), *word++);
    add_example(batch, inputs_of(question), {}, memory, *retriever);
    if (compiled) batch.encoded = compiled->read(batch);
    return batch;
}

LinkedText Answerer::Impl::link(const std::string& question, Answer& answer) const {
    LinkedText linked = linker->link(question);
    if (linked.entities.empty() && memory.size() > 0) {
        const std::vector<NearName> near = linker->nearest(question, 5);
        for (const NearName& name : near) answer.suggestions.push_back(model->vocabulary().text(name.entity));
        constexpr double misspelt = 1.0 / 5;  // one letter in five; a larger distance means another name
        // A common word of questions is no misspelt name.
        if (!near.empty() && near[0].distance <= misspelt && !near[0].common && retriever->facts()) {
            answer.taken_for = answer.suggestions.front();
            linked = linker->link_as(question, near[0]);
        }
    }
    answer.unknown_words = linked.unknown_words;
    for (const Token token : linked.entities) add_words(answer.entities, {model->vocabulary().text(token)});
    return linked;
}

void Answerer::Impl::rank(Answer& answer, std::span<const Scored> scores, const AnswerOptions& options) const {
    std::vector<Real> numbers;
    for (const Scored& s : scores) numbers.push_back(s.score);
    if (!std::ranges::all_of(numbers, [](Real s) { return std::isfinite(s); }))
        throw Error({.what = "this model's scores are not finite numbers",
                     .hint = "train again, with a lower rate or a clip length"});
    if (numbers.empty()) return;
    const Real best = *std::ranges::max_element(numbers), threshold = as_good_as(best);
    answer.as_good = std::ranges::count_if(numbers, [&](Real s) { return s >= threshold; });
    double sum = 0;
    for (const Real s : numbers) sum += std::exp(double{s} - double{best});
    const Index count = options.all_as_good ? std::max(options.candidates, answer.as_good) : options.candidates;
    for (const Scored& s : top_k(numbers, count)) {
        const Token token = model->candidates()[scores[s.index].index];
        const double weight =
            model->scores_few() ? std::exp(double{s.score}) : std::exp(double{s.score} - double{best}) / sum;
        answer.candidates.push_back({model->vocabulary().text(token), double{s.score}, weight});
    }
}

// The sentence that a slot was read from, and its mention's "file:line:column".
static std::pair<std::string, std::string> quote(const documents::Collection& collection, const SlotOrigin& origin) {
    if (origin.document < 0 || origin.document >= std::ssize(collection.documents)) return {};
    const documents::Range range = collection.sentences_of(collection.documents[origin.document]);
    const auto first = collection.sentences.begin() + range.first, last = collection.sentences.begin() + range.last;
    const auto behind =
        std::upper_bound(first, last, origin.begin,
                         [](Index byte, const documents::Sentence& sentence) { return byte < sentence.bytes.first; });
    if (behind == first) return {};
    const documents::File& file = collection.files[collection.file_of(origin.document)];
    const auto [line, column] = documents::Collection::place_of(file, origin.begin);
    return {std::string(collection.text_of(*std::prev(behind))),
            file.path + ":" + std::to_string(line) + ":" + std::to_string(column)};
}

// Adds the sentences that state the steps of paths.
void Answerer::Impl::quote_paths(std::span<const FactPath> paths, std::vector<Answer::Path>& shown) const {
    if (!sources) return;
    std::map<std::array<Token, 3>, std::vector<Answer::Path::Step*>> steps;  // by subject, relation and object
    for (std::size_t p = 0; p < paths.size(); ++p) {
        Token at = paths[p].start;
        for (std::size_t i = 0; i < paths[p].steps.size(); ++i) {
            const FactPath::Step& step = paths[p].steps[i];
            steps[{at, step.relation, step.entity}].push_back(&shown[p].steps[i]);
            at = step.entity;
        }
    }
    std::vector<Token> subjects;
    for (const auto& [fact, shown_steps] : steps)
        if (subjects.empty() || subjects.back() != fact[0]) subjects.push_back(fact[0]);
    for (const Index slot : sources->retrieve(subjects)) {
        const auto key = memory.key[slot], value = memory.value[slot];
        if (key.size() != 2 || value.size() != 1) continue;
        const auto found = steps.find({key[0], key[1], value[0]});
        if (found == steps.end()) continue;
        for (Answer::Path::Step* step : found->second)
            std::tie(step->sentence, step->where) = quote(documents->collection, origin[slot]);
        steps.erase(found);
    }
}

void Answerer::Impl::show_paths(Answer& answer, const AttentionTrace& trace, const LinkedText& question) const {
    const Vocabulary& vocabulary = model->vocabulary();
    for (const FactPath& path : trace.paths.at(0)) answer.paths.push_back(named(vocabulary, path));
    if (trace.paths[0].empty()) return;
    quote_paths(trace.paths[0], answer.paths);
    const std::size_t tokens = question.tokens.size();
    for (const FactPath::Step& step : trace.paths[0].front().steps) {
        const std::size_t first = static_cast<std::size_t>(step.hop) * tokens;
        std::vector<Answer::ReadWord>& shown = answer.words.emplace_back();
        auto unknown = question.unknown_words.begin();
        for (std::size_t t = 0; t < tokens; ++t) {
            const Token token = question.tokens[t];
            const std::string& text = token == unknown_token ? *unknown++ : vocabulary.text(token);
            shown.push_back({text, double{trace.words[0][first + t]}});
        }
        std::ranges::stable_sort(shown, [](const auto& a, const auto& b) { return a.weight > b.weight; });
    }
}

std::vector<Answer::ReadSlot> Answerer::Impl::read_slots(const Batch& batch, std::span<const Real> weights,
                                                         Index count) const {
    std::vector<Answer::ReadSlot> all;
    for (const Scored& s : top_k(weights, count)) {
        all.push_back({text_of(model->vocabulary(), batch.slots.key[s.index]),
                       text_of(model->vocabulary(), batch.slots.value[s.index]), double{s.score}, s.index});
        const Index slot = batch.origin[s.index];
        if (documents && slot >= 0 && slot < std::ssize(origin))
            std::tie(all.back().sentence, all.back().where) = quote(documents->collection, origin[slot]);
    }
    return all;
}

Answer Answerer::Impl::ask(const std::string& question, const AnswerOptions& options,
                           const std::vector<TextSlot>& own) const {
    Answer answer;
    const LinkedText linked = link(question, answer);
    const Batch batch = batch_of(linked, own, answer.unknown_words);
    answer.slots = std::min(batch.slots.size(), model->max_slots());
    answer.unread = batch.slots.size() - answer.slots;
    answer.local_slots = static_cast<Index>(own.size());
    if (answer.slots == 0 && (!batch.facts || linked.entities.empty())) return answer;
    Tape tape;
    tape.set_training(false);
    AttentionTrace trace;
    trace.max_paths = options.all_as_good ? std::ssize(model->candidates()) : options.candidates;
    rank(answer, model->score_few(tape, batch, &trace).values, options);
    if (batch.facts) show_paths(answer, trace, linked);
    answer.paths.resize(std::min(answer.paths.size(), answer.candidates.size()));
    if (!trace.certainty.empty()) answer.certainty = trace.certainty[0];
    answer.refused = answer.certainty < options.min_certainty.value_or(model->min_certainty());
    for (Index hop = 0; hop < trace.hops; ++hop) {
        Answer::Hop& shown = answer.hops.emplace_back();
        for (Index head = 0; head < trace.heads; ++head)
            shown.heads.push_back({read_slots(batch, trace.of(hop, head), options.slots)});
    }
    return answer;
}

// One answer of those for the names of a list. One that is refused adds no candidates, unless all are.
static Answer merged(std::vector<Answer> answers, const AnswerOptions& options) {
    const auto best = std::ranges::max_element(answers, {}, &Answer::certainty);
    Answer all = *best;
    all.is_list = true;
    all.candidates.clear(), all.paths.clear(), all.entities.clear();
    all.as_good = 0;
    std::vector<std::string> names;
    const auto add = [&](const Answer& answer, std::size_t candidate) {
        if (std::ranges::find(names, answer.candidates[candidate].text) != names.end()) return false;
        names.push_back(answer.candidates[candidate].text);
        all.candidates.push_back(answer.candidates[candidate]);
        all.paths.push_back(answer.paths[candidate]);
        return true;
    };
    for (const Answer& answer : answers) {
        add_words(all.entities, answer.entities);
        if (answer.refused && !all.refused) continue;
        Index added = answer.as_good;
        for (Index i = 0; i < std::min(answer.as_good, std::ssize(answer.candidates)); ++i)
            added -= !add(answer, static_cast<std::size_t>(i));
        all.as_good += added;
    }
    for (const Answer& answer : answers)
        for (std::size_t i = 0; !answer.refused && i < answer.candidates.size(); ++i) add(answer, i);
    const Index count = options.all_as_good ? std::max(options.candidates, all.as_good) : options.candidates;
    all.candidates.resize(std::min(std::ssize(all.candidates), count));
    all.paths.resize(all.candidates.size());
    return all;
}

Answer Answerer::ask(const std::string& question, const AnswerOptions& options,
                     const std::vector<TextSlot>& own) const {
    if (!impl_->retriever->facts()) return impl_->ask(question, options, own);
    if (!own.empty())
        throw Error({.what = "a " + impl_->model->name() + " reads no slots that come with a question",
                     .expected = "a question about the facts of the memory",
                     .got = std::to_string(own.size()) + " slots of its own",
                     .hint = "train another kind of model on questions with memories of their own"});
    const std::vector<std::string> questions = split_list(*impl_->linker, question);
    if (questions.size() == 1) return impl_->ask(question, options, own);
    std::vector<Answer> answers;
    answers.reserve(questions.size());
    for (const std::string& one : questions) answers.push_back(impl_->ask(one, options, own));
    return merged(std::move(answers), options);
}

}  // namespace kvmem
