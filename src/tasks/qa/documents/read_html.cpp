#include "kvmem/core/error.hpp"
#include "tasks/qa/documents/readers.hpp"

#include <gumbo.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace kvmem::documents {

// Gumbo takes quadratic time, and a stack, for elements in each other.
static constexpr int max_depth = 2000;

namespace {

struct FreeOutput {
    // Gumbo frees elements in each other recursively, so all become children of the document first.
    void operator()(GumboOutput* output) const {
        GumboVector& top = output->document->v.document.children;
        std::vector<void*> all(top.data, top.data + top.length);
        for (std::size_t i = 0; i < all.size(); ++i) {
            auto* node = static_cast<GumboNode*>(all[i]);
            if (node->type != GUMBO_NODE_ELEMENT && node->type != GUMBO_NODE_TEMPLATE) continue;
            GumboVector& below = node->v.element.children;
            all.insert(all.end(), below.data, below.data + below.length);
            below.length = 0;
        }
        if (auto* data = static_cast<void**>(std::realloc(top.data, all.size() * sizeof(void*)))) {
            std::ranges::copy(all, data);
            top.data = data;
            top.length = top.capacity = static_cast<unsigned>(all.size());
        }
        gumbo_destroy_output(&kGumboDefaultOptions, output);
    }
};
using Output = std::unique_ptr<GumboOutput, FreeOutput>;

// Reads a tree of Gumbo into passages.
struct HtmlReader {
    Builder& builder;
    MappedText current{};
    int pre = 0, table = 0, lists = 0;  // elements around the current text

    void flush() {
        while (!current.text.empty() && current.text.back() == ' ') drop_last();
        if (!current.text.empty())
            builder.passage(table > 0 ? PassageKind::table : pre > 0 ? PassageKind::code : PassageKind::text, current);
        current.clear();
    }

    void drop_last() {
        current.text.pop_back();
        current.begin.pop_back();
        current.end.pop_back();
    }

    void flush_heading(std::int32_t level) {
        if (!builder.has_title()) builder.title(current.text);
        builder.heading(level, current);
        current.clear();
    }

    void separate(const char* separator) {
        const Index at = current.end.empty() ? 0 : current.end.back();
        if (!current.text.empty()) current.append(separator, Range{at, at});
    }

    // Appends a character that bytes of the source stand for. Blanks become one space outside of <pre>.
    void add(std::string_view character, Range bytes) {
        const bool is_blank = pre == 0 && character.size() == 1 && std::strchr(" \t\n\r\f", character[0]) != nullptr;
        if (!is_blank) return current.append(character, bytes);
        const std::string& text = current.text;
        if (!text.empty() && text.back() != ' ' && text.back() != '\n' && text.back() != '\t')
            current.append(" ", bytes);
    }

    void add_text(const GumboText& text);
    void visit(const GumboNode& node);
    void visit_children(const GumboVector& children);
    void visit_element(const GumboElement& element);
    void visit_block(const GumboElement& element, int& count);
};

}  // namespace

static std::size_t character_size(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    return std::min<std::size_t>(lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4, text.size());
}

// The size of the entity that a text begins with, or 0.
static std::size_t entity_size(std::string_view text) {
    if (!text.starts_with('&')) return 0;
    std::size_t end = 1;
    const auto is_name = [](char c) {
        return c == '#' || ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z');
    };
    while (end < text.size() && end < 40 && is_name(text[end])) ++end;
    return end == 1 ? 0 : end < text.size() && text[end] == ';' ? end + 1 : end;
}

// Aligns what Gumbo decoded with its source. An entity is one or two characters, behind which both are the same again;
// where that cannot be seen, all of the rest of the source stands for each character of the rest.
void HtmlReader::add_text(const GumboText& text) {
    std::string_view decoded = text.text, source(text.original_text.data, text.original_text.length);
    Index at = source.data() - builder.text().data();
    const auto take = [&](std::size_t characters, std::size_t bytes) {
        for (; characters > 0 && !decoded.empty(); --characters) {
            const std::size_t size = character_size(decoded);
            add(decoded.substr(0, size), {at, at + static_cast<Index>(bytes)});
            decoded.remove_prefix(size);
        }
        source.remove_prefix(bytes);
        at += static_cast<Index>(bytes);
    };
    while (!decoded.empty()) {
        const std::size_t entity = entity_size(source);
        const std::size_t same = character_size(decoded);
        if (entity > 0) {
            const std::string meaning = entity_text(source.substr(0, entity));
            std::size_t characters = 0;
            for (std::string_view rest = meaning; !rest.empty(); rest.remove_prefix(character_size(rest))) ++characters;
            if (decoded.starts_with(meaning) && meaning != source.substr(0, entity)) {
                take(characters, entity);
                continue;
            }
        }
        if (source.substr(0, same) == decoded.substr(0, same) && !source.empty()) {
            take(1, same);
        } else if (source.starts_with("\r\n") && decoded[0] == '\n') {
            take(1, 2);
        } else if (source.starts_with('\r') && decoded[0] == '\n') {
            take(1, 1);
        } else {
            const std::size_t rest = source.size();
            take(decoded.size(), rest);
        }
    }
}

void HtmlReader::visit_children(const GumboVector& children) {
    for (unsigned i = 0; i < children.length; ++i) visit(*static_cast<const GumboNode*>(children.data[i]));
}

void HtmlReader::visit(const GumboNode& node) {
    if (node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE)
        visit_element(node.v.element);
    else if (node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE || node.type == GUMBO_NODE_CDATA)
        add_text(node.v.text);
}

static bool is_navigation(const GumboElement& element) {
    const auto value = [&](const char* name) {
        const GumboAttribute* attribute = gumbo_get_attribute(&element.attributes, name);
        return std::string_view(attribute ? attribute->value : "");
    };
    return value("role") == "navigation" || value("class").starts_with("nav") || value("class") == "toc";
}

static bool is_left_out(const GumboElement& element) {
    switch (element.tag) {
        case GUMBO_TAG_SCRIPT:
        case GUMBO_TAG_STYLE:
        case GUMBO_TAG_TEMPLATE:
        case GUMBO_TAG_NAV:
        case GUMBO_TAG_NOSCRIPT:
        case GUMBO_TAG_SELECT:
        case GUMBO_TAG_BUTTON:
        case GUMBO_TAG_IFRAME:
        case GUMBO_TAG_SVG:
        case GUMBO_TAG_OBJECT:
        case GUMBO_TAG_TEXTAREA:
            return true;
        default:
            return is_navigation(element);
    }
}

static bool is_block(GumboTag tag) {
    switch (tag) {
        case GUMBO_TAG_P:
        case GUMBO_TAG_DIV:
        case GUMBO_TAG_LI:
        case GUMBO_TAG_DD:
        case GUMBO_TAG_UL:
        case GUMBO_TAG_OL:
        case GUMBO_TAG_BLOCKQUOTE:
        case GUMBO_TAG_SECTION:
        case GUMBO_TAG_ARTICLE:
        case GUMBO_TAG_MAIN:
        case GUMBO_TAG_ASIDE:
        case GUMBO_TAG_HEADER:
        case GUMBO_TAG_FOOTER:
        case GUMBO_TAG_FIGURE:
        case GUMBO_TAG_FIGCAPTION:
        case GUMBO_TAG_ADDRESS:
        case GUMBO_TAG_FORM:
        case GUMBO_TAG_FIELDSET:
        case GUMBO_TAG_HR:
        case GUMBO_TAG_BODY:
            return true;
        default:
            return false;
    }
}

void HtmlReader::visit_block(const GumboElement& element, int& count) {
    flush();
    ++count;
    visit_children(element.children);
    flush();
    --count;
}

void HtmlReader::visit_element(const GumboElement& element) {
    const GumboTag tag = element.tag;
    const auto level = static_cast<std::int32_t>(tag) - static_cast<std::int32_t>(GUMBO_TAG_H1) + 1;
    int ignored = 0;
    if (is_left_out(element)) return;
    if (table > 0) {
        visit_children(element.children);
        if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) separate("\t");
        if (tag == GUMBO_TAG_TR) separate("\n");
        if (is_block(tag) || tag == GUMBO_TAG_BR) separate(" ");
        return;
    }
    if (tag == GUMBO_TAG_TITLE) {
        flush();
        visit_children(element.children);
        builder.title(current.text);
        return current.clear();
    }
    if (tag == GUMBO_TAG_BR) return separate("\n");
    if (tag == GUMBO_TAG_TABLE) return visit_block(element, table);
    if (tag == GUMBO_TAG_PRE) return visit_block(element, pre);
    if (tag == GUMBO_TAG_DL) {
        visit_block(element, lists);
        return builder.end_headings(7 + lists);
    }
    if ((1 <= level && level <= 6) || tag == GUMBO_TAG_DT) {
        flush();
        visit_children(element.children);
        return flush_heading(tag == GUMBO_TAG_DT ? 6 + std::max(lists, 1) : level);
    }
    if (is_block(tag)) return visit_block(element, ignored);
    visit_children(element.children);
}

static Error too_deep(const std::string& where) {
    return Error({.what = "the elements of HTML are nested too deep",
                  .expected = "up to " + std::to_string(max_depth) + " in each other",
                  .where = where});
}

// Throws Error for more open elements than max_depth, counting those alone that must be closed. This spares Gumbo's
// time; require_tree_depth() holds whatever the text says.
static void require_depth(std::string_view text, const std::string& where) {
    static constexpr std::string_view open_tags[] = {
        "area", "base",   "br", "col",   "dd",     "dt",    "embed", "hr",    "img", "input", "li", "link",
        "meta", "option", "p",  "param", "source", "tbody", "td",    "tfoot", "th",  "thead", "tr", "wbr"};
    std::vector<std::string> open;  // an end tag of another element than the innermost may close nothing
    for (std::size_t at = text.find('<'); at != text.npos; at = text.find('<', at + 1)) {
        const bool closes = text.substr(at + 1).starts_with('/');
        std::string name;
        for (std::size_t i = at + 1 + closes; i < text.size() && name.size() < 10; ++i) {
            const char c = text[i];
            if (!(('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9'))) break;
            name += static_cast<char>('A' <= c && c <= 'Z' ? c + 32 : c);
        }
        if (name.empty() || std::ranges::find(open_tags, name) != std::end(open_tags)) continue;
        if (!closes)
            open.push_back(std::move(name));
        else if (!open.empty() && open.back() == name)
            open.pop_back();
        if (std::ssize(open) > 4 * max_depth) throw too_deep(where);
    }
}

static void require_tree_depth(const GumboNode& root, const std::string& where) {
    std::vector<std::pair<const GumboNode*, int>> nodes{{&root, 0}};
    while (!nodes.empty()) {
        const auto [node, depth] = nodes.back();
        nodes.pop_back();
        if (depth > max_depth) throw too_deep(where);
        if (node->type != GUMBO_NODE_ELEMENT && node->type != GUMBO_NODE_TEMPLATE) continue;
        const GumboVector& below = node->v.element.children;
        for (unsigned i = 0; i < below.length; ++i)
            nodes.emplace_back(static_cast<const GumboNode*>(below.data[i]), depth + 1);
    }
}

static Output parse(std::string_view text) {
    GumboOptions options = kGumboDefaultOptions;
    options.max_errors = 0;
    return Output(gumbo_parse_with_options(&options, text.data(), text.size()));
}

std::string entity_text(std::string_view entity) {
    static constexpr std::pair<std::string_view, std::string_view> common[] = {
        {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&nbsp;", "\u00a0"}, {"&#39;", "'"}};
    for (const auto& [name, meaning] : common)
        if (name == entity) return std::string(meaning);
    std::string text(entity);
    const Output output = parse(text);
    const GumboVector& root = output->root->v.element.children;
    const auto* body = static_cast<const GumboNode*>(root.data[root.length - 1]);
    if (body->type != GUMBO_NODE_ELEMENT || body->v.element.children.length == 0) return text;
    const auto* first = static_cast<const GumboNode*>(body->v.element.children.data[0]);
    if (first->type == GUMBO_NODE_TEXT || first->type == GUMBO_NODE_WHITESPACE) text = first->v.text.text;
    return text;
}

void read_html(Builder& builder, const std::string& where) {
    require_depth(builder.text(), where);
    const Output output = parse(builder.text());
    require_tree_depth(*output->root, where);
    HtmlReader reader{builder};
    builder.begin_document({});
    reader.visit(*output->root);
    reader.flush();
}

}  // namespace kvmem::documents
