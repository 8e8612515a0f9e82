// kvmem translate RUN: lines in, lines out.
#include "kvmem/core/file.hpp"
#include "kvmem/core/option_error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/text.hpp"
#include "line_reader.hpp"
#include "program.hpp"
#include "sequence_memory.hpp"
#include "translation_json.hpp"

#include <algorithm>
#include <iostream>
#include <optional>

namespace kvmem::apps {

static const char* const about_translate =
    "Writes a target for each line of standard input, or of FILE, as soon as no further lines wait. A line's result\n"
    "has the same bits whatever lines come with it. With several results, a line is the number of the source, and "
    "then\n"
    "the target; --scores and --align add columns, which tabs separate. Bad lines are those that are empty, not "
    "UTF-8,\n"
    "or of more than 64 KiB.";

namespace {

// Lines of a file, or of standard input.
class Input {
  public:
    explicit Input(const std::string& file) : name_(file) {
        if (file != "-") lines_.emplace(text_ = read_file(file), file);
    }
    bool next(std::string& line) {
        if (!lines_) return stdin_.next(line);
        std::string_view view;
        const bool found = lines_->next(view);
        line = view;
        return found;
    }
    bool ready() const { return lines_ || stdin_.ready(); }  // whether next() would not wait
    std::string place() const { return lines_ ? name_ + ":" + std::to_string(lines_->number()) : stdin_.place(); }

  private:
    std::string name_, text_;
    std::optional<TextLines> lines_;
    InputLines stdin_;
};

struct Translation {
    const SequenceSource& source;
    GenerateOptions options;
    std::string align;          // "", "pharaoh" or "text"
    std::optional<Index> head;  // the only one to show
    bool scores, json, stream, explain;
    std::vector<Token> prefix{};  // of all targets
    Index done = 0;               // lines
    Index unknown = 0;            // symbols of sources that the model does not know

    // Lines that were read together; a bad one that is skipped has no tokens.
    void run(const std::vector<std::string>& lines, const Ragged<Token>& tokens);

  private:
    Ragged<Token> prefixes(const Ragged<Token>& lines) const {
        Ragged<Token> all;
        for (Index i = 0; i < lines.size(); ++i) all.push_row(prefix);
        return all;
    }
    void stream_line(const Ragged<Token>& line);
    void print(const std::string& line, std::span<const Token> tokens, const std::vector<Generated>& results) const;
    std::string alignment(std::span<const Token> tokens, const Generated& result) const;
    std::pair<Index, Index> heads(const Generated& result) const;  // from the first to behind the last
};

}  // namespace

std::pair<Index, Index> Translation::heads(const Generated& result) const {
    return head ? std::pair(*head - 1, *head) : std::pair(Index{0}, result.heads);
}

// A column for each head: "0-0 1-1", or "k>N n>AY".
std::string Translation::alignment(std::span<const Token> tokens, const Generated& result) const {
    std::string columns;
    const auto [first, last] = heads(result);
    for (Index h = first; h < last; ++h) {
        const std::vector<Index> positions = alignment_of(result, h);
        columns += "\t";
        for (std::size_t t = 0; t < positions.size(); ++t) {
            const std::string pair = align == "pharaoh"
                                         ? std::to_string(positions[t]) + "-" + std::to_string(t)
                                         : symbol_text(source.first().source_units(), tokens[positions[t]]) + ">" +
                                               symbol_text(source.first().target_units(), result.tokens[t]);
            columns += (t == 0 ? "" : " ") + pair;
        }
    }
    return columns;
}

// A line for each symbol and the end: the nearest slots, with their shares of what was read.
static void print(const std::vector<ExplainedSymbol>& symbols) {
    constexpr std::size_t max_slots = 3;
    for (const ExplainedSymbol& symbol : symbols) {
        std::cout << "  " << symbol.symbol << ":";
        for (std::size_t i = 0; i < std::min(max_slots, symbol.slots.size()); ++i) {
            const auto& slot = symbol.slots[i];
            std::cout << (i == 0 ? "  " : ",  ") << percent(slot.weight) << " " << slot.symbol << " ("
                      << printable(slot.text) << ")";
        }
        std::cout << "\n";
    }
}

void Translation::print(const std::string& line, std::span<const Token> tokens,
                        const std::vector<Generated>& results) const {
    if (json) {
        std::cout << json_line(source, line, tokens, results, {.head = head, .explain = explain}) << "\n";
        return;
    }
    for (const Generated& result : results) {
        if (options.n_best > 1) std::cout << done + 1 << "\t";
        std::cout << printable(source.text_of(result));
        if (scores) std::cout << "\t" << formatted("%.4f", result.score);
        if (!align.empty()) std::cout << alignment(tokens, result);
        std::cout << "\n";
        if (explain) apps::print(explained(source, tokens, result));
    }
    if (results.empty() && options.n_best == 1) std::cout << "\n";  // a line that was skipped
}

void Translation::run(const std::vector<std::string>& lines, const Ragged<Token>& tokens) {
    Ragged<Token> sources;
    for (Index i = 0; i < tokens.size(); ++i)
        if (!tokens[i].empty()) sources.push_row(tokens[i]);
    unknown += std::ranges::count(tokens.values, unknown_token);
    if (stream) return stream_line(sources);
    const auto results =
        generate(source.model(), sources, options, {.prefixes = prefixes(sources), .weights = !align.empty()});
    std::size_t next = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto own = tokens[static_cast<Index>(i)];
        print(lines[i], own, own.empty() ? std::vector<Generated>{} : results[next++]);
        ++done;
    }
    std::cout << std::flush;
}

// Prints the target of one line, or none, symbol by symbol.
void Translation::stream_line(const Ragged<Token>& line) {
    SymbolPrinter printer(source.first().target_units());
    for (const Token token : line.empty() ? std::vector<Token>{} : prefix) printer.add(token);
    generate(source.model(), line, options,
             {.prefixes = prefixes(line), .token = [&](const NewToken& next) { return printer.add(next.token); }});
    printer.finish();
    std::cout << std::endl;
    ++done;
}

// Reads the next lines, at most `max`. A bad line ends them with its error, or is told and has no tokens.
static std::optional<Error> read_lines(Input& input, const SequenceSource& source, std::size_t max, bool skip_bad,
                                       std::vector<std::string>& lines, Ragged<Token>& tokens) {
    for (std::string line; lines.size() < max && (lines.empty() || input.ready());) {
        try {
            if (!input.next(line)) break;
        } catch (const Error& e) {  // of the input itself: nothing more can be read
            return e;
        }
        try {
            tokens.push_row(source.tokens_of(line, input.place()));
        } catch (const Error& e) {
            if (!skip_bad) return e;
            std::cerr << "skipped: " << e.what() << "\n";
            tokens.end_row();
        }
        lines.push_back(std::move(line));
    }
    return {};
}

// Throws UsageError for an option of attention weights that the model does not have.
static void require_heads(const Translation& translation) {
    const Index heads = translation.align.empty() ? 0 : std::ssize(translation.source.head_names());
    if (!translation.align.empty() && heads == 0)
        throw OptionError("align", "a model that reads its source by attention", "a model without attention");
    if (translation.head && *translation.head > heads)
        throw OptionError("head", "1 to " + std::to_string(heads), std::to_string(*translation.head));
}

static void add_options(CommandLine& line, std::string& align, int& threads) {
    line.options.add_options()                                //
        ("scores", "add a column: the score of each result")  //
        ("align", po::value(&align),
         "add a column for each head: which source symbol each target symbol read most, "
         "as 'pharaoh' (0-0 1-1) or 'text' (k>N)")                          //
        ("head", po::value<Index>(), "of --align: this one alone, from 1")  //
        ("explain",
         "with --memory: below each result, a line for each of its symbols and for its end, with the nearest memories, "
         "their shares and the pairs that they are of")                        //
        ("prefix", po::value<std::string>(), "what every target begins with")  //
        ("stream", "print each symbol as soon as it is chosen")                //
        ("skip-bad",
         "tell bad lines and go on, with an empty line for each unless lines have several results; otherwise the first "
         "is "
         "an error")                                                                                         //
        ("json", "print JSON, a line for each source, with the weights of all heads when --align is given")  //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core");
    po::options_description search("Options of the search", 100, 50);
    add_search_options(search);
    add_memory_options(search);
    line.options.add(search);
}

// Throws UsageError for columns that do not go together, whatever the model.
static void require_columns(const po::variables_map& values, const std::string& align) {
    require_option(align.empty() || align == "pharaoh" || align == "text", "align", "pharaoh or text");
    require_option(!values.count("stream") || (!values.count("json") && !values.count("scores") && align.empty()),
                   "stream", "no other columns and no JSON");
}

static Translation translation_of(const po::variables_map& values, const SequenceSource& source,
                                  const GenerateOptions& options, const std::string& align) {
    const bool stream = values.count("stream") > 0, explain = values.count("explain") > 0;
    require_option(!explain || (source.memory() && !stream), "explain", "--memory beside it, and no --stream");
    Translation translation{source, options, align, {}, values.count("scores") > 0, values.count("json") > 0,
                            stream, explain};
    if (values.count("prefix"))
        translation.prefix = source.first().target_units().encode(values["prefix"].as<std::string>());
    if (values.count("head")) translation.head = values["head"].as<Index>();
    if (translation.head) require_at_least(*translation.head, 1, "head");
    require_option(!translation.head || !align.empty(), "head", "--align beside it");
    require_heads(translation);
    return translation;
}

// Translates what comes until the end, or until a bad line, whose error it throws.
static void translate_all(Translation& translation, Input& input, bool skip_bad) {
    const std::size_t max = translation.stream ? 1 : 4096;
    std::vector<std::string> lines;
    do {
        lines.clear();
        Ragged<Token> tokens;
        const std::optional<Error> bad = read_lines(input, translation.source, max, skip_bad, lines, tokens);
        if (!lines.empty()) translation.run(lines, tokens);
        if (bad) throw Error(*bad);
    } while (!lines.empty());
}

int run_translate(const Arguments& arguments) {
    int threads = 0;
    std::string align;
    CommandLine line{.usage = "kvmem translate RUN [FILE] [options] < lines",
                     .about = about_translate,
                     .positional = {"run", "file"}};
    add_options(line, align, threads);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(threads, 0, "threads");
    require_columns(values, align);
    const ThreadLimit limit(threads);
    const GenerateOptions options = search_options(values);
    const SequenceSource source = open_sequence_models(values);
    Translation translation = translation_of(values, source, options, align);
    Input input(values.count("file") ? values["file"].as<std::string>() : "-");
    translate_all(translation, input, values.count("skip-bad") > 0);
    if (translation.unknown > 0)
        std::cerr << "the model does not know " << plural(translation.unknown, "symbol") << " of the sources\n";
    return 0;
}

}  // namespace kvmem::apps
