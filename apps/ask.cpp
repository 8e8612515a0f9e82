// kvmem ask RUN [QUESTION]: one answer with the memories that it came from, or a prompt for many.
#include "answer_text.hpp"
#include "line_reader.hpp"
#include "model_source.hpp"
#include "program.hpp"

#include <unistd.h>

#include <iostream>

namespace kvmem::apps {

static const char* const about =
    "Answers a question from the memory of the data set that the run was trained on, or of another with --memory:\n"
    "the answer, the runners-up with their scores and weights, and for each hop the memories that it read. Names may\n"
    "stand in [brackets]. Without a question it asks for one after the other. RUN is a run directory or a model file.";

int run_ask(const Arguments& arguments) {
    AnswerOptions options;
    CommandLine line{.usage = "kvmem ask RUN [QUESTION] [options]", .about = about, .positional = {"run", "question"}};
    add_answer_options(line, options);
    line.options.add_options()("json", "print JSON, a line for each question");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const Answerer answerer = open_answerer(values, options);
    const bool as_json = values.count("json") > 0;
    const auto answer = [&](const std::string& question) {
        const Answer found = answerer.ask(question, options);
        if (as_json)
            std::cout << boost::json::serialize(to_json(question, found)) << std::endl;
        else
            print(std::cout, found);
    };
    if (values.count("question")) {
        answer(values["question"].as<std::string>());
        return 0;
    }
    const bool conversation = ::isatty(STDIN_FILENO) != 0;
    int code = 0;
    if (conversation) std::cerr << "Ask about what the memory knows; an empty line or Ctrl-D ends.\n";
    LineReader reader("? ");
    while (const auto question = reader.next()) {
        if (question->empty()) {
            if (conversation) break;
            continue;
        }
        try {
            answer(*question);
        } catch (const Error& e) {  // a bad question ends itself, not the conversation
            std::cerr << "error: " << e.what() << std::endl;
            if (!conversation) code = 1;
        }
    }
    require_input_was_read();
    return code;
}

}  // namespace kvmem::apps
