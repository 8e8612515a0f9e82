#include "safe_text.hpp"

#include "kvmem/data/tokenizer.hpp"

namespace kvmem::apps {

std::string as_utf8(std::string_view bytes) {
    std::string text;
    for (;;) {
        const std::size_t bad = invalid_utf8_at(bytes);
        text += bytes.substr(0, bad);
        if (bad == std::string_view::npos) return text;
        text += "\xEF\xBF\xBD";
        bytes.remove_prefix(bad + 1);
    }
}

std::string printable(std::string_view bytes) {
    const std::string text = as_utf8(bytes);
    std::string safe;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        // U+0080 to U+009F are two bytes, the first of them C2.
        const bool is_c1 = byte == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
        safe += is_c1 || byte < 0x20 || byte == 0x7f ? ' ' : text[at];
        at += is_c1 ? 1 : 0;
    }
    return safe;
}

}  // namespace kvmem::apps
