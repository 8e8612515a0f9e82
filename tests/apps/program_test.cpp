#include "kvmem/core/text.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "support/program_fixture.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <thread>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;
namespace fs = std::filesystem;

static const std::vector<std::string> verbs{"import",  "synth", "inspect", "train", "evaluate", "ask",
                                            "predict", "plot",  "index",   "query", "store"};

TEST_CASE("the program says its version and how to use it", "[program]") {
    NEED_PROGRAM();
    const Output version = kvmem_program({"version"});
    CHECK(version.code == 0);
    CHECK_THAT(version.out, Catch::StartsWith("kvmem ") && Catch::EndsWith("\n"));
    CHECK(kvmem_program({"--version"}).out == version.out);
    const Output help = kvmem_program({"--help"});
    CHECK(help.code == 0);
    for (const std::string& verb : verbs) {
        CHECK_THAT(help.out, Catch::Contains("  " + verb));
        const Output one = kvmem_program({verb, "--help"});
        CHECK(one.code == 0);
        CHECK_THAT(one.out, Catch::StartsWith("usage: kvmem " + verb));
        CHECK(one.err.empty());
    }
}

TEST_CASE("help has lines of up to 100 columns", "[program]") {
    NEED_PROGRAM();
    const std::string help = kvmem_program({"train", "--model", "kv-mem-nn", "--help"}).out;
    std::size_t longest = 0;
    for (std::size_t at = help.find("Options:"); at < help.size();) {
        const std::size_t end = help.find('\n', at);
        longest = std::max(longest, end - at);
        at = end + 1;
    }
    CHECK(longest > 80);
    CHECK(longest <= 100);
}

TEST_CASE("wrong usage is one line and exit code 2", "[program]") {
    NEED_PROGRAM();
    const Output none = kvmem_program({});
    CHECK(none.code == 2);
    CHECK_THAT(none.err, Catch::StartsWith("usage:"));
    check_fails(kvmem_program({"sing"}), 2, "no such verb");
    for (const std::string& verb : verbs) {
        check_fails(kvmem_program({verb, "--no-such-option"}), 2, "no-such-option");
        check_fails(kvmem_program({verb}), 2);  // nothing given
    }
    const ProgramFixture f;
    check_fails(kvmem_program({"import", "csv", "--output", f.data}), 2, "no such layout");
    check_fails(kvmem_program({"import", "kb", "--output", f.data}), 2, "facts");
    check_fails(kvmem_program({"train", f.data}), 2, "run");
    check_fails(f.train({"--model", "kv-mem-nn", "--tying", "loose"}), 2, "loose");
    check_fails(f.train({"--model", "mem-n2n", "--hops", "many"}), 2, "many");
    check_fails(f.train({"--model", "kv-mem-nn", "--word-dropout", "1"}), 2, "dropout");
    check_fails(f.train({"--model", "rnn"}), 2, "mem-n2n");
    check_fails(f.train({"--model", "kv-mem-nn", "--encoding", "bag"}), 2, "kv-mem-nn");
    check_fails(f.train({"--model", "mem-n2n", "--match", "0"}), 2, "mem-n2n");
    check_fails(f.train({"--preset", "memn2n"}), 2, "memn2n-babi-1k");
    check_fails(f.train({"--preset", "memn2n-babi-1k", "--model", "kv-mem-nn"}), 2, "another model");
    check_fails(f.train({"--model", "mem-n2n", "--runs", "0"}), 2, "runs");
    check_fails(f.train({"--threads=-2"}), 2, "threads");
    check_fails(f.train({"one too many"}), 2, "too many");
    check_fails(kvmem_program({"train", "--resume", "--run", f.run, "--hops", "2"}), 2, "keeps its settings");
    check_fails(kvmem_program({"ask", f.run, "--top=-1"}), 2, "top");
    check_fails(kvmem_program({"inspect", f.data, "--max-frequency", "0"}), 2, "max-frequency");
    CHECK_FALSE(fs::exists(f.run));
}

TEST_CASE("every layout can be imported and inspected", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    std::vector<std::string> arguments;
    SECTION("metaqa") {
        arguments = {"metaqa", "--kb", f.write("kb.txt", "Kismet|directed_by|William Dieterle\n"), "--train",
                     f.write("train.txt", "who directed [Kismet]\tWilliam Dieterle\n")};
    }
    SECTION("wikimovies") {
        arguments = {"wikimovies",
                     "--kb",
                     f.write("kb.txt", "1 Kismet directed_by William Dieterle\n"),
                     "--entities",
                     f.write("entities.txt", "Kismet\nWilliam Dieterle\n"),
                     "--train",
                     f.write("train.txt", "1 who directed Kismet?\tWilliam Dieterle\n")};
    }
    SECTION("kb") {
        arguments = {"kb", "--facts", f.write("kb.tsv", "Kismet\tdirected_by\tWilliam Dieterle\n"), "--train",
                     f.write("train.tsv", "who directed Kismet\tWilliam Dieterle\n")};
    }
    SECTION("jsonl") {
        arguments = {"jsonl", "--train",
                     f.write("train.jsonl",
                             R"({"question": "where is Mary", "memory": [{"key": "Mary went", "value": "kitchen"}], )"
                             R"("answers": ["kitchen"]})"
                             "\n")};
    }
    arguments.insert(arguments.begin(), "import");
    arguments.insert(arguments.end(), {"--output", f.data, "--title", "A title"});
    const Output imported = kvmem_program(arguments);
    INFO(imported.err);
    REQUIRE(imported.code == 0);
    CHECK(imported.out.empty());
    CHECK_THAT(imported.err, Catch::Contains("1 train question"));
    const Output text = kvmem_program({"inspect", f.data});
    CHECK(text.code == 0);
    CHECK_THAT(text.out, Catch::Contains("A title") && Catch::Contains("train: 1 question"));
    const Output as_json = kvmem_program({"inspect", f.data, "--json"});
    CHECK(as_json.code == 0);
    const json::value report = json::parse(as_json.out);
    CHECK(report.at("format") == "kvmem-qa");
    CHECK(report.at("splits").at("train").at("examples") == 1);
}

TEST_CASE("a model is trained, measured, inspected and asked", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const Output measured = kvmem_program({"evaluate", f.run, "--json"});
    CHECK(measured.code == 0);
    const json::value metrics = json::parse(measured.out);
    CHECK(metrics.at("split") == "test");
    CHECK(metrics.at("hits_at_1").as_double() > 0.5);
    CHECK(metrics.at("retrieval_recall") == 1.0);
    CHECK_THAT(kvmem_program({"evaluate", f.run, "--split", "valid"}).out,
               Catch::StartsWith("valid: ") && Catch::Contains("hits@1") && Catch::Contains("MRR"));
    CHECK(kvmem_program({"evaluate", f.run + "/model-best.h5", "--data", f.data, "--json"}).out == measured.out);

    CHECK(json::parse(kvmem_program({"inspect", f.run, "--json"}).out).at("config").at("width") == 16);
    CHECK_THAT(kvmem_program({"inspect", f.run}).out, Catch::Contains("trained on") && Catch::Contains("A"));
    CHECK_THAT(kvmem_program({"inspect", f.run + "/model-last.h5"}).out, Catch::StartsWith("model: "));

    const Output asked = kvmem_program({"ask", f.run, "what is the capital of Oldland3"});
    CHECK(asked.code == 0);
    CHECK(asked.err.empty());
    CHECK_THAT(asked.out, Catch::StartsWith("Oldville3\n") && Catch::Contains("hop 2 of 2") &&
                              Catch::Contains("Oldland3 capital -> Oldville3"));
    const json::value answer =
        json::parse(kvmem_program({"ask", f.run, "what is the capital of [Oldland3]?", "--json", "--top", "2"}).out);
    CHECK(answer.at("answer") == "Oldville3");
    CHECK(answer.at("candidates").as_array().size() == 2);
    CHECK(answer.at("hops").as_array().size() == 2);
    CHECK_THAT(kvmem_program({"ask", f.run, "what is the capital of Oldlamd3"}).out,
               Catch::Contains("did you mean") && Catch::Contains("Oldland3"));
    // Without a question they come from stdin, and a bad one does not end the rest.
    const Output many =
        kvmem_program({"ask", f.run, "--json"}, "the language of Oldland4\n\nwhat [is\nthe language of Oldland5");
    CHECK(std::count(many.out.begin(), many.out.end(), '\n') == 2);
    CHECK_THAT(many.out, Catch::Contains("Oldese4") && Catch::Contains("Oldese5"));
    check_fails(many, 1, "bracket");
}

TEST_CASE("a run of few steps begins with a warning, and another does not", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import();
    const auto train = [&](const std::string& run, const std::string& epochs) {
        return kvmem_program({"train", f.data, "--run", f.path(run), "--epochs", epochs, "--batch", "8"}).err;
    };
    CHECK_THAT(train("few", "1"), Catch::Contains("warning: ") && Catch::Contains("a smaller --batch (now 8)"));
    CHECK_THAT(train("many", "30"), !Catch::Contains("warning"));
}

TEST_CASE("another memory is asked, of names that the model never saw", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string facts = f.write("new.tsv", facts_text("New", 9)), memory = f.path("new.h5");
    REQUIRE(kvmem_program({"import", "kb", "--facts", facts, "--output", memory}).code == 0);
    const Output asked = kvmem_program({"ask", f.run, "what is the capital of Newland8", "--memory", memory});
    CHECK_THAT(asked.out, Catch::StartsWith("Newville8\n"));
    check_fails(kvmem_program({"evaluate", f.run, "--data", memory}), 1, "test");  // it has no questions
    fs::remove(f.data);
    check_fails(kvmem_program({"ask", f.run, "anything"}), 1, "--memory");
    CHECK(kvmem_program({"ask", f.run, "what is the capital of Newland8", "-m", memory}).code == 0);
}

TEST_CASE("predict answers JSON lines, with memories of their own", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const Output done =
        kvmem_program({"predict", f.run, "--top", "1"},
                      R"({"id": 7, "question": "what is the capital of Oldland3"})"
                      "\n \r\n"
                      R"({"question": "whatever", "memory": [{"key": "whatever", "value": "Oldville1"}], "id": ["x"]})"
                      "\n");
    INFO(done.err);
    CHECK(done.code == 0);
    std::vector<json::value> answers;
    for (std::size_t at = 0; at < done.out.size(); at = done.out.find('\n', at) + 1)
        answers.push_back(json::parse(done.out.substr(at, done.out.find('\n', at) - at)));
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].at("answer") == "Oldville3");
    CHECK(answers[0].at("id") == 7);
    CHECK(answers[0].at("candidates").as_array().size() == 1);
    CHECK(answers[1].at("answer") == "Oldville1");
    CHECK(answers[1].at("slots") == 1);
    const Output empty = kvmem_program({"predict", f.run}, "");
    CHECK(empty.code == 0);
    CHECK(empty.out.empty());
    CHECK(kvmem_program({"ask", f.run}, "").code == 0);

    const std::string good = R"({"question": "the language of Oldland1"})"
                             "\n";
    for (const char* bad : {"{", "{}", R"({"question": 1})", R"({"question": "x", "memory": 1})",
                            R"({"question": "x", "memory": [1]})", R"({"question": "x", "memory": [{"value": "x"}]})",
                            R"({"question": "x", "memory": [{"key": "[x", "value": "y"}]})", "{\"question\": \"\xff\"}",
                            R"({"question": "an [open bracket"})"}) {
        CAPTURE(bad);
        const Output failed = kvmem_program({"predict", f.run}, good + bad + "\n" + good);
        check_fails(failed, 1, "stdin:2");
        CHECK(std::count(failed.out.begin(), failed.out.end(), '\n') == 3);  // the other lines are answered
        CHECK_THAT(failed.out, Catch::Contains("\n{\"error\":\"stdin:2"));
    }
    check_fails(kvmem_program({"predict", f.run}, std::string(100000, '[')), 1, "stdin:1");
}

TEST_CASE("predict reads plain questions, and judges answers where the right ones are told", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const Output done = kvmem_program({"predict", f.run},
                                      "the language of Oldland1\n"
                                      R"({"question": "the language of Oldland2", "answers": ["x", "oldese2"]})"
                                      "\n"
                                      R"({"question": "the language of Oldland2", "answers": [7], "id": 3})"
                                      "\n");
    CHECK(done.code == 0);
    CHECK_THAT(done.out, Catch::Contains("\"question\":\"the language of Oldland1\",\"answer\":\"Oldese1\"") &&
                             Catch::Contains("\"right\":true") && Catch::Contains("\"right\":false,\"id\":3"));
    CHECK_THAT(done.err, Catch::Contains("1 of 2 questions right (50.00%)"));
    check_fails(kvmem_program({"predict", f.run}, R"({"question": "x", "answers": 1})"), 1, "bad \"answers\"");
    CHECK_THAT(kvmem_program({"ask", f.run}, "the language of Oldland1\n").out,
               Catch::StartsWith("? the language of Oldland1\nOldese1\n") && Catch::EndsWith("\n\n"));
}

TEST_CASE("lines of standard input have any end and may begin with a byte order mark", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string question = "what is the capital of Oldland";
    const std::string plain = kvmem_program({"ask", f.run, "--json"}, question + "3\n" + question + "5\n").out;
    const auto as_json = [&](const char* n) { return R"({"question": ")" + question + n + R"("})"; };
    const std::string predicted = kvmem_program({"predict", f.run}, as_json("3") + "\n" + as_json("5") + "\n").out;
    CHECK(std::ranges::count(plain, '\n') == 2);
    for (const std::string end : {"\r", "\r\n", "\n"}) {
        const std::string mark = "\ufeff";
        CHECK(kvmem_program({"ask", f.run, "--json"}, mark + question + "3" + end + question + "5" + end).out == plain);
        CHECK(kvmem_program({"predict", f.run}, mark + as_json("3") + end + as_json("5") + end).out == predicted);
    }
    const std::string wide("\xff\xfe{\0}\0", 6);
    check_fails(kvmem_program({"predict", f.run}, wide), 1, "UTF-16");
    check_fails(kvmem_program({"ask", f.run}, wide), 1, "UTF-16");
    check_fails(kvmem_program({"ask", f.run}, "what\nwho \xff is\n"), 1, "stdin:2");
    const std::string lines = f.write("lines.txt", "\ufeffOldland3\rOldland5\r");
    REQUIRE(kvmem_program({"index", "--run", f.run, "--text", lines, "-o", f.path("s.h5")}).code == 0);
    CHECK_THAT(kvmem_program({"inspect", f.path("s.h5")}).out, Catch::Contains("2 slots"));
}

TEST_CASE("texts of others reach a terminal as text alone", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    QaDataset dataset;
    Vocabulary& vocabulary = dataset.vocabulary;
    const std::string name = "Li\u009bma\nerror: \x1b]0;x\x07\u202ez\u2029";
    const Token land = vocabulary.add(TokenKind::entity, "Peru"), city = vocabulary.add(TokenKind::entity, name);
    const Token relation = vocabulary.add(TokenKind::relation, "capital");
    dataset.memory.key.push_row(std::array{land, relation});
    dataset.memory.value.push_row(std::array{city});
    dataset.candidates = {land, city};
    dataset.info.title = "t\x1b[31m\nerror: a second line";
    save_dataset(dataset, f.path("hostile.h5"));
    const auto is_harmless = [](const Output& done) {
        CHECK_THAT(done.out, !Catch::Contains("\nerror:"));
        std::string text = done.out + done.err;
        std::erase(text, '\n');
        CHECK(control_character_at(text) == std::string::npos);
    };
    const Output asked = kvmem_program({"ask", f.run, "-m", f.path("hostile.h5"), "what is the capital of Peru"});
    CHECK_THAT(asked.out, Catch::StartsWith("Li\\u009bma\\u000aerror: \\u001b]0;x\\u0007\\u202ez\\u2029\n"));
    is_harmless(asked);
    const Output as_json = kvmem_program({"ask", f.run, "-m", f.path("hostile.h5"), "capital of Peru", "--json"});
    CHECK(json::parse(as_json.out).at("answer") == json::string_view(name));
    is_harmless(as_json);
    const Output inspected = kvmem_program({"inspect", f.path("hostile.h5")});
    CHECK_THAT(inspected.out, Catch::StartsWith("data set: t\\u001b[31m\\u000aerror: a second line\n"));
    is_harmless(inspected);
    const Output failed = kvmem_program({"ask", "no\u009b31m\x1b\nerror: run", "x"});
    CHECK_THAT(failed.err, Catch::StartsWith("error: no\\u009b31m\\u001b\\u000aerror: run: "));
    is_harmless(failed);
}

TEST_CASE("questions that are no text, or far too much of it", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    check_fails(kvmem_program({"ask", f.run, "what \xff is"}), 1, "UTF-8");
    check_fails(kvmem_program({"ask", f.run, "what [is"}), 1, "bracket");
    std::string huge;
    while (huge.size() < 1000000) huge += "what is the capital of nothing ";
    const Output without = kvmem_program({"ask", f.run, "--json"}, huge + "\n");
    CHECK(without.code == 0);
    const Output with = kvmem_program({"ask", f.run, "--json"}, huge + "Oldland3\n");
    CHECK(with.code == 0);
    CHECK(json::parse(with.out).at("slots") == 2);
    check_fails(kvmem_program({"ask", f.run, ""}), 1, "the question is empty");
}

TEST_CASE("an interrupted training says how to go on, and does", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import();
    const std::vector<std::string> arguments{"train", f.data,     "--run",  f.run,        "--width",
                                             "16",    "--epochs", "100000", "--patience", "0"};
    Running training(command(arguments), {});
    for (int i = 0; i < 5000 && training.err_so_far().find("epoch 1 ") == std::string::npos; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ::kill(training.process(), SIGINT);
    const Output interrupted = training.wait();
    CHECK(interrupted.code == 130);
    CHECK_THAT(interrupted.err, Catch::Contains("kvmem train --resume --run " + f.run));
    CHECK(f.exists("run/model-last.h5"));
    check_fails(kvmem_program(arguments), 1, "a run is here already");
    const json::value config = json::parse(read_file(f.path("run/config.json")));
    const Output resumed = kvmem_program({"train", "--resume", "--run", f.run, "--epochs", "3"});
    CHECK(resumed.code == 0);
    CHECK(f.exists("run/results.json"));
}

TEST_CASE("files that are not what they should be are one clear error", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string missing = f.path("missing"), folder = f.path("folder"), text = f.write("text.h5", "not HDF5");
    const std::string bytes = read_file(f.data), model = read_file(f.run + "/model-best.h5");
    const std::string cut = f.write("cut.h5", bytes.substr(0, bytes.size() / 2));
    const std::string cut_model = f.write("cut-model.h5", model.substr(0, model.size() / 2));
    const std::string empty = f.write("empty.h5", "");
    fs::create_directory(folder);
    const std::string new_run = f.path("new-run");
    for (const std::string& bad : {missing, folder, text, cut, empty, f.run + "/model-best.h5"}) {
        CAPTURE(bad);
        if (bad.find("model-best") == std::string::npos) check_fails(kvmem_program({"inspect", bad}), 1);
        check_fails(kvmem_program({"train", bad, "--run", new_run}), 1);
        check_fails(kvmem_program({"evaluate", f.run, "--data", bad}), 1);
        check_fails(kvmem_program({"ask", f.run, "x", "--memory", bad}), 1);
    }
    for (const std::string& bad : {missing, folder, text, cut_model, empty, f.data}) {
        CAPTURE(bad);
        check_fails(kvmem_program({"evaluate", bad, "--data", f.data}), 1);
        check_fails(kvmem_program({"ask", bad, "x", "--memory", f.data}), 1);
        check_fails(kvmem_program({"predict", bad, "--memory", f.data}), 1);
    }
    CHECK_FALSE(fs::exists(new_run));
    // Each says what the file is, and where to go on.
    check_fails(kvmem_program({"evaluate", f.data}), 1, "train on it: kvmem train ");
    check_fails(kvmem_program({"ask", f.data, "x"}), 1, "got a data set of format kvmem-qa");
    check_fails(kvmem_program({"train", f.facts, "--run", new_run}), 1, "make a data set of it with 'kvmem import'");
    check_fails(kvmem_program({"inspect", f.facts}), 1, "no HDF5 file");
    check_fails(kvmem_program({"query", f.data, "-"}, "1 2\n"), 1, "this is not a store of vectors");
    check_fails(kvmem_program({"query", f.run, "-"}, "1 2\n"), 1, "a run directory");
    check_fails(kvmem_program({"index", "/dev/null", "-o", f.path("none.h5")}), 1, "no vectors");
    check_fails(kvmem_program({"inspect", f.run, "--max-slots", "3"}), 2, "of kvmem-qa data sets only");
    check_fails(kvmem_program({"evaluate", f.run + "/model-best.h5"}), 2, "--data");
    check_fails(kvmem_program({"ask", f.run + "/model-best.h5", "x"}), 2, "--memory");
    check_fails(kvmem_program({"evaluate", f.run, "--split", "exam"}), 1, "exam");
    check_fails(kvmem_program({"train", "--resume", "--run", folder}), 1, "no run here");
    check_fails(kvmem_program({"ask", folder, "x"}), 1, "no run here");
}

TEST_CASE("an option's number is taken as it is written or not at all", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const auto refused = [](std::vector<std::string> arguments, const std::string& option,
                            const std::vector<std::string>& texts = {"0x10", " 3", "3 ", "1e400", "inf", "nan"}) {
        arguments.emplace_back();
        for (const std::string& text : texts) {
            arguments.back() = "--" + option + "=" + text;
            check_fails(kvmem_program(arguments), 2, "number");
        }
    };
    const std::vector<std::string> unfit{"-1", "18446744073709551616", "1.5"};
    refused({"import", "kb", "--facts", f.facts, "--output", f.data}, "seed", unfit);
    refused({"synth", "stories", "--output", f.path("stories")}, "seed", unfit);
    refused({"import", "kb", "--facts", f.facts, "--output", f.data}, "seed");
    refused({"import", "kb", "--facts", f.facts, "--output", f.data}, "valid-fraction");
    refused({"synth", "stories", "--output", f.path("stories")}, "seed");
    refused({"synth", "stories", "--output", f.path("stories")}, "questions");
    refused({"index", "vectors.npy", "--output", f.path("store")}, "lists");
    refused({"query", "store"}, "k");
    refused({"query", "store", "--read"}, "temperature");
    refused({"inspect", f.facts}, "max-slots");
    refused({"ask", "run"}, "top");
    refused({"plot", "run"}, "examples");
    refused({"evaluate", "run"}, "threads");
    f.import();
    refused({"train", f.data, "--run", f.run}, "seed", unfit);
    for (const char* option : {"seed", "epochs", "batch", "rate", "clip", "runs", "threads", "width", "max-time"})
        refused({"train", f.data, "--run", f.run}, option);
    CHECK_FALSE(f.exists("run"));
}

TEST_CASE("imports that fail leave the output as it was", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.write("data.h5", "precious");
    const std::string missing = f.path("missing.tsv");
    const auto import_kb = [&](std::vector<std::string> more) {
        std::vector<std::string> arguments{"import", "kb", "--output", f.data};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return kvmem_program(arguments);
    };
    check_fails(import_kb({"--facts", missing}), 1, "missing.tsv");
    check_fails(import_kb({"--facts", f.directory.path().string()}), 1);
    check_fails(import_kb({"--facts", f.write("bad.tsv", "one\ttwo\n")}), 1, "bad.tsv:1");
    check_fails(import_kb({"--facts", f.facts, f.templates, "--templates", f.templates}), 2, "templates");
    check_fails(import_kb({"--facts", f.facts, "--train", f.write("q.tsv", "no tab\n")}), 1, "q.tsv:1");
    check_fails(import_kb({"--facts", f.facts, "--valid-fraction", "2"}), 2);
    CHECK(read_file(f.data) == "precious");
    check_fails(kvmem_program({"import", "kb", "--facts", f.facts, "--output", f.path("no/such/folder.h5")}), 1);
    check_fails(kvmem_program({"import", "kb", "--facts", f.facts, "--output", f.directory.path().string()}), 1);
    const auto files = std::distance(fs::directory_iterator(f.directory.path()), fs::directory_iterator());
    CHECK(files == 5);  // no temporary is left
}

TEST_CASE("a data set without questions can be neither trained on nor measured with", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    REQUIRE(kvmem_program({"import", "kb", "--facts", f.facts, "--output", f.data}).code == 0);
    check_fails(f.train(), 1, "the data set has no questions");
    CHECK_FALSE(fs::exists(f.run));
    CHECK(kvmem_program({"inspect", f.data}).code == 0);
}

TEST_CASE("a full disk is an error that leaves what was there", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string before = read_file(f.data), best = read_file(f.run + "/model-best.h5");
    const std::string last = read_file(f.run + "/model-last.h5");
    // No file may be longer than a block of 512 or 1024 bytes.
    check_fails(shell("ulimit -f 1; exec $KVMEM import kb --facts " + f.facts + " --output " + f.data), 1);
    CHECK(read_file(f.data) == before);
    check_fails(shell("ulimit -f 4; exec $KVMEM train --resume --epochs 14 --run " + f.run), 1);
    CHECK(read_file(f.run + "/model-best.h5") == best);
    CHECK(read_file(f.run + "/model-last.h5") == last);
    for (const auto& entry : fs::recursive_directory_iterator(f.directory.path()))
        CHECK_THAT(entry.path().filename().string(), !Catch::Contains(".tmp"));
    check_fails(shell("exec $KVMEM version > /dev/full"), 1, "output");
    CHECK(kvmem_program({"train", "--resume", "--epochs", "14", "--run", f.run}).code == 0);
}

TEST_CASE("a directory that cannot be written is an error", "[program]") {
    NEED_PROGRAM();
    if (::geteuid() == 0) {
        WARN("nothing is closed to root");
        return;
    }
    const ProgramFixture f;
    f.import();
    fs::create_directory(f.path("closed"));
    fs::permissions(f.path("closed"), fs::perms::owner_read | fs::perms::owner_exec);
    check_fails(kvmem_program({"import", "kb", "--facts", f.facts, "--output", f.path("closed/data.h5")}), 1);
    check_fails(kvmem_program({"train", f.data, "--run", f.path("closed/run")}), 1);
}

// Two questions about each story, in which people go to one of three places.
static std::string stories(int count) {
    std::string lines;
    const char* const places[] = {"kitchen", "garden", "office"};
    for (int i = 0; i < count; ++i) {
        const std::string first = places[i % 3], second = places[i / 3 % 3];
        const std::string told =
            R"([{"key": "mary went to the )" + first + R"("}, {"key": "john went to the )" + second + R"("}])";
        for (const auto& [who, where] : {std::pair{"mary", first}, {"john", second}})
            lines += R"({"question": "where is )" + std::string(who) + R"(", "memory": )" + told +
                     R"(, "answers": [")" + where + "\"]}\n";
    }
    return lines;
}

TEST_CASE("questions with stories of their own train an end-to-end memory network", "[program][mem-n2n]") {
    const ProgramFixture f;
    const std::string train = f.write("train.jsonl", stories(90)), valid = f.write("valid.jsonl", stories(9));
    REQUIRE(kvmem_program({"import", "jsonl", "--train", train, "--valid", valid, "--output", f.data}).code == 0);
    const Output trained =
        kvmem_program({"train", f.data, "--run", f.run, "--epochs", "20", "--width", "20", "--runs", "2"});
    INFO(trained.err);
    REQUIRE(trained.code == 0);
    CHECK_THAT(trained.out, Catch::Contains("run-2") && Catch::Contains("standard deviation"));
    const Output inspected = kvmem_program({"inspect", f.run});
    CHECK_THAT(inspected.out, Catch::Contains("end-to-end memory network"));
    CHECK(kvmem_program({"evaluate", f.run, "--split", "valid"}).code == 0);
    const Output answered = kvmem_program(
        {"predict", f.run},
        R"({"question": "where is john", "memory": [{"key": "john went to the office"}, {"key": "mary went to the garden"}]})"
        "\n");
    CHECK(answered.code == 0);
    const json::value answer = json::parse(answered.out);
    CHECK(answer.at("slots") == 2);
    CHECK(answer.at("hops").as_array().size() == 3);
    const Output resumed = kvmem_program({"train", "--resume", "--run", f.run, "--epochs", "21"});
    CHECK(resumed.code == 0);
    check_fails(f.train({"--tasks", "1"}), 1, "a run is here already");
    check_fails(kvmem_program({"train", f.data, "--run", f.run + "-2", "--tasks", "1"}), 2, "no tasks");
    check_fails(kvmem_program({"train", f.data, "--run", f.run + "-2", "--negatives", "3"}), 2, "kv-mem-nn");
}

TEST_CASE("an instruction set that is none is refused by its name", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string vectors = f.write("v.txt", "0 1\n1 0\n"), store = f.path("s.h5");
    REQUIRE(kvmem_program({"index", vectors, "-o", store}).code == 0);
    check_fails(shell("KVMEM_ISA=avx3 \"$KVMEM\" query '" + store + "' '" + vectors + "'"), 1,
                "names no instruction set: expected baseline, avx2");
}

TEST_CASE("a flag takes no other value than yes or no, and a setting one option", "[program]") {
    const ProgramFixture f;
    f.import();
    const auto train = [&](const std::string& run, std::vector<std::string> options) {
        options.insert(options.begin(), {"train", "--model", "kv-mem-nn", "--run", f.run + run, "--epochs", "1"});
        return kvmem_program(options);
    };
    CHECK(train("1", {"--check-nan", f.data}).code == 0);
    CHECK(train("2", {"--check", f.data}).code == 0);
    CHECK(train("3", {f.data, "--check-nan", "no", "--train-entities"}).code == 0);
    CHECK(train("4", {"--train-entities=no", f.data, "--balance"}).code == 0);
    check_fails(train("5", {f.data, "--max-time", "5", "--max-seconds", "9"}), 2, "twice");
    check_fails(train("6", {f.data, "--hash-words", "--hash-entities-only", "yes"}), 2, "twice");
    check_fails(train("7", {f.data, "--check-nan=perhaps"}), 2, "yes or no");
}
