// kvmem generate RUN: a text that a text model goes on with.
#include "kvmem/core/option_error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/text.hpp"
#include "program.hpp"
#include "sequence_source.hpp"

#include <boost/json.hpp>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

static const char* const about_generate =
    "Goes on with a text, symbol by symbol, until the model ends it or --max-length symbols are there. Symbols are\n"
    "drawn by their probabilities: equal options give equal texts. --beam searches for a probable text instead. The\n"
    "text is printed as it comes, and several texts once all are there, with a line of '---' between them.";

// Options of a search by --beam, otherwise of sampling.
static GenerateOptions text_options(const po::variables_map& values) {
    GenerateOptions defaults{.max_length = 500};
    defaults.sample = !values.count("beam");
    return search_options(values, defaults);
}

static std::string prompt_of(const po::variables_map& values) {
    const std::string prompt = values["prompt"].as<std::string>();
    if (const std::size_t at = invalid_utf8_at(prompt); at != std::string::npos)
        throw OptionError("prompt", "UTF-8", "another byte at " + std::to_string(at));
    return prompt;
}

static void print(const SequenceSource& source, const std::vector<Generated>& texts, bool as_json) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (as_json)
            std::cout << json::serialize(json::object{{"text", source.text_of(texts[i])},
                                                      {"log_probability", texts[i].log_probability},
                                                      {"ended", texts[i].ended}})
                      << "\n";
        else
            std::cout << (i == 0 ? "" : "---\n") << source.text_of(texts[i]) << "\n";
    }
}

int run_generate(const Arguments& arguments) {
    int threads = 0;
    CommandLine line{.usage = "kvmem generate RUN [options]", .about = about_generate, .positional = {"run"}};
    line.options.add_options()                                                                  //
        ("prompt,p", po::value<std::string>()->default_value(""), "what the text begins with")  //
        ("json", "print JSON, a line for each text")                                            //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core");
    po::options_description search("Options of sampling and search", 100, 50);
    add_search_options(search, {.max_length = 500, .sample = true});
    add_memory_options(search);
    line.options.add(search);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    const GenerateOptions options = text_options(values);
    const std::string prompt = prompt_of(values);
    const SequenceSource source = open_sequence_models(values, true);
    const bool as_json = values.count("json") > 0, stream = !as_json && options.beam == 1 && options.n_best == 1;
    Ragged<Token> no_source, prompts;
    no_source.end_row();
    prompts.push_row(source.first().target_units().encode(prompt));
    SymbolPrinter printer(source.first().target_units());
    GenerateExtras extras{.prefixes = prompts};
    if (stream) {
        for (const Token token : prompts[0]) printer.add(token);
        extras.token = [&](const NewToken& next) { return printer.add(next.token); };
    }
    const auto texts = generate(source.model(), no_source, options, extras);
    if (stream) {
        printer.finish();
        std::cout << std::endl;
    } else {
        print(source, texts[0], as_json);
    }
    return 0;
}

}  // namespace kvmem::apps
