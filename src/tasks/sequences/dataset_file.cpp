// The files kvmem-pairs and kvmem-text, version 1, as datasets/README.md specifies them.
#include "io/units_file.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/sequences/dataset.hpp"

namespace kvmem {

static constexpr const char* pairs_format = "kvmem-pairs";
static constexpr const char* text_format = "kvmem-text";
static constexpr int version = 1;

static PairSplit read_split(const hdf5::Reader& file, const std::string& path) {
    PairSplit split;
    split.source = file.ragged(path + "/source");
    split.target = file.ragged(path + "/target");
    if (file.has(path + "/reference_offsets")) split.reference_offsets = file.int64s(path + "/reference_offsets");
    if (file.has(path + "/alignment"))
        split.alignment = {file.int64s(path + "/alignment/values"), file.int64s(path + "/alignment/offsets")};
    return split;
}

static PairsDataset read_pairs(const hdf5::Reader& file) {
    PairsDataset dataset;
    dataset.info = read_info(file);
    dataset.source = read_units(file, "/source");
    dataset.target = read_units(file, "/target");
    for (const std::string& name : file.children("/splits"))
        dataset.splits.emplace(name, read_split(file, "/splits/" + name));
    dataset.validate(file.name());
    return dataset;
}

static TextDataset read_text(const hdf5::Reader& file) {
    TextDataset dataset;
    dataset.info = read_info(file);
    dataset.units = read_units(file, "/units");
    for (const std::string& name : file.children("/splits"))
        dataset.splits.emplace(name, file.ragged("/splits/" + name));
    dataset.validate(file.name());
    return dataset;
}

PairsDataset load_pairs(const std::filesystem::path& path) {
    return read_pairs(hdf5::Reader(path, pairs_format, version));
}

PairsDataset load_pairs(std::span<const std::byte> bytes, const std::string& name) {
    return read_pairs(hdf5::Reader(bytes, name, pairs_format, version));
}

TextDataset load_text(const std::filesystem::path& path) { return read_text(hdf5::Reader(path, text_format, version)); }

TextDataset load_text(std::span<const std::byte> bytes, const std::string& name) {
    return read_text(hdf5::Reader(bytes, name, text_format, version));
}

static void write_split(hdf5::Writer& file, const std::string& path, const PairSplit& split) {
    file.write(path + "/source", split.source);
    file.write(path + "/target", split.target);
    if (!split.reference_offsets.empty())
        file.write(path + "/reference_offsets", std::span<const Index>(split.reference_offsets));
    if (split.alignment.empty()) return;
    file.write(path + "/alignment/values", std::span<const Index>(split.alignment.values));
    file.write(path + "/alignment/offsets", std::span<const Index>(split.alignment.offsets));
}

void save_pairs(const PairsDataset& dataset, const std::filesystem::path& path) {
    dataset.validate(path.string());
    hdf5::Writer file(pairs_format, version);
    write_info(file, dataset.info);
    write_units(file, "/source", dataset.source);
    write_units(file, "/target", dataset.target);
    for (const auto& [name, split] : dataset.splits) write_split(file, "/splits/" + name, split);
    file.save(path);
}

void save_text(const TextDataset& dataset, const std::filesystem::path& path) {
    dataset.validate(path.string());
    hdf5::Writer file(text_format, version);
    write_info(file, dataset.info);
    write_units(file, "/units", dataset.units);
    for (const auto& [name, documents] : dataset.splits) file.write("/splits/" + name, documents);
    file.save(path);
}

}  // namespace kvmem
