// What all importers do with facts and questions once they have read them.
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

// A question before its words are tokens: the entities that it names are known when all files are read. There are
// millions of them at once, so texts and answers lie in the builder.
struct RawQuestion {
    struct Slot {
        Index key;                   // number of a text()
        std::optional<Token> value;  // none: the key is the value too
    };
    // Its own memory.
    struct LocalMemory {
        std::vector<Slot> slots{};
        std::vector<Index> support{};  // numbers of these slots
        Index story = -1;              // questions in a row with the same one stay in one split
    };

    Location loc;                    // for errors
    std::string_view text;           // DatasetBuilder::keep()
    std::span<const Token> answers;  // DatasetBuilder::answers()
    Token topic = unknown_token;     // the entity that "{}" in the text stands for, if any; such a text is not linked
    Index task = -1;                 // a number of task(), or none
    std::unique_ptr<LocalMemory> local{};  // if it has slots
};

// Which of so many training questions, or stories of them, are drawn for validation: at least one, not all. Throws
// Error for fewer than two.
std::vector<bool> drawn_for_validation(std::size_t count, double fraction, std::uint64_t seed);

// Collects facts first, then questions, then makes the data set of them.
class DatasetBuilder {
  public:
    explicit DatasetBuilder(const ImportOptions& options) : options_(options) {}

    Token entity(std::string_view name) { return dataset_.vocabulary.add(TokenKind::entity, name); }

    // A fact becomes two slots, one read from its subject and one from its object; the same fact again none.
    // Throws Error for a name that cannot be one, and for a relation that begins with "~".
    void add_fact(std::string_view subject, std::string_view relation, std::string_view object, const Location& loc);

    // The number of a text that slots share: stories say the same over and over.
    Index text(std::string_view text);

    // The number of a task. In a data set where only some questions have one, the task of the others is "other".
    Index task(std::string_view name);

    // Adds to a split, which may get no questions.
    void add_question(std::string_view split, RawQuestion question);

    // A text, and answers, that live as long as this. A name that is an answer twice is one answer; names that are
    // answers become entities. Throws Error for a name that cannot be one.
    std::string_view keep(std::string_view text);
    std::span<const Token> answers(const std::vector<std::string_view>& names, const Location& loc);
    std::span<const Token> answers(std::vector<Token> entities);

    const Vocabulary& vocabulary() const { return dataset_.vocabulary; }
    const Slots& memory() const { return dataset_.memory; }

    // To be called once, last. Throws Error that names the line of a question that cannot be read.
    QaDataset finish(const LinkOptions& link = {});

  private:
    // The tokens of a text outside of brackets, and in how many training questions it is.
    struct PlainText {
        std::vector<Token> tokens;
        std::int64_t uses = 0;
        bool has_possessive = false;  // a word that may be a name with "'s"
    };

    // A relation read from subject to object, and the other way.
    struct Directions {
        Token forward, reverse;
    };
    Directions relation(std::string_view name, const Location& loc);

    void add_slot(Token entity, Token relation, Token value);
    void split_off_validation();
    void name_missing_tasks();
    void count_plain_words();
    void count_marked_words(std::string_view text);
    void append_question(Split& split, const RawQuestion& question, const EntityLinker& linker,
                         const LinkOptions& link);
    void append_slots(Split& split, const RawQuestion& question, const EntityLinker& linker, const LinkOptions& link);
    void append_linked(std::vector<Token>& tokens, std::string_view text, const EntityLinker& linker,
                       const LinkOptions& link);
    const std::vector<Token>& linked_text(Index text, const RawQuestion& question, const EntityLinker& linker,
                                          const LinkOptions& link);
    bool append_marked(std::vector<Token>& tokens, std::string_view text) const;
    void append_words(std::vector<Token>& tokens, std::string_view text);

    const ImportOptions& options_;
    QaDataset dataset_;
    NumberTable facts_;  // numbers of memory slots that are read from subjects, halved
    std::map<std::string, Directions, std::less<>> relations_;
    std::pmr::monotonic_buffer_resource kept_;
    std::map<std::string, std::deque<RawQuestion>, std::less<>> questions_;
    std::unordered_map<std::string_view, PlainText> plain_;  // of questions with marks or topics
    std::map<std::string, Index, std::less<>> texts_, tasks_;
    std::vector<std::string_view> text_;            // by number
    std::vector<std::vector<Token>> linked_texts_;  // by number; empty until asked for
    bool has_local_slots_ = false, has_support_ = false;
};

}  // namespace kvmem
