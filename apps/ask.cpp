// kvmem ask RUN [QUESTION]: one answer with the memories that it came from, or a prompt for many; questions about a
// story that a file tells, or a person; questions to documents.
#include "answer_text.hpp"
#include "ask_documents.hpp"
#include "conversation.hpp"
#include "kvmem/cluster/agreement.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/qa/memory_shards.hpp"
#include "model_source.hpp"
#include "program.hpp"
#include "ranks.hpp"
#include "story.hpp"
#include "task_table.hpp"

#include <iostream>
#include <optional>
#include <utility>
#include <vector>

namespace kvmem::apps {

static const char* const about_ask =
    "Answers a question from the memory of the data set that the run was trained on, or of another with --memory:\n"
    "the answer, the runners-up with their scores and weights, and for each hop the memories that it read. Names may\n"
    "stand in [brackets]. Without a question it asks for one after the other. RUN is a run directory or a model "
    "file.\n\n"
    "A model that was trained on stories reads the story that --story tells, or that is typed: a line is a sentence,\n"
    "or a question about all sentences so far when it ends with '?'; an empty line or /new begins a new story. Lines "
    "of\n"
    "bAbI's files are read as well.\n\n"
    "RUN may be a data set of documents ('kvmem import documents') as well. It needs no training: the answer is a\n"
    "name, date or number in a sentence if one is clear, or the sentence, with its file, line and column; or 'nothing\n"
    "here answers that' below the threshold.";

namespace {

// Prints the answer to a question.
struct Asker {
    const Answerer& answerer;
    const AnswerOptions& options;
    bool json;
    bool echo = false;  // whether to print the question, too

    void operator()(const std::string& question, const std::vector<TextSlot>& story = {}) const {
        const Answer found = answerer.ask(question, options, story);
        if (json) {
            std::cout << json_line(question, found) << std::endl;
            return;
        }
        if (echo) std::cout << "? " << question << "\n";
        print(std::cout, found, story);
        if (echo) std::cout << std::endl;
    }
};

}  // namespace

static int ask_memory(Asker ask) {
    ask.echo = ::isatty(STDIN_FILENO) == 0;
    return converse("Ask about what the memory knows; an empty line or Ctrl-D ends.", "? ", [&](const auto& line) {
        if (!line.empty()) ask(line);
        return !line.empty();
    });
}

static int ask_story(const Asker& ask, Story& story) {
    return converse(
        "Tell a story, a sentence a line. A line that ends with '?' asks about it; an empty line begins a new story;\n"
        "Ctrl-D ends.",
        "> ", [&](const auto& line) {
            if (const auto question = story.add_line(line)) ask(*question, story.sentences());
            return true;
        });
}

static Error no_story(const std::string& what, const std::string& expected, const std::string& where) {
    return Error({.what = what, .expected = expected, .where = where});
}

// Reads a story from a text and answers its questions. Returns their number.
static Index read_story(const Asker& ask, Story& story, const std::string& text, const std::string& name) {
    Index questions = 0;
    TextLines lines(text, name);
    for (std::string_view line; lines.next(line);) {
        try {
            if (const auto question = story.add_line(line)) {
                ask(*question, story.sentences());
                ++questions;
            }
        } catch (const Error& e) {
            throw Error(e.problem_at(name + ":" + std::to_string(lines.number())));
        }
    }
    if (story.sentences().empty()) throw no_story("the story is empty", "sentences, a line each", name);
    return questions;
}

static int ask_file(Asker ask, const std::string& file, const std::optional<std::string>& question) {
    Story story;
    const std::string text = file == "-" ? read_standard_input() : read_file(file);
    ask.echo = true;
    const Index asked = read_story(ask, story, text, file == "-" ? "stdin" : file);
    ask.echo = false;
    if (question) {
        ask(*question, story.sentences());
        return 0;
    }
    if (asked > 0) return 0;
    if (file != "-" && ::isatty(STDIN_FILENO) != 0) return ask_story(ask, story);
    throw no_story("nothing was asked", "a line that ends with '?', or a question behind the run", file);
}

// Asks the question of the command line, or those of standard input.
static int ask_memory(const Asker& ask, const std::optional<std::string>& question) {
    if (!question) return ask_memory(ask);
    ask(*question);
    return 0;
}

static std::optional<std::string> question_in(const po::variables_map& values) {
    return values.count("question") ? std::optional(values["question"].as<std::string>()) : std::nullopt;
}

// Each rank has some shards of the memory; the first one asks all.
static int ask_on_ranks(const po::variables_map& values, AnswerOptions& options, Cluster& cluster) {
    for (const char* option : {"story", "store", "add-fact", "remove-fact"})
        require_option(!values.count(option), option, "one process");
    check_answer_options(values, options);
    ModelOfRank source;
    std::vector<MemoryShard> shards;
    run_together(cluster, [&] {
        source = open_model_of_rank(values, "memory", cluster);
        shards.reserve(source.shards.size());
        for (const QaDataset& shard : source.shards)
            shards.emplace_back(*source.model, shard, source.model->extend(shard));
    });
    if (cluster.rank() > 0) source.shards.clear();
    return ask_shards(cluster, readers_of(shards), [&](ShardCall call) {
        const Answerer answerer(std::move(source.model), source.shards.at(0), std::move(call));
        source.shards.clear();
        return ask_memory({.answerer = answerer, .options = options, .json = values.count("json") > 0},
                          question_in(values));
    });
}

static int ask(const Arguments& arguments, Cluster* cluster) {
    AnswerOptions options;
    CommandLine line{
        .usage = "kvmem ask RUN [QUESTION] [options]", .about = about_ask, .positional = {"run", "question"}};
    add_answer_options(line, options);
    line.options.add_options()                                                                                   //
        ("story", po::value<std::string>(), "file that tells a story and may ask questions about it; -: stdin")  //
        ("json", "print JSON, a line for each question");
    const po::options_description documents = document_options();
    line.options.add(documents);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    if (are_documents(values)) {
        CommandLine of_runs;
        AnswerOptions unused;
        add_answer_options(of_runs, unused);
        of_runs.options.add_options()("story", "");
        refuse_options(values, of_runs.options, "a run on facts or stories");
        return ask_documents(values, cluster);
    }
    refuse_options(values, documents, "a data set of documents");
    if (cluster) return ask_on_ranks(values, options, *cluster);
    const Answerer answerer = open_answerer(values, options);
    const Asker ask{.answerer = answerer, .options = options, .json = values.count("json") > 0};
    const std::optional<std::string> question = question_in(values);
    if (values.count("story")) return ask_file(ask, values["story"].as<std::string>(), question);
    const bool tells = answerer.memory_slots() == 0;
    if (question && tells)
        throw UsageError({.what = "no story to ask about",
                          .expected = "--story FILE",
                          .hint = "this model's data set has no memory that all questions share"});
    if (!tells) return ask_memory(ask, question);
    Story story;
    return ask_story(ask, story);
}

int run_ask(const Arguments& arguments) {
    return on_ranks([&](Cluster* cluster) { return ask(arguments, cluster); });
}

}  // namespace kvmem::apps
