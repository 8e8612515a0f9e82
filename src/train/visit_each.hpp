// Visits fields with one generic function. Not installed.
#pragma once

#include "kvmem/train/settings.hpp"

#include <array>
#include <charconv>
#include <string>

namespace kvmem {

// Calls visit(field, value) for each field.
template <class Visit>
void visit_each(FieldsRef fields, Visit visit) {
    fields.visit(
        [&](const Field& field, FieldValue value) { std::visit([&](auto* typed) { visit(field, *typed); }, value); });
}

// The shortest decimal text that is read as the same number.
template <class T>
std::string shortest_text(T number) {
    std::array<char, 32> text;
    return std::string(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

// Sets the choice of this name. Returns false, and leaves the choice unchanged, when there is none.
bool set_choice(Choice& choice, std::string_view name);
// "one of mean, max"
std::string names_of(const Choice& choice);

}  // namespace kvmem
