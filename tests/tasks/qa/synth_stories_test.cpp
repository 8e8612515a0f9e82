#include "kvmem/tasks/qa/synth_stories.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "support/story_relations.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;

static constexpr StorySplit splits[] = {StorySplit::train, StorySplit::valid, StorySplit::test};

static StoryFileText stories_of(int task, StorySplit split, Index questions, std::uint64_t seed) {
    return read_stories(synth_stories(task, split, questions, seed));
}

// The lines of a question that are chosen.
template <class Choose>
static Lines some_lines(const StoryQuestion& question, const Choose& chosen) {
    Lines lines;
    for (const int id : question.support)
        if (chosen(id)) lines[id] = question.lines.at(id);
    return lines;
}

TEST_CASE("every answer of a made-up story follows from its sentences, and no other one does", "[synth]") {
    for (const StoryTask& task : story_tasks())
        for (const std::uint64_t seed : {1, 2, 3})
            for (const StoryQuestion& q : stories_of(task.number, splits[seed % 3], 100, seed).questions) {
                CAPTURE(task.number, seed, q.story, q.id, q.text);
                REQUIRE(answers_of(task.number, q.lines, q.text) == Answers{q.answer});
            }
}

TEST_CASE("the supporting lines of a made-up story are enough, and none of them is too much", "[synth]") {
    for (const StoryTask& task : story_tasks())
        for (const StoryQuestion& q : stories_of(task.number, StorySplit::train, 100, 4).questions) {
            CAPTURE(task.number, q.story, q.id, q.text);
            REQUIRE_FALSE(q.support.empty());
            REQUIRE(answers_of(task.number, some_lines(q, [](int) { return true; }), q.text) == Answers{q.answer});
            if (task.number == 7 || task.number == 8) {  // nothing in somebody's hands follows from no lines at all
                const std::string name =
                    match_any(q.text, {"How many things does * hold?", "Which things does * hold?"})->at(0);
                REQUIRE(std::set<int>(q.support.begin(), q.support.end()) == Town(q.lines).touched(name));
                continue;
            }
            for (const int without : q.support) {
                const Lines fewer = some_lines(q, [&](int id) { return id != without; });
                REQUIRE(answers_of(task.number, fewer, q.text) != Answers{q.answer});
            }
        }
}

TEST_CASE("made-up stories have the layout of bAbI", "[synth]") {
    for (const StoryTask& task : story_tasks()) {
        CAPTURE(task.number);
        const std::string text = synth_stories(task.number, StorySplit::train, 100, 5);
        CHECK(text.ends_with('\n'));
        std::istringstream in(text);
        int last = 0;
        bool question = true;
        for (std::string line; std::getline(in, line);) {
            CAPTURE(line);
            const int id = std::stoi(line);
            if (id == 1)
                REQUIRE(question);  // each story ends with one
            else
                REQUIRE(id == last + 1);
            last = id;
            REQUIRE(line.starts_with(std::to_string(id) + " "));
            const auto plain = [](char c) { return c == '\t' || (c >= ' ' && c <= '~'); };
            REQUIRE(std::all_of(line.begin(), line.end(), plain));
            const auto tabs = std::count(line.begin(), line.end(), '\t');
            question = tabs != 0;
            REQUIRE((question ? tabs == 2 && line.find("?\t") != std::string::npos : line.ends_with('.')));
        }
        CHECK(question);
        for (const StoryQuestion& q : read_stories(text).questions) {
            REQUIRE(std::is_sorted(q.support.begin(), q.support.end()));
            for (const int id : q.support) REQUIRE(q.lines.count(id) == 1);
        }
    }
}

TEST_CASE("stories are the same for the same seed, and others for another one", "[synth]") {
    for (const StoryTask& task : story_tasks()) {
        CAPTURE(task.number);
        const std::string text = synth_stories(task.number, StorySplit::test, 50, 9);
        CHECK(synth_stories(task.number, StorySplit::test, 50, 9) == text);
        CHECK(synth_stories(task.number, StorySplit::test, 50, 10) != text);
        const std::string more = synth_stories(task.number, StorySplit::test, 80, 9);
        CHECK(more.size() > text.size());
        CHECK(more.starts_with(text));
    }
}

TEST_CASE("there are as many questions as asked for", "[synth]") {
    for (const StoryTask& task : story_tasks())
        for (const StorySplit split : splits)
            for (const Index count : {0, 1, 2, 3, 17}) {
                const StoryFileText file = stories_of(task.number, split, count, 1);
                CHECK(static_cast<Index>(file.questions.size()) == count);
            }
}

TEST_CASE("no answer of a task is most of them, and yes is as frequent as no", "[synth]") {
    for (const StoryTask& task : story_tasks()) {
        std::map<std::string, double> shares;
        for (const StoryQuestion& q : stories_of(task.number, StorySplit::train, 500, 6).questions)
            shares[q.answer] += 1.0 / 500;
        for (const auto& [answer, share] : shares) {
            CAPTURE(task.number, answer, share);
            CHECK(share < 0.6);
            if (answer == "yes" || answer == "no" || answer == "maybe") CHECK(share > 0.25);
        }
    }
}

TEST_CASE("no question is asked after the same sentences in two splits, whatever the seed", "[synth]") {
    for (const StoryTask& task : story_tasks()) {
        CAPTURE(task.number);
        std::map<Lines, StorySplit> told;
        for (const StorySplit split : splits)
            for (const std::uint64_t seed : {1, 2})
                for (StoryQuestion& q : stories_of(task.number, split, 300, seed).questions)
                    REQUIRE(told.emplace(std::move(q.lines), split).first->second == split);
    }
}

TEST_CASE("a folder of stories is written, and written again with the same bytes", "[synth]") {
    const TemporaryDirectory directory;
    const fs::path folder = directory.path() / "new" / "stories";
    StoryOptions options{.tasks = {19, 2, 2}, .seed = 3, .train = 20, .valid = 5, .test = 0};
    std::map<std::string, Index> reported;
    options.progress = [&](const std::string& file, Index questions) { reported[file] = questions; };
    const auto files = write_stories(folder, options);
    const std::vector<std::string> names{"qa2_two-supporting-facts_train.txt", "qa2_two-supporting-facts_valid.txt",
                                         "qa19_path-finding_train.txt", "qa19_path-finding_valid.txt"};
    REQUIRE(files.size() == names.size());
    for (std::size_t i = 0; i < names.size(); ++i) CHECK(files[i] == folder / names[i]);
    CHECK(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 4);
    CHECK(read_file(files[0]) == synth_stories(2, StorySplit::train, 20, 3));
    CHECK(read_file(files[3]) == synth_stories(19, StorySplit::valid, 5, 3));
    CHECK(reported == std::map<std::string, Index>{{names[0], 20}, {names[1], 5}, {names[2], 20}, {names[3], 5}});

    replace_file(folder / "notes.txt", "mine");  // none of our business
    write_stories(folder, options);
    CHECK(read_file(files[0]) == synth_stories(2, StorySplit::train, 20, 3));
}

TEST_CASE("a folder with other stories is left as it is", "[synth]") {
    const TemporaryDirectory directory;
    StoryOptions options{.tasks = {1}, .train = 5, .valid = 0, .test = 0};
    SECTION("other tasks") { directory.write("qa7_counting_train.txt", "1 Hens count.\n"); }
    SECTION("a split that is not made") { directory.write("qa1_one-supporting-fact_test.txt", "1 Hens count.\n"); }
    SECTION("somebody else's") { directory.write("qa1_train.txt", "1 Hens count.\n"); }
    CHECK_THROWS_WITH(write_stories(directory.path(), options), Catch::Contains("other stories"));
    CHECK(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("stories are not written where they cannot be", "[synth]") {
    const TemporaryDirectory directory;
    const StoryOptions options{.tasks = {1, 2}, .train = 5, .valid = 0, .test = 0};
    SECTION("the folder is a file") {
        CHECK_THROWS_AS(write_stories(directory.write("file", "text"), options), Error);
        CHECK(read_file(directory.path() / "file") == "text");
    }
    SECTION("a file of the last task is a folder") {
        fs::create_directory(directory.path() / "qa2_two-supporting-facts_train.txt");
        CHECK_THROWS_AS(write_stories(directory.path(), options), Error);
        CHECK_FALSE(fs::exists(directory.path() / "qa1_one-supporting-fact_train.txt"));
    }
    SECTION("no name") { CHECK_THROWS_AS(write_stories("", options), Error); }
}

TEST_CASE("options of stories that make no sense are refused", "[synth]") {
    const TemporaryDirectory directory;
    const fs::path folder = directory.path() / "stories";
    StoryOptions options;
    SECTION("task 0") { options.tasks = {1, 0}; }
    SECTION("task 21") { options.tasks = {21}; }
    SECTION("no training") { options.train = 0; }
    SECTION("fewer than none") { options.valid = -1; }
    SECTION("too many") { options.test = max_story_questions + 1; }
    CHECK_THROWS_AS(write_stories(folder, options), UsageError);
    CHECK_FALSE(fs::exists(folder));
    CHECK_THROWS_AS(synth_stories(0, StorySplit::train, 1, 1), UsageError);
    CHECK_THROWS_AS(synth_stories(1, StorySplit::train, -1, 1), UsageError);
}
