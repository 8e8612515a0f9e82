#include "store_text.hpp"

#include "encoded_text.hpp"
#include "foreign_hdf5.hpp"
#include "kvmem/core/text.hpp"
#include "program.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <iostream>
#include <iterator>

namespace kvmem::apps {

namespace json = boost::json;

using store::encoding_names;
using store::metric_names;

template <std::size_t count>
static int index_in(const char* const (&names)[count], const std::string& name, const char* option) {
    const auto at = std::find(std::begin(names), std::end(names), name);
    require_option(at != std::end(names), option,
                   option == std::string("metric") ? "dot, cosine or euclidean" : "float32, bfloat16 or int8");
    return static_cast<int>(at - std::begin(names));
}

Similarity metric_named(const std::string& name) {
    return static_cast<Similarity>(index_in(metric_names, name, "metric"));
}
std::string name_of(Similarity metric) { return metric_names[static_cast<int>(metric)]; }
store::KeyEncoding encoding_named(const std::string& name) {
    return static_cast<store::KeyEncoding>(index_in(encoding_names, name, "form"));
}
std::string name_of(store::KeyEncoding encoding) { return encoding_names[static_cast<int>(encoding)]; }

namespace {

struct IdRange {
    store::Id first, last;
};

}  // namespace

static std::vector<IdRange> ranges_of(const std::string& text, const char* option) {
    std::vector<IdRange> ranges;
    const char *at = text.data(), *end = at + text.size();
    const auto number = [&](store::Id& id) {
        const auto [next, error] = std::from_chars(at, end, id);
        require_option(error == std::errc(), option, "ids and ranges of ids, like 3,7,10-20");
        at = next;
    };
    for (;;) {
        IdRange& range = ranges.emplace_back();
        number(range.first);
        range.last = range.first;
        if (at != end && *at == '-') ++at, number(range.last);
        require_option(range.first <= range.last, option, "ranges that begin with their smaller id, like 10-20");
        if (at == end) return ranges;
        require_option(*at++ == ',', option, "ids and ranges of ids, like 3,7,10-20");
    }
}

std::vector<store::Id> ids_of(const std::string& text, Index max) {
    std::vector<store::Id> ids;
    for (const auto& [first, last] : ranges_of(text, "ids")) {
        const auto left = static_cast<store::Id>(max - std::ssize(ids));
        require_option(last - first < left, "ids", ("at most " + plural(max, "id")).c_str());
        for (store::Id i = 0; i <= last - first; ++i) ids.push_back(first + i);
    }
    return ids;
}

std::function<bool(store::Id)> filter_of(const std::string& text) {
    return [ranges = ranges_of(text, "filter")](store::Id id) {
        return std::ranges::any_of(ranges, [id](const IdRange& r) { return r.first <= id && id <= r.last; });
    };
}

VectorFile vectors_from(const std::string& source, const std::string& dataset) {
    VectorFile file = source == "-" ? parse_vectors(text_from("-"), "stdin") : read_any_vectors(source, dataset);
    if (file.vectors.rows() == 0)
        throw Error({.what = "no vectors",
                     .expected = "a row of numbers at least",
                     .got = "none",
                     .where = source == "-" ? "stdin" : source});
    return file;
}

void warn_of_losses(const store::MemoryStore& store, const std::filesystem::path& path) {
    const std::string name = printable(path.string());
    if (store.report().lacks_log)
        std::cerr << "warning: " << name
                  << ".log is not beside the store: changes since the file was written, if there "
                  << "were any, are not here; move both together" << std::endl;
    if (store.report().lost_lists)
        std::cerr << "warning: " << name << " has no lists, since an index of its shards was not finished: "
                  << "index it again" << std::endl;
}

store::MemoryStore open_store(const std::filesystem::path& path, store::Access access) {
    store::MemoryStore store = store::MemoryStore::open(path, access);
    warn_of_losses(store, path);
    return store;
}

void inspect_store(const std::filesystem::path& path, bool as_json) {
    const store::StoreInfo info = store::MemoryStore::peek(path);
    const store::MemoryStore opened = open_store(path, store::Access::map);
    const store::StoreOptions& options = info.options;
    std::vector<std::string> shards;
    for (const auto& shard : info.shards) shards.push_back(shard.filename().string());
    if (as_json) {
        json::object all{{"format", "kvmem-store"},
                         {"generator", as_utf8(info.generator)},
                         {"slots", opened.size()},
                         {"slots_in_file", info.slots},
                         {"changes", opened.version()},
                         {"key_width", options.key_width},
                         {"value_width", options.value_width},
                         {"texts", opened.has_texts()},
                         {"metric", name_of(options.metric)},
                         {"form", name_of(options.encoding)},
                         {"lists", opened.lists()},
                         {"unindexed", opened.unindexed()}};
        if (!shards.empty()) all["shards"] = json::array(shards.begin(), shards.end());
        std::cout << json::serialize(all) << "\n";
        return;
    }
    std::cout << "store: " << plural(opened.size(), "slot") << "\n";
    print_row("made by", info.generator);
    if (!shards.empty()) print_row("shards", joined(shards));
    print_row("slots in the file", std::to_string(info.slots));
    print_row("changes since it was made", std::to_string(opened.version()));
    print_row("width of keys, of values",
              std::to_string(options.key_width) + ", " + std::to_string(options.value_width));
    print_row("texts", opened.has_texts() ? "yes" : "no");
    print_row("metric", name_of(options.metric));
    print_row("form that is searched", name_of(options.encoding));
    print_row("lists", opened.lists() == 0 ? "none"
                                           : std::to_string(opened.lists()) + ", " +
                                                 plural(opened.unindexed(), "slot") + " in none of them");
}

}  // namespace kvmem::apps
