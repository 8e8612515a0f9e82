// The endpoints of runs that answer questions.
#include "answer_text.hpp"
#include "body_vectors.hpp"
#include "endpoints.hpp"
#include "found_text.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/core/text.hpp"
#include "predicted_line.hpp"

namespace kvmem::apps {

namespace json = boost::json;

static std::vector<TextSlot> slots_of(const json::object& body) {
    std::vector<TextSlot> slots;
    const json::value* memory = body.if_contains("memory");
    if (!memory) return slots;
    for (const json::value& slot : memory->as_array()) {
        const json::object& object = slot.as_object();
        TextSlot& text = slots.emplace_back(TextSlot{text_of(object, "key")});
        if (object.contains("value")) text.value = text_of(object, "value");
    }
    return slots;
}

static AskedQuestion asked_by(const json::object& body) {
    AskedQuestion asked{.text = text_of(body, "question"), .own = slots_of(body)};
    asked.options.candidates = integer_of(body, "top", asked.options.candidates);
    asked.options.all_as_good = flag_of(body, "all");
    asked.options.slots = integer_of(body, "slots", asked.options.slots);
    asked.options.min_certainty = number_of(body, "min_certainty");
    return asked;
}

// Calls side by side with one memory are answered together.
std::vector<Reply> ask_all(std::span<const Call> calls) {
    std::vector<AskedQuestion> asked;
    std::vector<std::shared_ptr<const Answerer>> answerers;
    for (const Call& call : calls) {
        asked.push_back(asked_by(call.body));
        answerers.push_back(
            call.served->questions().edited(texts_of(call.body, "add"), texts_of(call.body, "without")));
    }
    std::vector<Reply> replies;
    for (std::size_t begin = 0, end = 0; begin < calls.size(); begin = end) {
        while (end < calls.size() && answerers[end] == answerers[begin]) ++end;
        const std::vector<Answer> answers = answerers[begin]->ask_all(std::span(asked).subspan(begin, end - begin));
        for (std::size_t i = begin; i < end; ++i)
            replies.push_back({.body = printable(json_line(asked[i].text, answers[i - begin])) + "\n"});
    }
    return replies;
}

Reply ask(const Call& call) { return std::move(ask_all({&call, 1}).front()); }

documents::SearchOptions document_options_of(const Call& call) {
    documents::SearchOptions options;
    options.answers = integer_of(call.body, "answers", 3);
    options.threshold = number_of(call.body, "threshold").value_or(options.threshold);
    return options;
}

Reply search_documents(const Call& call) {
    if (const DocumentsFront* front = call.served->documents_front()) return front->search(call);
    const documents::Search& search = call.served->documents();
    const std::string question = text_of(call.body, "question");
    const documents::Findings found = search.ask(question, document_options_of(call));
    return {.body = printable(json_line(question, search.corpus(), found)) + "\n"};
}

Reply answer_for_document_shard(const Call& call) {
    return {.type = bytes_type, .body = call.served->document_shard().answer(call.request.body)};
}

Reply answer_for_memory_shard(const Call& call) {
    return {.type = bytes_type, .body = call.served->memory_shard().answer(call.request.body)};
}

namespace {

// The lines of a body, answered as `kvmem predict` answers them.
class Prediction {
  public:
    Prediction(std::shared_ptr<const Served> served, std::string body, const AnswerOptions& options)
        : served_(std::move(served)), body_(std::move(body)), lines_(body_, "the body"), options_(options) {}

    // Sets the answers to the next lines. Returns false behind the last.
    bool next(std::string& part) {
        constexpr std::size_t max_lines = 32;
        part.clear();
        std::string_view line;
        for (std::size_t count = 0; count < max_lines && lines_.next(line);) {
            if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
            const std::string place = "body:" + std::to_string(lines_.number());
            part += printable(
                        predicted_line(served_->questions().answerer(), options_, std::string(line), place, counts_)) +
                    "\n";
            ++count;
        }
        return !part.empty();
    }

  private:
    std::shared_ptr<const Served> served_;
    std::string body_;
    TextLines lines_;
    AnswerOptions options_;
    PredictCounts counts_;
};

}  // namespace

Reply predict(const Call& call) {
    static_cast<void>(call.served->questions());
    AnswerOptions options = predict_defaults;
    const std::span<const Member> parameters = endpoint_named("predict").parameters;
    options.candidates = setting(call, parameters[0], options.candidates);
    options.slots = setting(call, parameters[1], options.slots);
    const auto prediction = std::make_shared<Prediction>(call.served, call.request.body, options);
    Reply reply{.type = "application/x-ndjson"};
    reply.next = [prediction](std::string& part) {
        try {
            return prediction->next(part);
        } catch (const std::exception&) {  // of memory: the reply ends early, as a line that was not read would tell
            return false;
        }
    };
    return reply;
}

Reply embed(const Call& call) {
    const std::string format = text_of(call.body, "encoding_format", "float");
    if (format != "float" && format != "base64")
        throw Error({.what = "bad \"encoding_format\"", .expected = "float or base64", .got = format});
    const ServedQuestions& questions = call.served->questions();
    const std::vector<std::string> texts = texts_of(call.body, "input");
    if (texts.empty()) throw Error({.what = "bad \"input\"", .expected = "a text at least", .got = "none"});
    Ragged<Token> bags;
    for (const std::string& text : texts) bags.push_row(questions.linker().link(text).tokens);
    const Model& model = questions.answerer().model();
    const Matrix vectors = model.encode_questions(bags);
    json::array data;
    for (Index i = 0; i < vectors.rows(); ++i) {
        const std::span<const float> row(vectors.row(i), static_cast<std::size_t>(vectors.cols()));
        data.push_back(
            json::object{{"object", "embedding"}, {"index", i}, {"embedding", json_of(row, format == "base64")}});
    }
    const json::object usage{{"prompt_tokens", bags.values.size()}, {"total_tokens", bags.values.size()}};
    return {.body = json::serialize(json::object{
                        {"object", "list"}, {"data", std::move(data)}, {"model", model.kind()}, {"usage", usage}}) +
                    "\n"};
}

}  // namespace kvmem::apps
