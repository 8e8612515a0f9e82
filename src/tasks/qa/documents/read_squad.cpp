#include "io/strict_json.hpp"
#include "kvmem/core/error.hpp"
#include "tasks/qa/documents/json_literal.hpp"
#include "tasks/qa/documents/readers.hpp"

namespace kvmem::documents {

namespace json = boost::json;

namespace {

// Walks a parsed file beside its text: the literals of its strings stand there in the same order.
struct SquadReader {
    Builder& builder;
    const std::string& where;
    std::size_t at = 0;  // behind the last literal

    std::string_view next_literal() {
        const std::string_view text = builder.text();
        const std::size_t begin = std::min(text.find('"', at), text.size());
        at = literal_end(text, begin);
        return text.substr(begin, at - begin);
    }

    // Passes the literals of a value.
    void skip(const json::value& value) {
        if (value.is_string()) next_literal();
        if (const json::array* array = value.if_array())
            for (const json::value& element : *array) skip(element);
        if (const json::object* object = value.if_object())
            for (const auto& [name, member] : *object) {
                next_literal();
                skip(member);
            }
    }

    Error misfit(const char* expected) const {
        return Error({.what = "the file is not in the layout of SQuAD", .expected = expected, .where = where});
    }

    // Calls use(name, member) for each member, which must pass the literals of the member.
    template <class Use>
    void for_each_member(const json::value& value, const char* expected, Use use) {
        const json::object* object = value.if_object();
        if (!object) throw misfit(expected);
        for (const auto& [name, member] : *object) {
            next_literal();
            use(std::string_view(name), member);
        }
    }

    template <class Use>
    void for_each_element(const json::value& value, const char* expected, Use use) {
        const json::array* array = value.if_array();
        if (!array) throw misfit(expected);
        for (const json::value& element : *array) use(element);
    }

    void file(const json::value& value) {
        bool has_data = false;
        for_each_member(value, "an object", [&](std::string_view name, const json::value& member) {
            if (name != "data") return skip(member);
            has_data = true;
            for_each_element(member, "an array 'data'", [&](const json::value& element) { article(element); });
        });
        if (!has_data) throw misfit("a member 'data'");
    }

    void article(const json::value& value) {
        builder.begin_document({});
        for_each_member(value, "articles", [&](std::string_view name, const json::value& member) {
            if (name == "title" && member.is_string()) builder.title(std::string_view(member.get_string()));
            if (name != "paragraphs") return skip(member);
            for_each_element(member, "an array 'paragraphs'", [&](const json::value& element) { paragraph(element); });
        });
    }

    void paragraph(const json::value& value) {
        MappedText context;
        const json::value* questions = nullptr;
        for_each_member(value, "paragraphs", [&](std::string_view name, const json::value& member) {
            if (name == "qas") questions = &member;
            if (name != "context" || !member.is_string()) return skip(member);
            context = unescaped(next_literal(), builder.text());
        });
        read_text(builder, context);
        if (!questions) return;
        for_each_element(*questions, "an array 'qas'", [&](const json::value& question) { ask(question, context); });
    }

    void ask(const json::value& value, const MappedText& context) {
        const json::object* object = value.if_object();
        const json::value* text = object ? object->if_contains("question") : nullptr;
        if (!text || !text->is_string()) throw misfit("questions with a text");
        std::vector<Range> ranges;
        const json::value* answers = object->if_contains("answers");
        if (answers && answers->is_array())
            for (const json::value& answer : answers->get_array())
                if (const Range range = answer_range(answer, context.text); range.size() > 0)
                    ranges.push_back(context.source_of(range));
        if (ranges.empty() && answers && answers->is_array() && !answers->get_array().empty()) return;
        builder.question(std::string_view(text->get_string()), ranges);
    }

    // The bytes of an answer in its context, whose beginning is counted in characters; none if it is not there.
    static Range answer_range(const json::value& value, std::string_view context) {
        const json::object* object = value.if_object();
        const json::value* text = object ? object->if_contains("text") : nullptr;
        const json::value* start = object ? object->if_contains("answer_start") : nullptr;
        if (!text || !text->is_string() || !start || !start->is_int64()) return {};
        const std::string_view answer(text->get_string());
        std::size_t begin = 0;
        for (std::int64_t left = std::max<std::int64_t>(0, start->get_int64()); begin < context.size(); ++begin) {
            const bool begins = (static_cast<unsigned char>(context[begin]) & 0xc0u) != 0x80;
            if (begins && left-- <= 0) break;
        }
        if (context.substr(begin, answer.size()) != answer) begin = context.find(answer);
        if (begin == context.npos) return {};
        return {static_cast<Index>(begin), static_cast<Index>(begin + answer.size())};
    }
};

}  // namespace

void read_squad(Builder& builder, const std::string& where) {
    try {
        const json::value value = parse_strictly(builder.text());
        SquadReader{builder, where}.file(value);
    } catch (const Error& e) {
        if (!e.problem().where.empty()) throw;
        Problem problem = e.problem();
        problem.where = where;
        throw Error(problem);
    } catch (const boost::system::system_error& e) {
        throw Error({.what = "the file is not JSON", .got = e.code().message(), .where = where});
    }
}

}  // namespace kvmem::documents
