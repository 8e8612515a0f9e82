// kvmem align RUN SOURCE: which source symbols each target symbol read, by every head.
#include "answer_text.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "output.hpp"
#include "program.hpp"
#include "sequence_picture.hpp"

#include <iostream>
#include <numeric>

namespace kvmem::apps {

static const char* const about_align =
    "Draws the attention weights of one line: a row for each symbol of the target, a column for each symbol of the\n"
    "source, and a picture for each head. The target is the one that the model writes, or TARGET.";

static void print(const AlignedLine& line, Index head) {
    std::size_t target_width = 0;
    for (const std::string& symbol : line.target) target_width = std::max(target_width, width_of(symbol));
    std::cout << (line.result.heads > 1 ? line.heads[static_cast<std::size_t>(head)] + "\n" : "") << "  "
              << std::string(target_width, ' ');
    for (const std::string& symbol : line.source) std::cout << " " << padded(symbol, 2);
    std::cout << "\n";
    for (Index t = 0; t < std::ssize(line.target); ++t) {
        std::cout << "  " << padded(line.target[static_cast<std::size_t>(t)], target_width);
        const auto weights = line.result.weights[t * line.result.heads + head];
        for (std::size_t s = 0; s < weights.size(); ++s) {
            std::string cell;
            for (std::size_t i = 0; i < std::max<std::size_t>(2, width_of(line.source[s])); ++i)
                cell += level(double{weights[s]});
            std::cout << " " << cell;
        }
        std::cout << "\n";
    }
}

static AlignedLine aligned(const SequenceSource& source, const po::variables_map& values) {
    const std::string text = required(values, "source", "a source");
    const Units& targets = source.first().target_units();
    Ragged<Token> lines, prefixes;
    lines.push_row(source.tokens_of(text, "the source"));
    GenerateOptions options = search_options(values);
    if (values.count("target")) {
        prefixes.push_row(targets.encode(values["target"].as<std::string>()));
        options.max_length = options.min_length = 0;
    }
    Generated result = generate(source.model(), lines, options, {.prefixes = prefixes, .weights = true})[0][0];
    if (values.count("target")) {
        const Ragged<double> steps = score(source.model(), lines, prefixes);
        result.log_probability = std::accumulate(steps.values.begin(), steps.values.end(), 0.0);
    }
    if (result.heads == 0)
        throw Error({.what = "the model has no attention",
                     .expected = "a model that reads its source by attention",
                     .got = "a " + source.first().name()});
    return {symbols_of(source.first().source_units(), lines[0]), symbols_of(targets, result.tokens), std::move(result),
            source.head_names()};
}

int run_align(const Arguments& arguments) {
    CommandLine line{.usage = "kvmem align RUN SOURCE [TARGET] [options]",
                     .about = about_align,
                     .positional = {"run", "source", "target"}};
    line.options.add_options()("html", po::value<std::string>(), "write a page of HTML to this file, - for stdout");
    po::options_description search("Options of the search", 100, 50);
    add_search_options(search);
    add_memory_options(search);
    line.options.add(search);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const SequenceSource source = open_sequence_models(values);
    const AlignedLine found = aligned(source, values);
    const std::string title = values["source"].as<std::string>() + " → " + source.text_of(found.result);
    if (values.count("html")) {
        const std::string output = required(values, "html", "a file for the page");
        const std::string page = html(title, chart(svg(heat_map(found))));
        if (output == "-") {
            std::cout << page;
            return 0;
        }
        require_output(output, "", {});
        replace_file(output, page);
        return 0;
    }
    std::cout << printable(title) << "   log probability " << formatted("%.3f", found.result.log_probability) << "\n";
    for (Index head = 0; head < found.result.heads; ++head) print(found, head);
    return 0;
}

}  // namespace kvmem::apps
