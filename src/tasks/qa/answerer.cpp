#include "kvmem/tasks/qa/answerer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "tasks/qa/answerer_impl.hpp"
#include "tasks/qa/blank.hpp"
#include "tasks/qa/translator.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace kvmem {

Answerer::Impl::Impl(std::shared_ptr<QuestionReader> shared, Slots slots, std::vector<SlotOrigin> origins,
                     std::shared_ptr<const documents::Corpus> corpus)
    : reader(std::move(shared)),
      model(reader->model.get()),
      memory(std::move(slots)),
      sources(memory, std::move(origins), std::move(corpus), model->vocabulary(), follows_facts()) {
    // At once, since both read all of a large memory.
    parallel_for(2, 1, [&](Index first, Index last) {
        if (first == 0) retriever.emplace(memory, model->vocabulary(), model->retrieval());
        if (last == 2 && !reader->linker) reader->linker.emplace(model->vocabulary(), reader->names);
    });
}

Answerer::Impl::Impl(std::shared_ptr<QuestionReader> shared, ShardedMemory shards)
    : reader(std::move(shared)), model(reader->model.get()), sharded(std::move(shards)) {
    reader->linker.emplace(model->vocabulary(), reader->names);
}

static std::shared_ptr<QuestionReader> reader_of(std::unique_ptr<Model> model, const QaDataset& dataset, Index slots,
                                                 std::span<const Token> to) {
    auto reader = std::make_shared<QuestionReader>();
    const Token tokens = model->vocabulary().size();
    reader->names = names_in_use(dataset.vocabulary, slots, to, tokens);
    reader->relations = relations_in_use(dataset.vocabulary, to, tokens);
    reader->model = std::move(model);
    return reader;
}

Answerer::Answerer(std::unique_ptr<Model> model, QaDataset memory) {
    const std::vector<Token> to = model->extend(memory);
    translate(memory.memory, to);
    const Index slots = memory.memory.size();
    impl_ = std::make_unique<Impl>(reader_of(std::move(model), memory, slots, to), std::move(memory.memory),
                                   std::move(memory.origin), std::move(memory.documents));
}
Answerer::Answerer(std::unique_ptr<Model> model, const QaDataset& shard, ShardCall call) {
    const std::vector<Token> to = model->extend(shard);
    ShardedMemory sharded(std::move(call), *model);
    const Index slots = sharded.size();
    impl_ = std::make_unique<Impl>(reader_of(std::move(model), shard, slots, to), std::move(sharded));
}
Answerer::Answerer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Answerer::~Answerer() = default;
Answerer::Answerer(Answerer&&) noexcept = default;
Answerer& Answerer::operator=(Answerer&&) noexcept = default;

std::optional<Answerer> Answerer::edited(std::span<const NamedFact> removed, std::span<const NamedFact> added) const {
    if (impl_->sharded) return {};
    Slots memory = impl_->memory;
    std::vector<SlotOrigin> origin = impl_->sources.origin();
    for (const NamedFact& fact : removed) {
        const auto tokens = impl_->reader->tokens_of(fact);
        if (!tokens || !remove_fact_slots(memory, origin, *tokens)) return {};
    }
    for (const NamedFact& fact : added) {
        const auto tokens = impl_->reader->tokens_of(fact);
        if (!tokens) return {};
        add_fact_slots(memory, origin, *tokens);
    }
    return Answerer(
        std::make_unique<Impl>(impl_->reader, std::move(memory), std::move(origin), impl_->sources.documents()));
}

const Model& Answerer::model() const { return *impl_->model; }
Index Answerer::memory_slots() const { return impl_->slots(); }

void Answerer::read_from(store::MemoryStore compiled) {
    require_option(!impl_->sharded, "store", "a memory that is not in shards");
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

void Answerer::Impl::add_question(Batch& batch, const LinkedText& question, const std::vector<TextSlot>& own,
                                  std::vector<std::string>& unknown) const {
    const auto first = std::ssize(batch.question.values);
    for (const TextSlot& slot : own) {
        const LinkedText key = linker().link(slot.key);
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
        if (question.tokens[i] == unknown_token) batch.unseen.emplace_back(first + static_cast<Index>(i), *word++);
    if (sharded)
        sharded->add_example(batch, inputs_of(question));
    else
        add_example(batch, inputs_of(question), {}, memory, *retriever);
    if (compiled) batch.encoded = compiled->read(batch);
}

Asking Answerer::Impl::asking(LinkedText linked, const AnswerOptions& options) const {
    Asking one{std::move(linked), &options, {}};
    one.answer.unknown_words = one.linked.unknown_words;
    for (const Token token : one.linked.entities) add_words(one.answer.entities, {model->vocabulary().text(token)});
    return one;
}

std::vector<NearName> Answerer::Impl::near_names(const std::string& question, Answer& answer) const {
    std::vector<NearName> near = linker().nearest(question, 5);
    if (answer.entities.empty())
        for (const NearName& name : near) answer.suggestions.push_back(model->vocabulary().text(name.entity));
    return near;
}

void Answerer::Impl::begin(Batch& batch, Asking& asking, const std::vector<TextSlot>& own) const {
    Answer& answer = asking.answer;
    const Index before = batch.slots.size();
    add_question(batch, asking.linked, own, answer.unknown_words);
    const Index slots = batch.slots.size() - before;
    answer.slots = std::min(slots, model->max_slots());
    answer.unread = slots - answer.slots;
    answer.local_slots = static_cast<Index>(own.size());
}

void Answerer::Impl::read(const Batch& batch, std::span<Asking* const> asked) const {
    AttentionTrace trace;
    for (const Asking* asking : asked)
        trace.max_paths = std::max(trace.max_paths, asking->options->all_as_good ? std::ssize(model->candidates())
                                                                                 : asking->options->candidates);
    Ragged<Scored> scores;
    reader->tapes.run([&](Tape& tape) {
        if (follows_facts()) tape.use(&reader->packed);
        scores = model->score_few(tape, batch, &trace);
    });
    for (std::size_t i = 0; i < asked.size(); ++i) {
        auto& [linked, options, answer] = *asked[i];
        rank(answer, scores[static_cast<Index>(i)], *options);
        if (follows_facts()) show_paths(answer, trace.paths.at(i), trace.words[i], linked);
        if (!trace.certainty.empty()) answer.certainty = trace.certainty[i];
        answer.refused = answer.certainty < options->min_certainty.value_or(model->min_certainty());
        for (Index hop = 0; hop < trace.hops; ++hop) {
            Answer::Hop& shown = answer.hops.emplace_back();
            for (Index head = 0; head < trace.heads; ++head)
                shown.heads.push_back({read_slots(batch, trace.of(hop, head), options->slots)});
        }
        quote_slots(batch, answer);
    }
}

// Of a model that reads slots.
Answer Answerer::Impl::ask(const AskedQuestion& question) const {
    Asking one = asking(linker().link(question.text), question.options);
    if (one.linked.entities.empty() && slots() > 0) near_names(question.text, one.answer);
    Batch batch;
    begin(batch, one, question.own);
    Asking* const all[] = {&one};
    if (one.answer.slots > 0) read(batch, all);
    return std::move(one.answer);
}

// Reads those that name something.
void Answerer::Impl::read_facts(std::span<Asking> all) const {
    Batch batch;
    std::vector<Asking*> read_ones;
    for (Asking& one : all) {
        if (one.linked.entities.empty()) continue;
        begin(batch, one, {});
        read_ones.push_back(&one);
    }
    if (!read_ones.empty()) read(batch, read_ones);
}

// How well a reading fits its text, with a name that differs by this share of its letters, and leads to an answer. A
// word that is neither part of a name nor of training halves it.
static double weight_of(const Asking& reading, double distance) {
    if (reading.answer.candidates.empty()) return 0;
    return reading.answer.certainty * std::pow(1 - distance, 3) *
           std::pow(0.5, static_cast<double>(reading.linked.unknown_words.size()));
}

// Asks a question once more with each name that it may have misspelt, where it is not certain what it names. The
// reading of the largest weight counts.
void Answerer::Impl::weigh_names(const std::string& question, Asking& asked) const {
    if (slots() == 0) return;
    constexpr double misspelt = 1.0 / 5;  // one letter in five; a larger distance means another name
    std::vector<Asking> others;
    std::vector<double> distances;
    for (const NearName& name : near_names(question, asked.answer)) {
        // A common word of questions is no misspelt name.
        if (name.distance > misspelt || name.common) continue;
        std::optional<LinkedText> linked = linker().link_as(question, name);
        if (!linked) continue;
        Asking other = asking(std::move(*linked), *asked.options);
        other.answer.taken_for = other.answer.entities.front();
        other.answer.suggestions = asked.answer.suggestions;
        others.push_back(std::move(other));
        distances.push_back(name.distance);
    }
    read_facts(others);
    double best = weight_of(asked, 0);
    for (std::size_t i = 0; i < others.size(); ++i) {
        const double weight = weight_of(others[i], distances[i]);
        if (weight <= best) continue;
        best = weight;
        asked = std::move(others[i]);
    }
}

// Of a model that follows facts: the answers to each, of which those that name nothing are not read.
std::vector<Answer> Answerer::Impl::ask_facts(
    std::span<const std::pair<std::string, const AnswerOptions*>> questions) const {
    std::vector<Asking> all;
    all.reserve(questions.size());
    for (const auto& [text, options] : questions) all.push_back(asking(linker().link(text), *options));
    read_facts(all);
    std::vector<Answer> answers;
    answers.reserve(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const bool is_sure = !all[i].linked.entities.empty() && all[i].linked.unknown_words.empty() &&
                             !all[i].answer.candidates.empty() && !all[i].answer.refused;
        if (!is_sure) weigh_names(questions[i].first, all[i]);
        answers.push_back(std::move(all[i].answer));
    }
    return answers;
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
    const AskedQuestion asked[] = {{question, options, own}};
    return std::move(ask_all(asked).front());
}

static void require_no_slots(const Model& model, const AskedQuestion& asked) {
    if (!asked.own.empty())
        throw Error({.what = "a " + model.name() + " reads no slots that come with a question",
                     .expected = "a question about the facts of the memory",
                     .got = std::to_string(asked.own.size()) + " slots of its own",
                     .hint = "train another kind of model on questions with memories of their own"});
}

std::vector<Answer> Answerer::ask_all(std::span<const AskedQuestion> asked) const {
    for (const AskedQuestion& one : asked) require_question(one.text);
    std::vector<Answer> answers;
    answers.reserve(asked.size());
    if (!impl_->follows_facts()) {
        for (const AskedQuestion& one : asked) answers.push_back(impl_->ask(one));
        return answers;
    }
    // A question about a list is one for each of its names.
    std::vector<std::pair<std::string, const AnswerOptions*>> parts;
    std::vector<std::size_t> ends;
    for (const AskedQuestion& one : asked) {
        require_no_slots(*impl_->model, one);
        for (std::string& part : split_list(impl_->linker(), one.text))
            parts.emplace_back(std::move(part), &one.options);
        ends.push_back(parts.size());
    }
    std::vector<Answer> found = impl_->ask_facts(parts);
    for (std::size_t i = 0, begin = 0; i < asked.size(); begin = ends[i++]) {
        const auto own = std::span(found).subspan(begin, ends[i] - begin);
        answers.push_back(
            own.size() == 1
                ? std::move(own.front())
                : merged({std::make_move_iterator(own.begin()), std::make_move_iterator(own.end())}, asked[i].options));
    }
    return answers;
}

}  // namespace kvmem
