#include "kvmem/core/error.hpp"
#include "tasks/qa/documents/readers.hpp"

#include <md4c.h>

namespace kvmem::documents {

namespace {

// Takes md4c's calls. A passage ends where a block begins or ends.
struct MarkdownReader {
    Builder& builder;
    MappedText current{};
    int code = 0, table = 0;   // blocks around the current text
    std::int32_t heading = 0;  // the level of the heading around it, or 0

    [[nodiscard]] Index next_byte() const { return current.end.empty() ? 0 : current.end.back(); }

    void flush() {
        if (heading > 0) {
            if (!builder.has_title()) builder.title(current.text);
            builder.heading(heading, current);
        } else if (!current.text.empty()) {
            builder.passage(code > 0 ? PassageKind::code : table > 0 ? PassageKind::table : PassageKind::text, current);
        }
        current.clear();
    }

    void separate(const char* separator) { current.append(separator, Range{next_byte(), next_byte()}); }

    void enter(MD_BLOCKTYPE type, const void* detail) {
        if (type == MD_BLOCK_TR || type == MD_BLOCK_TD || type == MD_BLOCK_TH || type == MD_BLOCK_THEAD ||
            type == MD_BLOCK_TBODY)
            return;
        flush();
        if (type == MD_BLOCK_H)
            heading = static_cast<std::int32_t>(static_cast<const MD_BLOCK_H_DETAIL*>(detail)->level);
        code += type == MD_BLOCK_CODE;
        table += type == MD_BLOCK_TABLE;
    }

    void leave(MD_BLOCKTYPE type) {
        if (type == MD_BLOCK_TD || type == MD_BLOCK_TH) return separate("\t");
        if (type == MD_BLOCK_TR) return separate("\n");
        if (type == MD_BLOCK_THEAD || type == MD_BLOCK_TBODY) return;
        flush();
        heading = 0;
        code -= type == MD_BLOCK_CODE;
        table -= type == MD_BLOCK_TABLE;
    }

    void text(MD_TEXTTYPE type, std::string_view text) {
        const std::string_view source = builder.text();
        const bool is_source =
            source.data() <= text.data() && text.data() + text.size() <= source.data() + source.size();
        const Index at = text.data() - source.data();
        if (type == MD_TEXT_HTML) return;
        if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR) return separate("\n");
        if (!is_source) return current.append(text, Range{next_byte(), next_byte()});
        if (type == MD_TEXT_ENTITY) return current.append(entity_text(text), Range{at, at + std::ssize(text)});
        current.append(text, at);
    }
};

}  // namespace

static MarkdownReader& reader(void* self) { return *static_cast<MarkdownReader*>(self); }

void read_markdown(Builder& builder) {
    MarkdownReader state{builder};
    MD_PARSER parser{};
    parser.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH;
    parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
        return reader(self).enter(type, detail), 0;
    };
    parser.leave_block = [](MD_BLOCKTYPE type, void*, void* self) { return reader(self).leave(type), 0; };
    parser.enter_span = parser.leave_span = [](MD_SPANTYPE, void*, void*) { return 0; };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
        return reader(self).text(type, {text, size}), 0;
    };
    const std::string_view text = builder.text();
    if (md_parse(text.data(), static_cast<MD_SIZE>(text.size()), &parser, &state) != 0)
        throw Error({.what = "Markdown cannot be read", .got = "an error of md4c"});
    state.flush();
}

}  // namespace kvmem::documents
