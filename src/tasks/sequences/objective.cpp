#include "kvmem/tasks/sequences/objective.hpp"

#include "io/content_hash.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/model_file.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

static std::string or_unknown(const std::string& text) { return text.empty() ? "not stated" : text; }

// What the descriptions of all networks of sequences begin with.
static Description description_of(const SequenceNetwork& network, const DatasetInfo& info) {
    Description d;
    d.title = network.name() + ": " + or_unknown(info.title);
    d.summary = network.summary();
    d.facts = {{"source", or_unknown(info.source)}, {"license of the data", or_unknown(info.license)}};
    return d;
}

// Calls loss(tape, first, end) for batches [first, end) of `count` items on all threads, each with a tape that does not
// train, and returns the sum of their losses.
template <class Loss>
static double sum_of_losses(Index count, Index batch, const Loss& loss) {
    std::vector<double> losses((count + batch - 1) / batch);
    parallel_for(std::ssize(losses), 1, [&](Index first, Index last) {
        Tape tape;
        tape.set_training(false);
        for (Index i = first; i < last; ++i) {
            tape.reset();
            losses[i] = loss(tape, i * batch, std::min(count, (i + 1) * batch)).value().data[0];
        }
    });
    return std::accumulate(losses.begin(), losses.end(), 0.0);
}

double cross_entropy_of(const SequenceNetwork& network, RaggedView<Token> source, RaggedView<Token> target) {
    return sum_of_losses(target.size(), 64, [&](Tape& tape, Index first, Index end) {
        Ragged<Token> sources, targets;
        for (Index i = first; i < end; ++i) sources.push_row(source[i]), targets.push_row(target[i]);
        return network.loss(tape, sources, targets);
    });
}

// --- pairs

PairsObjective::PairsObjective(SequenceNetwork& network, const PairsDataset& dataset)
    : network_(network), dataset_(dataset), train_(dataset.split("train")), pairs_(train_.target.size()) {
    const auto valid = dataset.splits.find("valid");
    if (valid != dataset.splits.end() && valid->second.size() > 0) valid_ = &valid->second;
    for (Index source = 0; source < train_.size(); ++source) {
        const auto [first, end] = train_.references_of(source);
        source_of_.insert(source_of_.end(), end - first, source);
    }
}

Var PairsObjective::loss(Tape& tape, std::span<const Index> items, Rng&) {
    Ragged<Token> sources, targets;
    for (const Index item : items) {
        sources.push_row(train_.source[source_of_[item]]);
        targets.push_row(train_.target[item]);
    }
    return network_.loss(tape, sources, targets);
}

// Whether the text of an output is that of one of a source's references.
static bool is_right(const std::string& output, const Units& units, const PairSplit& split, Index source) {
    const auto [first, end] = split.references_of(source);
    bool right = false;
    for (Index r = first; r < end; ++r) right = right || output == reference_text(units, split.target[r]);
    return right;
}

Validation PairsObjective::validate() {
    const PairSplit& split = *valid_;
    Ragged<Token> sources;  // one for each reference
    for (Index i = 0; i < split.size(); ++i) {
        const auto [first, end] = split.references_of(i);
        for (Index r = first; r < end; ++r) sources.push_row(split.source[i]);
    }
    const auto symbols = static_cast<double>(std::ssize(split.target.values) + split.target.size());
    Validation validation{.examples = static_cast<Index>(symbols),
                          .loss = cross_entropy_of(network_, sources, split.target) / std::max(symbols, 1.0)};
    // A network that repeats itself is wrong long before the usual maximum of symbols.
    GenerateOptions options{.max_length = 0};
    for (Index r = 0; r < split.target.size(); ++r)
        options.max_length = std::max(options.max_length, std::ssize(split.target[r]) + 1);
    const auto outputs = generate(network_, split.source, options);
    Index right = 0;
    const Units& units = network_.target_units();
    for (Index i = 0; i < split.size(); ++i)
        right += is_right(units.decode(outputs[i].front().tokens), units, split, i);
    validation.score = static_cast<double>(right) / static_cast<double>(split.size());
    return validation;
}

void PairsObjective::save(hdf5::Writer& file) const { write_network_info(file, network_); }
void PairsObjective::load(const hdf5::Reader& file) { require_same_units(network_, file); }

static std::string hash_of(const Units& units) {
    std::string texts;
    for (Token t = 0; t < units.size(); ++t) texts += units.text(t) + '\0';
    return xxh3(std::as_bytes(std::span(texts)));
}
template <class T>
static std::string hash_of(const Ragged<T>& rows) {
    return xxh3(std::as_bytes(std::span(rows.values))) + xxh3(std::as_bytes(std::span(rows.offsets)));
}

std::string PairsObjective::fingerprint(std::string_view) const {
    std::string hashes = hash_of(dataset_.source) + hash_of(dataset_.target);
    for (const auto& [name, split] : dataset_.splits)
        if (name != "test")
            hashes += name + hash_of(split.source) + hash_of(split.target) +
                      xxh3(std::as_bytes(std::span(split.reference_offsets)));
    return xxh3(std::as_bytes(std::span(hashes)));
}

Description PairsObjective::describe(const std::string& run_directory) const {
    Description d = description_of(network_, dataset_.info);
    d.about = "It turns a source into a target, symbol by symbol.";
    d.counts = {{"training pair", pairs_}};
    d.use = "Use it: `kvmem translate " + run_directory + " < lines.txt`.";
    return d;
}

// --- text

static std::vector<Token> stream_of(RaggedView<Token> documents) {
    std::vector<Token> stream;
    for (Index i = 0; i < documents.size(); ++i) {
        stream.push_back(begin_token);
        stream.insert(stream.end(), documents[i].begin(), documents[i].end());
        stream.push_back(end_token);
    }
    return stream;
}

double cross_entropy_of(const TextNetwork& network, RaggedView<Token> documents, Index context) {
    require_option(context >= 1, "context", "1 or more");
    // Pieces of this many symbols cost little more than the symbols alone. Their scores may take 2^22 numbers at once.
    const Index length = std::max<Index>(512, 2 * context);
    const Index batch = std::clamp<Index>((Index{1} << 22) / (length * network.target_units().size()), 1, 16);
    struct Piece {
        Index document, first, end, context;
    };
    std::vector<Piece> pieces;
    Index symbols = 0;
    Ragged<Token> streams;
    for (Index i = 0; i < documents.size(); ++i) {
        streams.push_row(stream_of({documents[i], std::vector<Index>{0, std::ssize(documents[i])}}));
        const Index size = std::ssize(streams[i]);
        for (Index at = 1; at < size; at += length)
            pieces.push_back({i, std::max<Index>(0, at - context), std::min(size, at + length), std::min(at, context)});
        symbols += size - 1;
    }
    const double sum = sum_of_losses(std::ssize(pieces), batch, [&](Tape& tape, Index first, Index end) {
        Ragged<Token> texts;
        std::vector<Index> contexts;
        for (Index i = first; i < end; ++i) {
            const Piece& p = pieces[i];
            texts.push_row(streams[p.document].subspan(p.first, p.end - p.first));
            contexts.push_back(p.context);
        }
        return network.continuation_loss(tape, texts, contexts);
    });
    return sum / static_cast<double>(std::max<Index>(symbols, 1));
}

TextObjective::TextObjective(TextNetwork& network, const TextDataset& dataset)
    : network_(network), dataset_(dataset), piece_(network.piece_length()), train_(stream_of(dataset.split("train"))) {
    require_shape(!train_.empty(), "TextObjective", "a training split with a document");
}

Index TextObjective::items() const { return (std::ssize(train_) + piece_ - 1) / piece_; }
Index TextObjective::examples(Index item) const { return std::min(piece_, std::ssize(train_) - item * piece_); }
bool TextObjective::can_validate() const {
    const auto valid = dataset_.splits.find("valid");
    return valid != dataset_.splits.end() && !valid->second.empty();
}

void TextObjective::begin_epoch(Index, std::span<const Index>, Rng rng) { first_ = rng.below(std::ssize(train_)); }

// The text is read as a ring, so that every epoch has the same number of symbols wherever it begins.
Var TextObjective::loss(Tape& tape, std::span<const Index> items, Rng&) {
    Ragged<Token> pieces;
    for (const Index item : items) {
        for (Index i = 0; i <= examples(item); ++i)
            pieces.values.push_back(train_[(first_ + item * piece_ + i) % std::ssize(train_)]);
        pieces.end_row();
    }
    return network_.continuation_loss(tape, pieces, std::vector<Index>(items.size(), 1));
}

Validation TextObjective::validate() {
    const Ragged<Token>& documents = dataset_.splits.at("valid");
    const double loss = cross_entropy_of(network_, documents);
    return {.examples = std::ssize(documents.values) + documents.size(), .loss = loss, .score = loss};
}

void TextObjective::save(hdf5::Writer& file) const { write_network_info(file, network_); }
void TextObjective::load(const hdf5::Reader& file) { require_same_units(network_, file); }

std::string TextObjective::fingerprint(std::string_view) const {
    std::string hashes = hash_of(dataset_.units);
    for (const auto& [name, documents] : dataset_.splits)
        if (name != "test") hashes += name + hash_of(documents);
    return xxh3(std::as_bytes(std::span(hashes)));
}

Description TextObjective::describe(const std::string& run_directory) const {
    Description d = description_of(network_, dataset_.info);
    d.about = "It goes on with a text, symbol by symbol.";
    d.counts = {{"training symbol", std::ssize(train_)}};
    d.use = "Use it: `kvmem generate " + run_directory + " --prompt \"...\"`.";
    return d;
}

}  // namespace kvmem
