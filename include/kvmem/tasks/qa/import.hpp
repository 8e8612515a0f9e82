// From other people's layouts to a QaDataset. Errors name file and line ("train.txt:17").
//
// Files are UTF-8, perhaps with a byte order mark, and have any line ends; blank lines are passed over. A fact becomes
// two slots of the memory, [subject, relation] -> [object] and [object, ~relation] -> [subject]. Entities are the names
// in facts and answers, and these are the candidates. An empty list of answers is an unanswerable question.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace kvmem {

// What every importer takes. A split without files is one that the data set does not have.
struct ImportOptions {
    std::vector<std::filesystem::path> train{}, valid{}, test{};  // files of questions
    double valid_fraction = 0;  // of the questions in `train`, moved to "valid"; only without files for `valid`
    std::uint64_t seed = 1;     // of every random choice
    std::string title{}, source{}, license{};
    // Called now and then with what is being read and how many lines of it are done. May be empty.
    std::function<void(const std::string& what, Index lines)> progress{};
};

// What more can be done with MetaQA's questions, which come in files by their number of hops and have types.
struct MetaqaOptions {
    enum class WithoutMarks { none, test, all };

    // Files of questions to be divided by the seed, each for itself: 80 % train, 10 % valid, 10 % test.
    std::vector<std::filesystem::path> split{};
    // A phrasing is a question without its [names]. Of each type so many, drawn by the seed but never all, are left
    // out of "train" and "valid"; "test" is then the questions of all files that have one of them. Questions without
    // a type count as one type.
    Index held_out_phrasings = 0;
    Index train_limit = 0;  // training questions of each file, drawn by the seed, at most; 0: all
    // Splits whose questions lose their brackets, so that names in them are found as in any text.
    WithoutMarks without_marks = WithoutMarks::none;
};

// MetaQA: `kb` has lines "subject|relation|object"; question lines "text with [entity]<TAB>answer|answer". Where there
// is a file qa_X_qtype.txt beside a file X.txt of questions, it has a type for each of them, which becomes its task; in
// a data set where only some questions have types, the task of the others is "other".
QaDataset import_metaqa(const std::filesystem::path& kb, const ImportOptions& options,
                        const MetaqaOptions& metaqa = {});
// The name of the file of types that belongs to a file of questions: qa_X_qtype.txt beside X.txt.
std::filesystem::path metaqa_types_of(const std::filesystem::path& questions);

// WikiMovies: `kb` (wiki_entities_kb.txt) has lines "1 Movie relation object, object"; question lines are
// "1 question?<TAB>answer, answer". `entities` (entities.txt, a name a line; may be empty) decides where names
// that hold commas end, and which words of a line are the relation.
QaDataset import_wikimovies(const std::filesystem::path& kb, const std::filesystem::path& entities,
                            const ImportOptions& options);

// Question templates, to make questions from facts (the format is in datasets/README.md).
struct TemplateOptions {
    std::filesystem::path file{};       // empty: none
    double test_entity_fraction = 0.1;  // of the subjects, asked about in "test" alone and with the phrasings held out
    Index questions_per_key = 1;        // how many phrasings of each (entity, relation) are made, at most
    Index keys_per_path = 1000;         // how many entities each path of several relations is asked from, at most
    static constexpr Index most_reached = 100;  // entities after any step of such a path; others are not asked
};

// Own data: files of facts with lines "subject<TAB>relation<TAB>object", or tables whose first line is
// "@table<TAB>name of the subjects<TAB>relation<TAB>relation..." and others "subject<TAB>cell<TAB>cell...", a cell
// being empty or "object|object"; lines that begin with "#" are comments. Questions are TSV lines
// "text<TAB>answer<TAB>answer..." or, in files called *.jsonl, {"question": text, "answers": [text...]}.
QaDataset import_kb(const std::vector<std::filesystem::path>& facts, const TemplateOptions& templates,
                    const ImportOptions& options);

// Questions that carry their memories, JSON lines {"question", "memory": [{"key", "value"}...], "answers": [...]}.
// A value is one entity; a slot without "value" is a sentence that is key and value at once.
QaDataset import_jsonl(const ImportOptions& options);

// The bAbI tasks: stories in which questions are asked, lines "NUMBER text" and "NUMBER question<TAB>answer<TAB>numbers
// of supporting lines", the numbers beginning at 1 with each story. Folders hold files called qaN_train.txt or
// qaN_some-name_train.txt, and _valid and _test beside them; a file that a folder lacks is taken from the next one.
// `tasks` are the N wanted; empty: all. Questions own the sentences before them as slots, in their order, key and value
// at once. An answer of several parts joined by commas ("milk,football") is one answer.
QaDataset import_babi(const std::vector<std::filesystem::path>& folders, const std::vector<Index>& tasks,
                      const ImportOptions& options);

}  // namespace kvmem
