// kvmem predict RUN: JSON lines in, JSON lines out.
#include "line_reader.hpp"
#include "model_source.hpp"
#include "predicted_line.hpp"
#include "program.hpp"
#include "sentences.hpp"

#include <iostream>
#include <utility>

namespace kvmem::apps {

static const char* const about_predict =
    "Reads a question from each line of stdin, plain or as JSON {\"question\": text}, and writes a JSON line for it: "
    "the\n"
    "answer, its candidates and the memories read. A JSON line may bring slots of its own, \"memory\": [{\"key\",\n"
    "\"value\"}], where a slot without \"value\" is a sentence of a story; the right \"answers\", which give \"right\" "
    "and "
    "a\n"
    "summary on stderr; and an \"id\" that is given back as it is written. A line that cannot be answered gives one "
    "with\n"
    "\"error\", and the next line follows; the exit code is then 1. A line has 16 MiB at most. For a\n"
    "sentence selector it is {\"question\": text, \"candidates\": [texts]}, and the candidates are ranked.";

int run_predict(const Arguments& arguments) {
    AnswerOptions options = predict_defaults;
    CommandLine line{.usage = "kvmem predict RUN [options] < questions > answers.jsonl",
                     .about = about_predict,
                     .positional = {"run"}};
    add_answer_options(line, options);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    if (chooses_sentences(values)) return predict_sentences(values);
    const Answerer answerer = open_answerer(values, options);
    InputLines lines;
    PredictCounts counts;
    for (std::string text; lines.next(text);)
        if (text.find_first_not_of(" \t") != std::string::npos)
            std::cout << predicted_line(answerer, options, text, lines.place(), counts) << "\n";
    if (counts.judged > 0)
        std::cerr << counts.right << " of " << plural(counts.judged, "question") << " right ("
                  << percent(static_cast<double>(counts.right) / static_cast<double>(counts.judged)) << ")\n";
    if (counts.failed == 0) return 0;
    Problem problem = *counts.first_problem;
    if (counts.failed > 1) problem.hint = "it is the first of " + plural(counts.failed, "line") + " with an error";
    throw Error(std::move(problem));
}

}  // namespace kvmem::apps
