#include "tasks/sequences/import/sources.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace kvmem {

using Texts = std::vector<std::string>;

// The lines of a source as they are, blank ones too, each with "\n" but the last one as in the source.
static std::string whole_text(const Source& source, const SequenceImport& options) {
    std::string text;
    LineReader lines(source, options.progress, std::numeric_limits<std::size_t>::max());
    for_each_good_line(lines, options.on_bad_line, [&](LineReader& reader) {
        std::string_view line;
        if (!reader.next_or_blank(line)) return false;
        text.append(line) += '\n';
        return true;
    });
    const char last = source.text.back();
    if (!text.empty() && last != '\n' && last != '\r') text.pop_back();
    if (text.empty()) throw error_in(source.name, "the file has no line that is text");
    return text;
}

static void add_lines(Texts& texts, const Source& source, const SequenceImport& options) {
    const std::size_t before = texts.size();
    LineReader lines(source, options.progress);
    for_each_good_line(lines, options.on_bad_line, [&](LineReader& reader) {
        std::string_view line;
        if (!reader.next(line)) return false;
        texts.emplace_back(line);
        return true;
    });
    if (texts.size() == before) throw error_in(source.name, "the file has no line that is text");
}

static Texts read_documents(const std::vector<Source>& sources, const SequenceImport& options, Documents documents) {
    Texts texts;
    for (const Source& source : sources) {
        if (documents == Documents::files)
            texts.push_back(whole_text(source, options));
        else
            add_lines(texts, source, options);
    }
    return texts;
}

static bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0u) != 0x80u; }

// Cuts the last share of a text's characters off.
static std::string cut_end(std::string& text, double fraction) {
    const Index characters = std::count_if(text.begin(), text.end(), begins_character);
    const auto share = static_cast<Index>(std::floor((1 - fraction) * static_cast<double>(characters)));
    require_two(characters, "characters");
    Index left = std::clamp<Index>(share, 1, characters - 1);
    std::size_t at = 0;
    while (!begins_character(text[at]) || left-- > 0) ++at;
    std::string end = text.substr(at);
    text.resize(at);
    return end;
}

static Texts set_apart(Texts& train, double fraction, Documents documents) {
    Texts valid;
    if (documents == Documents::files) {
        for (std::string& text : train) valid.push_back(cut_end(text, fraction));
        return valid;
    }
    const auto count = validation_count(fraction, static_cast<Index>(train.size()), "lines");
    valid.assign(std::make_move_iterator(train.end() - count), std::make_move_iterator(train.end()));
    train.resize(train.size() - static_cast<std::size_t>(count));
    return valid;
}

static Ragged<Token> encode(const Texts& texts, const Units& units) {
    Ragged<Token> documents;
    for (const std::string& text : texts) units.encode(text, documents.values), documents.end_row();
    return documents;
}

TextDataset text_from(const SequenceSources& sources, const SequenceImport& options, const UnitChoice& units,
                      Documents documents) {
    Texts train = read_documents(sources.train, options, documents);
    Texts valid = read_documents(sources.valid, options, documents);
    const Texts test = read_documents(sources.test, options, documents);
    if (options.valid_fraction > 0) valid = set_apart(train, options.valid_fraction, documents);
    const std::vector<std::string_view> views(train.begin(), train.end());
    TextDataset dataset{options.info, Units::learn(units.kind, views, units.size), {}};
    dataset.splits["train"] = encode(train, dataset.units);
    if (!valid.empty()) dataset.splits["valid"] = encode(valid, dataset.units);
    if (!test.empty()) dataset.splits["test"] = encode(test, dataset.units);
    return dataset;
}

TextDataset import_text(const SequenceImport& options, const UnitChoice& units, Documents documents) {
    return text_from(read_sequence_sources(options), options, units, documents);
}

}  // namespace kvmem
