#include "field_options.hpp"

#include "kvmem/core/number.hpp"

#include <algorithm>

namespace kvmem::apps {

std::string option_of(std::string field) {
    std::ranges::replace(field, '_', '-');
    return field;
}
std::string field_of(std::string option) {
    std::ranges::replace(option, '-', '_');
    return option;
}

po::typed_value<std::string>* field_value(const FieldText& field) {
    auto* value = po::value<std::string>();
    if (field.is_flag) return value->implicit_value("yes")->value_name("yes|no");
    return value->value_name(number_of<double>(field.value) ? "N" : "NAME");
}

void add_field_options(po::options_description& options, FieldsRef fields) {
    for (const FieldText& field : field_texts(fields)) {
        auto* value = field_value(field);
        if (field.is_flag) value->zero_tokens();
        const std::string help = field.is_flag ? field.help : field.help + " [" + field.value + "]";
        if (!field.help.empty()) options.add_options()(option_of(field.name).c_str(), value, help.c_str());
    }
}

void set_from_options(FieldsRef fields, const po::variables_map& values) {
    for (const FieldText& field : field_texts(fields)) {
        const std::string option = option_of(field.name);
        if (values.count(option)) set_field(fields, field.name, values[option].as<std::string>());
    }
}

}  // namespace kvmem::apps
