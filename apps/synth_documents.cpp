// kvmem synth documents: facts told as prose.
#include "kvmem/tasks/qa/documents/synth_documents.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/qa/import.hpp"
#include "output.hpp"
#include "synth_documents.hpp"

#include <iostream>

namespace kvmem::apps {

static const char* const about_synth_documents =
    "Tells facts as prose: lines title<TAB>text, a document for each subject, which 'kvmem import kb --documents' "
    "reads.\n"
    "Statements are lines relation<TAB>statement with {subject} and {object}, such as those of the almanac:\n\n"
    "  kvmem synth documents --facts datasets/almanac/films.tsv --statements datasets/almanac/statements.tsv -o "
    "films.tsv\n\n"
    "--support writes what each sentence states: title<TAB>sentence<TAB>subject<TAB>relation<TAB>object.";

static bool tells_all(const std::string& templates) {
    require_option(templates == "one" || templates == "all", "templates", "one or all");
    return templates == "all";
}

int run_synth_documents(const Arguments& arguments) {
    documents::SynthDocumentsOptions options;
    CommandLine line{.usage = "kvmem synth documents --facts FILE... --statements FILE --output FILE [options]",
                     .about = about_synth_documents,
                     .positional = {"kind"}};
    line.options.add_options()                                                                                 //
        ("facts", po::value<std::vector<std::string>>()->multitoken(), "files of facts, as kb's")              //
        ("statements", po::value<std::string>(), "file of statements")                                         //
        ("output,o", po::value<std::string>(), "the file of documents to write")                               //
        ("support", po::value<std::string>(), "the file to write what each sentence states")                   //
        ("templates", po::value<std::string>()->default_value("all"), "statements of a relation: one or all")  //
        ("conjunction", po::value(&options.conjunction)->default_value(0, "0"),
         "probability that a statement is joined with the next one")  //
        ("coreference", po::value(&options.coreference)->default_value(0, "0"),
         "probability that a later mention of the subject is a pronoun")  //
        ("seed", po::value(&options.seed)->default_value(1), "of every random choice");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    if (!values.count("facts")) throw UsageError({.what = "nothing given for facts", .expected = "files of facts"});
    const std::string output = required(values, "output", "the file of documents to write");
    options.all_templates = tells_all(values["templates"].as<std::string>());
    const QaDataset facts = import_kb(files_of(values, "facts"), {}, {});
    const auto statements = documents::read_statements(required(values, "statements", "the file of statements"));
    const auto told = documents::tell_facts(facts, statements, options);

    const auto name = [&](Token token) { return facts.vocabulary.text(token); };
    std::string texts, support;
    Index sentences = 0;
    for (const documents::ToldDocument& document : told) {
        texts += name(document.subject) + "\t";
        for (std::size_t i = 0; i < document.sentences.size(); ++i, ++sentences) {
            texts += (i == 0 ? "" : " ") + document.sentences[i].text;
            for (const auto& [relation, object] : document.sentences[i].support)
                support += name(document.subject) + "\t" + std::to_string(i + 1) + "\t" + name(document.subject) +
                           "\t" + name(relation) + "\t" + name(object) + "\n";
        }
        texts += "\n";
    }
    replace_file(output, texts);
    if (values.count("support")) replace_file(values["support"].as<std::string>(), support);
    std::cerr << output << ": " << plural(std::ssize(told), "document") << ", " << plural(sentences, "sentence")
              << "\n";
    return 0;
}

}  // namespace kvmem::apps
