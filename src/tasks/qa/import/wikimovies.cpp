#include "tasks/qa/import/builder.hpp"
#include "tasks/qa/import/sources.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace kvmem {

namespace {

constexpr std::string_view plot = "has_plot";  // prose, not an entity
constexpr std::array<std::string_view, 10> relations{
    "directed_by", "written_by", "starred_actors", "release_year",    "in_language",
    "has_tags",    plot,         "has_genre",      "has_imdb_rating", "has_imdb_votes"};

// Names that contain ", ", the separator of lists of names.
class NamesWithCommas {
  public:
    // Adds a name; its text must outlive this object.
    void add(std::string_view name) {
        const std::size_t commas = count_commas(name);
        if (commas == 0) return;
        names_.insert(name);
        max_commas_ = std::max(max_commas_, commas);
    }

    // The names of a list, where the longest known name wins.
    std::vector<std::string_view> split(std::string_view list) const {
        std::vector<std::string_view> names;
        for (std::size_t begin = 0; begin <= list.size();) {
            const std::size_t length = longest_name(list.substr(begin));
            names.push_back(trim(list.substr(begin, length)));
            begin += length + comma.size();
        }
        return names;
    }

  private:
    static constexpr std::string_view comma = ", ";

    static std::size_t count_commas(std::string_view name) {
        std::size_t commas = 0;
        for (std::size_t at = 0; (at = name.find(comma, at)) != std::string_view::npos; at += comma.size()) ++commas;
        return commas;
    }

    // The length of the longest known name that begins the list; without one, that of the text before the first comma.
    std::size_t longest_name(std::string_view list) const {
        std::size_t end = std::min(list.find(comma), list.size());
        std::size_t longest = end;
        for (std::size_t n = 0; n < max_commas_ && end < list.size(); ++n) {
            end = std::min(list.find(comma, end + comma.size()), list.size());
            if (names_.contains(list.substr(0, end))) longest = end;
        }
        return longest;
    }

    std::unordered_set<std::string_view> names_;
    std::size_t max_commas_ = 0;
};

struct FactLine {
    std::string_view subject, relation, objects;
};

// "17 text" without its number.
std::string_view without_number(std::string_view line, const Location& loc) {
    const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
    if (digits == 0 || digits == line.size() || line[digits] != ' ')
        throw loc.error("the line has no number", "a number, a space and text");
    return trim(line.substr(digits));
}

// The subject ends where the first relation begins.
FactLine read_fact(std::string_view line, const Location& loc) {
    const std::string_view text = without_number(line, loc);
    for (std::size_t space = text.find(' '); space != std::string_view::npos; space = text.find(' ', space + 1)) {
        const std::string_view rest = text.substr(space + 1);
        const std::string_view word = rest.substr(0, rest.find(' '));
        if (std::find(relations.begin(), relations.end(), word) != relations.end())
            return {trim(text.substr(0, space)), word, trim(rest.substr(word.size()))};
    }
    throw loc.error("not a fact", "a number, a movie, a relation such as directed_by, and names");
}

NamesWithCommas read_names(const Source& kb, const std::optional<Source>& entities, const ImportOptions& options) {
    NamesWithCommas names;
    for_each_line(entities ? *entities : kb, options, [&](std::string_view line, const Location& loc) {
        names.add(entities ? trim(line) : read_fact(line, loc).subject);
    });
    return names;
}

void add_facts(DatasetBuilder& builder, const Source& kb, const NamesWithCommas& names, const ImportOptions& options) {
    for_each_line(kb, options, [&](std::string_view line, const Location& loc) {
        const FactLine fact = read_fact(line, loc);
        if (fact.relation == plot) return;
        for (const std::string_view object : names.split(fact.objects))
            builder.add_fact(fact.subject, fact.relation, object, loc);
    });
}

void add_questions(DatasetBuilder& builder, const QuestionSources& questions, const NamesWithCommas& names,
                   const ImportOptions& options) {
    for_each_line(questions, options, [&](const char* split, std::string_view line, const Location& loc) {
        const auto fields =
            split_fields(line, '\t', 2, loc, "not a question", "a number, a question, a tab and answers");
        std::vector<std::string_view> answers;
        if (!fields[1].empty()) answers = names.split(fields[1]);
        builder.add_question(split, {loc, builder.keep(without_number(fields[0], loc)), builder.answers(answers, loc)});
    });
}

}  // namespace

QaDataset wikimovies_from(const Source& kb, const std::optional<Source>& entities, const QuestionSources& questions,
                          const ImportOptions& options) {
    const NamesWithCommas names = read_names(kb, entities, options);
    DatasetBuilder builder(options);
    add_facts(builder, kb, names, options);
    add_questions(builder, questions, names, options);
    return builder.finish();
}

QaDataset import_wikimovies(const std::filesystem::path& kb, const std::filesystem::path& entities,
                            const ImportOptions& options) {
    const QuestionSources questions = read_question_sources(options);
    const Source facts = read_needed_source(kb, "the file of facts, wiki_entities_kb.txt");
    return wikimovies_from(facts, read_source(entities), questions, options);
}

}  // namespace kvmem
