// Visits fields with one generic function. Not installed.
#pragma once

#include "kvmem/train/settings.hpp"

namespace kvmem {

// Calls visit(field, value) for each field.
template <class Visit>
void visit_each(FieldsRef fields, Visit visit) {
    fields.visit(
        [&](const Field& field, FieldValue value) { std::visit([&](auto* typed) { visit(field, *typed); }, value); });
}

// Sets the choice of this name. Throws UsageError, which lists the names, and leaves the choice unchanged.
void set_choice(Choice& choice, std::string_view name);

}  // namespace kvmem
