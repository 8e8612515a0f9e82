// Importers of plain text into data sets of sequences. Errors name file and line ("train.tsv:17").
//
// Files are UTF-8 with or without a byte order mark, and have any line ends. Texts are taken as they are: nothing is
// trimmed, composed or put in lower case.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/sequences/dataset.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// The units of a text: their kind, and the maximum of tokens (Units::learn).
struct UnitChoice {
    UnitKind kind = UnitKind::chars;  // of all of them
    Index size = 0;                   // 0: all that occur
};
// The choice of "chars", "words", "bpe:4000" or "words:4000". Throws UsageError that names the option.
UnitChoice unit_choice(std::string_view text, const char* option);

// The options of both importers. A split without files is missing in the data set.
struct SequenceImport {
    std::vector<std::filesystem::path> train{};  // files of "train"
    std::vector<std::filesystem::path> valid{};  // and of "valid"
    std::vector<std::filesystem::path> test{};   // and of "test"
    bool marks_from_names = false;               // of pairs: sources begin with a mark, that of fra_train.tsv being fra
    double valid_fraction = 0;                   // of `train`, moved to "valid"; only without files for `valid`
    std::uint64_t seed = 1;                      // of every random choice
    DatasetInfo info{};                          // what the data set will say about itself
    // If not empty, called with the error of each bad line, which is then skipped. Otherwise the error is thrown.
    std::function<void(const Error& bad)> on_bad_line{};
    // If not empty, called at times with the name of the file being read and the number of its lines that are done.
    std::function<void(const std::string& what, Index lines)> progress{};
};

// Imports lines "source<TAB>target". With marks_from_names, the sources of a file begin with a mark (Units) named by
// the file's name up to its first '_' or '.'; a mark that "train" lacks is an error. A line is bad if it has no tab or
// several, an empty side, more than 64 KiB, or bytes that are no UTF-8 text. Blank lines are ignored. Each line of
// `train` is an example. "valid" and "test" have each source once, in the order of the files, with all its different
// targets as references. A part of `train` for validation is drawn among its different sources, so that no source is in
// both. Units are learned from "train" alone.
PairsDataset import_pairs(const SequenceImport& options, const UnitChoice& source, const UnitChoice& target);

// What a document is.
enum class Documents { files, lines };

// Imports texts. A document is a whole file, whose line ends become "\n", or each line that is not blank. A part of
// `train` for validation is the last of each file, counted in characters, or the last lines of all. Units are learned
// from "train" alone.
TextDataset import_text(const SequenceImport& options, const UnitChoice& units, Documents documents);

// A source and all its different targets.
struct ReferencedText {
    std::string source;                   // as in the file
    std::vector<std::string> references;  // one or more
};
// The pairs of files as import_pairs() reads those of "test", as text. Throws Error.
std::vector<ReferencedText> read_references(const std::vector<std::filesystem::path>& files,
                                            const std::function<void(const Error& bad)>& on_bad_line = {});

}  // namespace kvmem
