// Events. The first byte is that of an HDF5 file, or picks an importer.
#include "kvmem/core/error.hpp"
#include "tasks/recommendation/import/sources.hpp"

#include <cstdint>
#include <string_view>

using namespace kvmem;

static EventsDataset import(unsigned choice, std::string_view text) {
    EventsImport options;
    if (choice & 8u) options.on_bad_line = [](const Error&) {};
    const auto source = [&](const char* name) { return Source{name, std::string(text)}; };
    const EventsSource events[] = {{source(choice & 16u ? "e.jsonl" : choice & 32u ? "e.tsv" : "e.csv")}};
    if (choice % 8 == 0) {
        const ObjectColumns items{.path = {},
                                  .id = "o",
                                  .text = "x",
                                  .features = {feature_choice("x"), feature_choice("x:words"), feature_choice("x:3")}};
        const ObjectsSource objects[] = {{events[0].source, items}};
        return events_from(events, {.user = "u", .object = "o", .time = "t"}, objects, options);
    }
    if (choice % 8 == 1) return movielens_from(source("r.csv"), source("m.csv"), source("t.csv"), options);
    if (choice % 8 == 2) return retail_from(source("r.csv"), options);
    if (choice % 8 == 3) return otto_from(events, options);
    if (choice % 8 == 4) return item_sequences_from(events, options);
    if (choice % 8 == 5) return recbole_from(events, source("m.item"), options);
    return git_from(events, options);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    try {
        if (data[0] >= 0x80)
            load_events(std::as_bytes(std::span(data, size)), "fuzz").validate("fuzz");
        else
            import(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1}).validate("what an importer made");
    } catch (const Error&) {
    }
    return 0;
}
