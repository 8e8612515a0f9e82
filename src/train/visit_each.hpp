// Visits fields with one generic function. Not installed.
#pragma once

#include "kvmem/train/settings.hpp"

namespace kvmem {

// Calls visit(field, value) for each field.
template <class Visit>
void visit_each(FieldsRef fields, Visit visit) {
    struct Visitor final : FieldVisitor {
        explicit Visitor(Visit& v) : call(v) {}
        void visit(const Field& field, bool& value) override { call(field, value); }
        void visit(const Field& field, Index& value) override { call(field, value); }
        void visit(const Field& field, std::uint64_t& value) override { call(field, value); }
        void visit(const Field& field, double& value) override { call(field, value); }
        void visit(const Field& field, std::optional<double>& value) override { call(field, value); }
        void visit(const Field& field, std::string& value) override { call(field, value); }
        void visit(const Field& field, std::vector<std::string>& value) override { call(field, value); }
        void visit(const Field& field, std::vector<Index>& value) override { call(field, value); }
        void visit(const Field& field, Choice& value) override { call(field, value); }
        Visit& call;
    } visitor(visit);
    fields.visit(visitor);
}

// Sets the choice of this name. Throws UsageError, which lists the names, and leaves the choice unchanged.
void set_choice(Choice& choice, std::string_view name);

}  // namespace kvmem
