// An answer as text and as JSON.
#pragma once

#include "kvmem/tasks/qa/answerer.hpp"

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

// `story` are the sentences that came with the question. They are shown with their numbers and original spelling.
void print(std::ostream& out, const Answer& answer, std::span<const TextSlot> story = {});
// "Kismet –directed_by→ William Dieterle ←directed_by– The Accused"
std::string text_of(const Answer::Path& path);
// The answers that count: the set of a model that follows facts, otherwise the first; none if it is refused.
std::vector<std::string> answers_of(const Answer& answer);
// The texts of a question's tokens, with names in brackets.
std::string question_text(const Vocabulary& vocabulary, std::span<const Token> tokens);
// A share as one of the characters " ", "▁", ..., "█".
const char* level(double share);
// The answer as the line that 'kvmem ask --json' prints, without its end (answer_json.cpp).
std::string json_line(const std::string& question, const Answer& answer);

}  // namespace kvmem::apps
