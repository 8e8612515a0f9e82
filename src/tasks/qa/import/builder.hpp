// Turns the facts and questions that importers read into a data set.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/text/entity_linker.hpp"
#include "tasks/qa/import/source.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kvmem {

// A question before its words become tokens, which waits until all files are read and all entities are known. Millions
// of them exist at once, so the builder stores their texts and answers.
struct RawQuestion {
    struct Slot {
        Index key;                   // number of a text()
        std::optional<Token> value;  // none: the key is also the value
    };
    // The slots that this question alone reads.
    struct LocalMemory {
        std::vector<Slot> slots{};
        std::vector<Index> support{};  // numbers of these slots
        Index story = -1;              // consecutive questions with the same number stay in one split
    };

    Location loc;                    // for errors
    std::string_view text;           // DatasetBuilder::keep()
    std::span<const Token> answers;  // DatasetBuilder::answers()
    Token topic = unknown_token;     // the entity that "{}" in the text stands for, if any; such a text is not linked
    Index task = -1;                 // a number of task(), or none
    std::unique_ptr<LocalMemory> local{};  // if it has slots
};

// Which of `count` training questions, or stories, are drawn for validation: at least one, never all. Throws Error for
// fewer than two.
std::vector<bool> drawn_for_validation(std::size_t count, double fraction, std::uint64_t seed);

// Collects facts, then questions, and makes one data set of them. One thread at a time.
class DatasetBuilder {
  public:
    // The options, and with them the file of documents, are read by finish().
    explicit DatasetBuilder(const ImportOptions& options) : options_(options) {}

    Token entity(std::string_view name) { return dataset_.vocabulary.add(TokenKind::entity, name); }

    // Adds two slots, one read from the subject and one from the object; ignores a fact that exists already. Throws
    // Error for an unusable name (require_name), and for a relation that begins with "~".
    void add_fact(std::string_view subject, std::string_view relation, std::string_view object, const Location& loc);

    // The number of a slot text. Equal texts share one number, since stories repeat their sentences.
    Index text(std::string_view text);

    // The number of a task. If only some questions have a task, the others get the task "other".
    Index task(std::string_view name);

    // Adds a question to a split. A split exists only if it has questions.
    void add_question(std::string_view split, RawQuestion question);

    // Calls use(split, question) for each question so far.
    template <class Use>
    void for_each_question(Use use) const {
        for (const auto& [split, questions] : questions_)
            for (const RawQuestion& question : questions) use(split, question);
    }

    // Copies of a text and of answers, valid as long as the builder. Answers are distinct, rise, and become entities.
    // Throws Error for an unusable name.
    std::string_view keep(std::string_view text);
    std::span<const Token> answers(const std::vector<std::string_view>& names, const Location& loc);
    std::span<const Token> answers(std::vector<Token> entities);

    const Vocabulary& vocabulary() const { return dataset_.vocabulary; }
    const Slots& memory() const { return dataset_.memory; }

    // Calls ImportOptions::warn with this and the line, or counts it.
    void doubt(const std::string& what, const Location& loc);

    // Call it once, at the end. Throws Error with the location of a question that cannot be read.
    QaDataset finish(const LinkOptions& link = {});

  private:
    // The tokens of a text outside of brackets, and the number of training questions that contain it.
    struct PlainText {
        std::vector<Token> tokens;
        std::int64_t uses = 0;
        bool has_possessive = false;  // some word may be a name with "'s"
    };

    // How finish() finds names in texts.
    struct Linking {
        const EntityLinker& linker;
        const LinkOptions& options;
    };

    // A relation read from subject to object, and from object to subject.
    struct Directions {
        Token forward, reverse;
    };
    Directions relation(std::string_view name, const Location& loc);

    void read_documents();
    void split_off_validation();
    void doubt_question(const RawQuestion& question, std::span<const Token> tokens);
    void find_held_entities();
    void name_missing_tasks();
    void count_plain_words();
    void count_marked_words(std::string_view text);
    void append_question(Split& split, const RawQuestion& question, const Linking& linking);
    void append_slots(Split& split, const RawQuestion& question, const Linking& linking);
    void append_linked(std::vector<Token>& tokens, std::string_view text, const Linking& linking);
    const std::vector<Token>& linked_text(Index text, const RawQuestion& question, const Linking& linking);
    bool append_marked(std::vector<Token>& tokens, std::string_view text) const;
    void append_words(std::vector<Token>& tokens, std::string_view text);

    const ImportOptions& options_;
    QaDataset dataset_;
    NumberTable facts_;  // half the numbers of the slots that are read from subjects
    std::map<std::string, Directions, std::less<>> relations_;
    std::pmr::monotonic_buffer_resource kept_;
    std::map<std::string, std::deque<RawQuestion>, std::less<>> questions_;
    std::map<std::string, Index> doubts_;                    // how often each was told
    std::vector<bool> held_;                                 // whether a fact holds the token; empty without facts
    std::unordered_map<std::string_view, PlainText> plain_;  // of questions with marks or topics
    std::map<std::string, Index, std::less<>> texts_, tasks_;
    std::vector<std::string_view> text_;            // by number
    std::vector<std::vector<Token>> linked_texts_;  // by number; filled on first use
    bool has_local_slots_ = false, has_support_ = false;
};

}  // namespace kvmem
