// Importers of common file layouts into a QaDataset. Errors name file and line ("train.txt:17").
//
// Files are UTF-8 with or without a byte order mark, and have any line ends; blank lines are ignored. A fact becomes
// two slots of the memory, [subject, relation] -> [object] and [object, ~relation] -> [subject]. Entities are the names
// in facts and answers, and all of them are candidates. A question with an empty list of answers is unanswerable.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/documents/representation.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace kvmem {

// The options of every importer. A split without files is missing in the data set.
struct ImportOptions {
    std::vector<std::filesystem::path> train{}, valid{}, test{};  // files of questions
    double valid_fraction = 0;  // of the questions in `train`, moved to "valid"; only without files for `valid`
    // Whether a tenth of 20 or more training questions is moved to "valid" where neither files nor a fraction give any.
    bool valid_by_default = false;
    std::uint64_t seed = 1;  // of every random choice
    // Files and folders of documents (documents/read.hpp). Their slots are the memory, and facts only name entities.
    std::vector<std::filesystem::path> documents{};
    documents::RepresentationOptions representation{};
    // Whether questions stay only if a slot that they read has a right answer, and only these answers
    // (RetrieverOptions).
    bool stated_only = false;
    // What the data set will say about itself.
    std::string title{}, source{}, license{};
    // If not empty, called at times with the name of the file being read and the number of its lines that are done.
    std::function<void(const std::string& what, Index lines)> progress{};
    // If not empty, called with a text for what cannot be learned: a question that names nothing, a right answer that
    // no fact holds, a template that makes no question. Of each kind the first five have file and line, the others a
    // count.
    std::function<void(const std::string& warning)> warn{};
};

// Options for MetaQA's questions, which come in files by number of hops and have types.
struct MetaqaOptions {
    // No split, "test", or every split.
    enum class WithoutMarks { none, test, all };

    // Files of questions to divide at random, each by itself: 80 % train, 10 % valid, 10 % test.
    std::vector<std::filesystem::path> split{};
    // A phrasing is a question without its [names]. This number of phrasings of each type, but never all, is drawn and
    // left out of "train" and "valid"; "test" becomes the questions of all files with one of them. Questions without a
    // type are one type.
    Index held_out_phrasings = 0;
    Index train_limit = 0;  // maximum of training questions of each file, drawn at random; 0: all
    // A file of facts, lines "subject<TAB>relation<TAB>object", that are asked in the phrasings of the training
    // questions, each key once, without the keys of any question of the files. Empty: none.
    std::filesystem::path asked_facts{};
    // The splits whose questions lose their brackets, so that names in them must be found as in any text.
    WithoutMarks without_marks = WithoutMarks::none;
};

// Imports MetaQA. `kb` has lines "subject|relation|object", question lines are "text with [entity]<TAB>answer|answer".
// A file qa_X_qtype.txt beside a file X.txt of questions gives each of them a type, which becomes its task. If only
// some questions have types, the task of the others is "other".
QaDataset import_metaqa(const std::filesystem::path& kb, const ImportOptions& options,
                        const MetaqaOptions& metaqa = {});
// The path of the file of types for a file of questions: qa_X_qtype.txt beside X.txt.
std::filesystem::path metaqa_types_of(const std::filesystem::path& questions);

// Imports WikiMovies. `kb` (wiki_entities_kb.txt) has lines "1 Movie relation object, object"; question lines are
// "1 question?<TAB>answer, answer". `entities` (entities.txt, a name a line; may be empty) decides where names with
// commas end. Without it, the movies of `kb` do.
QaDataset import_wikimovies(const std::filesystem::path& kb, const std::filesystem::path& entities,
                            const ImportOptions& options);

// Templates that make questions from facts (datasets/README.md specifies the format).
struct TemplateOptions {
    std::filesystem::path file{};              // empty: none
    double test_entity_fraction = 0.1;         // share of subjects that only "test" asks about, with held-out phrasings
    Index questions_per_key = 1;               // maximum of phrasings for each (entity, relation)
    Index keys_per_path = 1000;                // maximum of entities for each path of several relations
    static constexpr Index max_reached = 100;  // maximum of entities after each step of a path; others make no question
};

// Imports own data. Files of facts have lines "subject<TAB>relation<TAB>object", or are tables with the first line
// "@table<TAB>name of the subjects<TAB>relation<TAB>relation..." and lines "subject<TAB>cell<TAB>cell...", where a cell
// is empty or "object|object". Lines that begin with "#" are comments. Questions are TSV lines
// "text<TAB>answer<TAB>answer..." or, in files called *.jsonl, {"question": text, "answers": [text...]}.
QaDataset import_kb(const std::vector<std::filesystem::path>& facts, const TemplateOptions& templates,
                    const ImportOptions& options);

// Imports questions with local memories, JSON lines {"question", "memory": [{"key", "value"}...], "answers": [...]}. A
// value is one entity; a slot without "value" is a sentence that is key and value.
QaDataset import_jsonl(const ImportOptions& options);

// Imports the bAbI tasks: stories with lines "NUMBER text" and "NUMBER question<TAB>answer<TAB>numbers of supporting
// lines", whose numbers begin at 1 with each story. Folders hold files qaN_train.txt or qaN_some-name_train.txt, and
// _valid and _test beside them; a file that a folder lacks comes from the next one. `tasks` are the numbers N; empty:
// all. The sentences before a question are its local slots, in their order, each both key and value. An answer of
// several parts with commas ("milk,football") is one answer.
QaDataset import_babi(const std::vector<std::filesystem::path>& folders, const std::vector<Index>& tasks,
                      const ImportOptions& options);

}  // namespace kvmem
