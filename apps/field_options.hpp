// The fields of a struct of settings as options of a command line.
#pragma once

#include "kvmem/train/settings.hpp"
#include "program.hpp"

namespace kvmem::apps {

// "min_length" <-> "min-length"
std::string option_of(std::string field);
std::string field_of(std::string option);

// The value of a field's option, named in help by what it is. A flag needs none.
po::typed_value<std::string>* field_value(const FieldText& field);
// Adds an option for each field that has a help text, with the field's value as its default. A flag takes no value.
void add_field_options(po::options_description& options, FieldsRef fields);
// Sets the fields whose options were given. Throws UsageError.
void set_from_options(FieldsRef fields, const po::variables_map& values);

}  // namespace kvmem::apps
