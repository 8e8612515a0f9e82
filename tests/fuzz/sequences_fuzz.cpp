// Sequences. The first byte is that of an HDF5 file, or picks units and an importer: 0 to 3 pairs, 4 to 7 text.
#include "kvmem/core/error.hpp"
#include "tasks/sequences/import/sources.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace kvmem;

// Fuzzers stop at abort(): what must always hold.
static void require(bool holds) {
    if (!holds) std::abort();
}

static void load(std::span<const std::byte> bytes) {
    for (const bool is_text : {false, true}) {
        try {
            if (is_text)
                load_text(bytes, "fuzz").validate("fuzz");
            else
                load_pairs(bytes, "fuzz").validate("fuzz");
        } catch (const Error&) {
        }
    }
}

static void import(unsigned choice, std::string_view text) {
    SequenceImport options;
    options.valid_fraction = choice & 8u ? 0.3 : 0;
    if (choice & 16u) options.on_bad_line = [](const Error&) {};
    const UnitKind kind{static_cast<int>(choice % 4u % 3u)};
    const UnitChoice units{kind, kind == UnitKind::bpe ? 300 : 0};
    const SequenceSources sources{{{"train.tsv", std::string(text)}}, {}, {{"test.tsv", std::string(text)}}};
    if (!(choice & 4u)) {
        pairs_from(sources, options, units, units).validate("what an importer made");
        return;
    }
    const TextDataset dataset = text_from(sources, options, units, choice & 32u ? Documents::lines : Documents::files);
    dataset.validate("what an importer made");
    if (kind == UnitKind::words) return;
    for (Index i = 0; i < dataset.split("train").size(); ++i) {
        const std::string document = dataset.units.decode(dataset.split("train")[i]);
        require(dataset.units.decode(dataset.units.encode(document)) == document);
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    if (data[0] >= 0x80) {
        load(std::as_bytes(std::span(data, size)));
        return 0;
    }
    try {
        import(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
    } catch (const Error&) {
    }
    return 0;
}
