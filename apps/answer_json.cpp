// An answer as JSON. It is written as text at once: an object of Boost.JSON and its text took a quarter of the
// instructions of an answer.
#include "answer_text.hpp"
#include "kvmem/io/json_text.hpp"

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem::apps {

namespace json = boost::json;

namespace {

// Text of JSON that grows member by member.
class JsonText {
  public:
    JsonText& open(char bracket) {
        separate();
        text_ += bracket;
        is_first_ = true;
        return *this;
    }
    JsonText& close(char bracket) {
        text_ += bracket;
        is_first_ = false;
        return *this;
    }
    // A member of an object, before its value. Names are plain.
    JsonText& name(std::string_view name) {
        separate();
        text_.append("\"").append(name).append("\":");
        is_first_ = true;
        return *this;
    }
    JsonText& add(const std::string& text) {
        separate();
        if (is_plain(text))
            text_.append("\"").append(text).append("\"");
        else
            text_ += json::serialize(json::string_view(text));
        return *this;
    }
    JsonText& add(double number) {
        separate();
        append_number(text_, number);
        return *this;
    }
    JsonText& add(Index number) {
        separate();
        text_ += std::to_string(number);
        return *this;
    }
    JsonText& add(bool value) {
        separate();
        text_ += value ? "true" : "false";
        return *this;
    }
    JsonText& add_null() {
        separate();
        text_ += "null";
        return *this;
    }
    // A list of what add_one(json, item) adds.
    template <class Items, class AddOne>
    JsonText& list(const Items& items, AddOne add_one) {
        open('[');
        for (const auto& item : items) add_one(*this, item);
        return close(']');
    }
    JsonText& texts(const std::vector<std::string>& texts) {
        return list(texts, [](JsonText& json, const std::string& text) { json.add(text); });
    }
    std::string text() && { return std::move(text_); }

  private:
    static bool is_plain(std::string_view text) {
        for (const char c : text)
            if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == 0x7f) return false;
        return true;
    }
    void separate() {
        if (!is_first_) text_ += ',';
        is_first_ = false;
    }

    std::string text_;
    bool is_first_ = true;  // whether the next value follows none
};

}  // namespace

// The sentence that a slot or a step was read from, if there is one.
template <class Read>
static void add_quote(JsonText& json, const Read& read) {
    if (!read.where.empty()) json.name("where").add(read.where).name("sentence").add(read.sentence);
}

static void add_slot(JsonText& json, const Answer::ReadSlot& slot) {
    json.open('{').name("slot").add(slot.slot).name("key").add(slot.key);
    json.name("value").add(slot.value).name("weight").add(slot.weight);
    add_quote(json, slot);
    json.close('}');
}

static void add_head(JsonText& json, const Answer::Head& head) { json.list(head.slots, add_slot); }

// A hop with one head is a list of slots.
static void add_hop(JsonText& json, const Answer::Hop& hop) {
    if (hop.heads.size() == 1)
        add_head(json, hop.heads.front());
    else
        json.list(hop.heads, add_head);
}

static void add_path(JsonText& json, const Answer::Path& path) {
    json.open('{').name("start").add(path.start).name("steps");
    json.list(path.steps, [](JsonText& steps, const Answer::Path::Step& step) {
        steps.open('{').name("hop").add(step.hop).name("relation").add(step.relation);
        steps.name("reversed").add(step.reversed).name("entity").add(step.entity).name("weight").add(step.weight);
        add_quote(steps, step);
        steps.close('}');
    });
    json.name("weight").add(path.weight).close('}');
}

static void add_words(JsonText& json, const std::vector<Answer::ReadWord>& words) {
    json.list(words, [](JsonText& all, const Answer::ReadWord& word) {
        all.open('{').name("word").add(word.text).name("weight").add(word.weight).close('}');
    });
}

std::string json_line(const std::string& question, const Answer& answer) {
    JsonText json;
    const std::vector<std::string> answers = answers_of(answer);
    json.open('{').name("question").add(question).name("answer");
    if (answers.empty())
        json.add_null();
    else
        json.add(answers.front());
    json.name("answers").texts(answers).name("candidates");
    json.list(answer.candidates, [](JsonText& all, const Answer::Candidate& c) {
        all.open('{').name("text").add(c.text).name("score").add(c.score).name("weight").add(c.weight).close('}');
    });
    json.name("hops").list(answer.hops, add_hop);
    if (!answer.paths.empty()) {
        json.name("paths").list(answer.paths, add_path).name("words").list(answer.words, add_words);
        json.name("as_good").add(answer.as_good).name("certainty").add(answer.certainty);
        json.name("refused").add(answer.refused);
    }
    if (!answer.taken_for.empty()) json.name("taken_for").add(answer.taken_for);
    json.name("slots").add(answer.slots);
    if (answer.unread > 0) json.name("unread_slots").add(answer.unread);
    json.name("entities").texts(answer.entities).name("unknown_words").texts(answer.unknown_words);
    json.name("suggestions").texts(answer.suggestions).close('}');
    return std::move(json).text();
}

}  // namespace kvmem::apps
