// The page, which CMake writes into the program (page/, page.cmake).
#pragma once

#include <string_view>

namespace kvmem::apps {

extern const std::string_view page_html, page_script, page_style;

}  // namespace kvmem::apps
