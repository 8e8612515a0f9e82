// Files that earlier versions wrote: they open forever, and answer what they answered then. tests/golden/README.md says
// how a folder of them is made.
#include "kvmem/core/file.hpp"
#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/qa/answerer.hpp"
#include "support/small_events.hpp"
#include "support/small_sentences.hpp"
#include "support/small_sequences.hpp"
#include "support/toy_run.hpp"
#include "support/toy_stories.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace kvmem;
using namespace kvmem::test;
namespace fs = std::filesystem;

namespace {

const fs::path golden = fs::path(KVMEM_SOURCE_DIR) / "tests" / "golden";

// One line of answers.tsv: a number that something in the folder gives, to be met within rounding.
struct Expected {
    std::string file, question, answer;
    double score;
};

struct Asked {
    std::string text;
    std::vector<TextSlot> story;
};

const std::vector<Asked> fact_questions{{"where does [Person50] live", {}}, {"who works as a [Job3]", {}}};
const std::vector<Asked> story_questions{
    {"where is mary", {{"mary went to the kitchen"}, {"john went to the office"}, {"mary went to the garden"}}},
    {"is john in the office", {{"mary went to the kitchen"}, {"john went to the office"}}}};

bool reads_facts(const std::string& kind) { return kind == "kv-mem-nn" || kind == "path-reader"; }

std::vector<Expected> answers_of(const std::string& file, const fs::path& model, const fs::path& data, bool facts) {
    const Answerer answerer(load_model(model), load_dataset(data));
    std::vector<Expected> all;
    for (const Asked& asked : facts ? fact_questions : story_questions)
        for (const Answer::Candidate& c : answerer.ask(asked.text, {.candidates = 2}, asked.story).candidates)
            all.push_back({file, asked.text, c.text, c.score});
    return all;
}

// What is near some of its own keys, and what attention reads there.
std::vector<Expected> answers_of(const std::string& file, const store::MemoryStore& store) {
    const store::Id asked[] = {3, 40, 301, 77};
    const store::StoredSlots own = store.get(asked);
    const store::Hits hits = store.search(own.keys, 3);
    const store::ReadResult read = store.read(own.keys, {.temperature = 4});
    std::vector<Expected> all;
    for (Index q = 0; q < 4; ++q) {
        const std::string question = std::to_string(asked[q]);
        for (Index i = 0; i < 3; ++i)
            all.push_back({file, question, std::to_string(hits.ids_of(q)[static_cast<std::size_t>(i)]),
                           double{hits.scores_of(q)[static_cast<std::size_t>(i)]}});
        all.push_back({file, question, "read", double{read.values(q, 0)}});
        all.push_back({file, question, "text " + own.texts[static_cast<std::size_t>(q)], 0});
    }
    return all;
}

std::vector<Expected> read_answers(const fs::path& path) {
    std::vector<Expected> all;
    std::istringstream in(read_file(path));
    for (std::string line; std::getline(in, line);) {
        std::istringstream fields(line);
        Expected& e = all.emplace_back();
        std::string score;
        std::getline(std::getline(std::getline(fields, e.file, '\t'), e.question, '\t'), e.answer, '\t');
        std::getline(fields, score);
        e.score = std::stod(score);
    }
    return all;
}

// A copy to work on: opening a store to write, and resuming a run, change files.
fs::path copied(const fs::path& from, const TemporaryDirectory& to) {
    const fs::path copy = to.path() / "golden";
    fs::copy(from, copy, fs::copy_options::recursive);
    return copy;
}

void check_same(const std::vector<Expected>& now, const std::vector<Expected>& then, const std::string& file) {
    std::vector<Expected> wanted;
    std::ranges::copy_if(then, std::back_inserter(wanted), [&](const Expected& e) { return e.file == file; });
    CAPTURE(file);
    REQUIRE(!wanted.empty());
    REQUIRE(now.size() == wanted.size());
    for (std::size_t i = 0; i < now.size(); ++i) {
        CAPTURE(now[i].question);
        CHECK(now[i].answer == wanted[i].answer);
        CHECK(now[i].score == Approx(wanted[i].score).epsilon(1e-4).margin(1e-4));
    }
}

// The folders with this file. No version has all formats.
std::vector<fs::path> golden_folders(const std::string& file) {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(golden))
        if (fs::exists(entry.path() / file)) all.push_back(entry.path());
    REQUIRE(!all.empty());
    std::ranges::sort(all);
    return all;
}

store::MemoryStore filled_store(const fs::path& path) {
    store::MemoryStore store = store::MemoryStore::create(
        path,
        {.key_width = 6, .value_width = 3, .metric = Similarity::euclidean, .encoding = store::KeyEncoding::int8});
    Rng rng(12);
    const auto add = [&](store::Id first, Index count, bool replace) {
        Matrix keys(count, 6), values(count, 3);
        for (Matrix* m : {&keys, &values})
            for (Real& x : m->view().span()) x = static_cast<Real>(rng.normal());
        std::vector<store::Id> ids;
        std::vector<std::string> texts;
        for (Index i = 0; i < count; ++i) {
            ids.push_back(first + static_cast<store::Id>(i));
            texts.push_back("slot " + std::to_string(ids.back()));
        }
        if (replace) return store.upsert(keys, {values, texts}, ids);
        store.add(keys, {values, texts}, ids);
    };
    add(0, 300, false);
    store.index({.lists = 6});
    store.compact();
    add(300, 20, false);
    store.sync();
    add(35, 7, true);
    const store::Id gone[] = {5, 12, 310};
    store.remove(gone);
    store.sync();
    return store;
}

// Trains for two epochs and returns the run's directory.
fs::path trained(const fs::path& directory, Settings model, const fs::path& data) {
    RunConfig config;
    config.data = data.string();
    set_field(model, "width", "8");
    set_field(model, "ngram_buckets", "64");
    config.model = std::move(model);
    config.trainer.epochs = 2;
    config.trainer.batch = 16;
    config.trainer.schedule.rate = 0.01;
    TrainingSession::begin(directory, config, question_answering()).run();
    return directory;
}

// Copies what resuming reads, with no path of this machine in it.
void keep_run(const fs::path& from, const fs::path& to) {
    fs::create_directory(to);
    for (const char* name : {"metrics.jsonl", "results.json", "model-best.h5", "model-last.h5"})
        fs::copy_file(from / name, to / name);
    RunConfig config = RunFiles{from}.read_config(question_answering());
    config.data = "facts.h5";
    replace_file(RunFiles{to}.config(), to_json(config));
}

}  // namespace

TEST_CASE("models of earlier versions open and answer as they did", "[golden]") {
    for (const fs::path& folder : golden_folders("answers.tsv")) {
        const std::vector<Expected> then = read_answers(folder / "answers.tsv");
        for (const ModelType* type : qa_models()) {
            const std::string kind = type->kind();
            const bool facts = reads_facts(kind);
            const std::string file = kind + ".h5";
            if (!fs::exists(folder / file)) continue;  // a model of a later version
            check_same(answers_of(file, folder / file, folder / (facts ? "facts.h5" : "stories.h5"), facts), then,
                       file);
        }
    }
}

TEST_CASE("stores of earlier versions open with what their log holds", "[golden]") {
    const auto access = GENERATE(store::Access::map, store::Access::load);
    for (const fs::path& folder : golden_folders("store.h5")) {
        const TemporaryDirectory directory;
        const fs::path copy = copied(folder, directory);
        const std::vector<Expected> then = read_answers(folder / "answers.tsv");
        check_same(answers_of("store.h5", store::MemoryStore::open(copy / "store.h5", access)), then, "store.h5");
    }
}

TEST_CASE("a run of an earlier version goes on", "[golden]") {
    for (const fs::path& folder : golden_folders("run")) {
        const TemporaryDirectory directory;
        const RunFiles files{copied(folder / "run", directory)};
        RunConfig config = files.read_config(question_answering());
        config.data = (folder / "facts.h5").string();
        replace_file(files.config(), to_json(config));
        TrainingSession session = TrainingSession::resume(files.directory, question_answering(), 3);
        CHECK(session.state().epoch == 2);
        CHECK(session.run() == StopReason::epochs_done);
        CHECK(session.state().epoch == 3);
    }
}

// Every version has written these (support/small_sequences.hpp).
TEST_CASE("sequences of earlier versions open", "[golden]") {
    for (const fs::path& folder : golden_folders("pairs.h5")) {
        const PairsDataset pairs = load_pairs(folder / "pairs.h5");
        CHECK(pairs.info.title == "Small pairs");
        const PairSplit& valid = pairs.split("valid");
        REQUIRE(valid.size() == 2);
        CHECK(pairs.source.decode(valid.source[1]) == "n\u00e9");
        CHECK(pairs.target.decode(valid.target[2]) == "N EY");
        CHECK(valid.references_of(0) == std::pair<Index, Index>{0, 2});
        CHECK(std::ranges::equal(valid.origins(2, 1), std::vector<Index>{0, 1}));
        CHECK(pairs.split("train").size() == 3);
        const TextDataset text = load_text(folder / "text.h5");
        CHECK(text.units.kind() == UnitKind::bpe);
        CHECK(text.units.decode(text.split("train")[0]) == "to be or not to be\n");
        CHECK(text.units.encode("to be or not to be\n").size() == text.split("train")[0].size());
        CHECK(text.split("train").size() == 3);
    }
}

// Every version has written this (support/small_events.hpp).
TEST_CASE("events of earlier versions open", "[golden]") {
    for (const fs::path& folder : golden_folders("events.h5")) {
        const EventsDataset dataset = load_events(folder / "events.h5");
        EventsDataset now = small_events();
        now.info = dataset.info;
        CHECK(dataset == now);
    }
}

TEST_CASE("sentences of earlier versions open", "[golden]") {
    for (const fs::path& folder : golden_folders("sentences.h5")) {
        SentencesDataset now = small_sentences();
        const SentencesDataset dataset = load_sentences(folder / "sentences.h5");
        now.info = dataset.info;
        CHECK(dataset == now);
    }
}

// Not a test: writes what the tests above read to the folder in KVMEM_GOLDEN.
TEST_CASE("golden files are made", "[.make-golden]") {
    const char* to = std::getenv("KVMEM_GOLDEN");
    REQUIRE(to);
    const fs::path folder = to;
    fs::create_directories(folder);
    save_dataset(toy_kb(), folder / "facts.h5");
    save_dataset(toy_stories(40), folder / "stories.h5");
    save_pairs(small_pairs(), folder / "pairs.h5");
    save_text(small_text(UnitKind::bpe), folder / "text.h5");
    save_events(small_events(), folder / "events.h5");
    save_sentences(small_sentences(), folder / "sentences.h5");
    std::vector<Expected> all;
    const auto add = [&](const std::vector<Expected>& more) { all.insert(all.end(), more.begin(), more.end()); };
    for (const ModelType* type : qa_models()) {
        const std::string kind = type->kind();
        const bool facts = reads_facts(kind);
        const fs::path data = folder / (facts ? "facts.h5" : "stories.h5");
        const fs::path run = trained(folder / (kind + "-run"), type->defaults, data);
        fs::copy_file(run / "model-best.h5", folder / (kind + ".h5"));
        if (kind == "kv-mem-nn") keep_run(run, folder / "run");
        fs::remove_all(run);
        add(answers_of(kind + ".h5", folder / (kind + ".h5"), data, facts));
    }
    add(answers_of("store.h5", filled_store(folder / "store.h5")));
    std::ofstream out(folder / "answers.tsv");
    out.precision(9);
    for (const Expected& e : all) out << e.file << '\t' << e.question << '\t' << e.answer << '\t' << e.score << '\n';
}
