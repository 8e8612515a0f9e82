// kvmem import hdf5 FILE: a file of kvmem's formats in HDF5 that kvmem does not read by itself, written anew.
#include "foreign_hdf5.hpp"
#include "kvmem/core/number.hpp"
#include "output.hpp"
#include "program.hpp"

#include <iostream>
#include <map>
#include <optional>

namespace kvmem::apps {

static const char* const about_import_hdf5 =
    "Writes a data set, model or store anew that another program wrote in a layout of HDF5 that kvmem does not read\n"
    "by itself: an old superblock, datasets that can grow, texts of variable length. The HDF5 library reads it in a\n"
    "process of its own, with limits of memory and time. Hashes are made anew.";

namespace {

// The file that is written. Attributes of the root come first, so the format is known before any values.
class Copy {
  public:
    Copy(ForeignFile& source, const std::string& name) : source_(source), name_(name) {}

    void attribute() {
        const std::string path = source_.text(), name = source_.text(), text = source_.text();
        if (name == "hash" || name == "xxh3") return;
        if (path == "/" && !writer_) {
            root_[name] = text;
        } else if (path != "/") {
            writer().attribute(path, name, text);
        }
    }
    void dataset() {
        const std::string path = source_.text();
        const ForeignType type = source_.type();
        const std::vector<Index> shape = source_.shape(type);
        if (type == ForeignType::int32) write_vector<std::int32_t>(path, shape);
        if (type == ForeignType::uint8) write_vector<std::uint8_t>(path, shape);
        if (type == ForeignType::float64) write_vector<double>(path, shape);
        if (type == ForeignType::float32) write_matrix(path, shape);
        if (type == ForeignType::int64) write_integers(path, shape);
    }
    // Throws Error unless the file is of a kvmem format.
    hdf5::Writer& writer() {
        if (writer_) return *writer_;
        const std::string format = root_["format"];
        const int version = number_of<int>(root_["version"]).value_or(0);
        if (!format.starts_with("kvmem-") || version < 1)
            throw Error({.what = "this is no file of a kvmem format",
                         .expected = "root attributes 'format' and 'version'",
                         .got = format.empty() ? "none" : "'" + format + "'",
                         .where = name_,
                         .hint = "'kvmem index' makes a store of a dataset of vectors"});
        writer_.emplace(format, version);
        for (const auto& [name, text] : root_)
            if (name != "format" && name != "version") writer_->attribute("/", name, text);
        return *writer_;
    }

  private:
    // A store is mapped.
    hdf5::Layout layout() { return root_["format"] == "kvmem-store" ? hdf5::Layout::mapped : hdf5::Layout::packed; }

    template <class T>
    void write_vector(const std::string& path, const std::vector<Index>& shape) {
        std::vector<T> values(static_cast<std::size_t>(shape[0]));
        source_.values(std::as_writable_bytes(std::span(values)));
        writer().write(path, std::span<const T>(values), layout());
    }
    void write_matrix(const std::string& path, const std::vector<Index>& shape) {
        Matrix values(shape[0], shape[1]);
        source_.values(std::as_writable_bytes(values.view().span()));
        writer().write(path, values);
    }
    void write_integers(const std::string& path, const std::vector<Index>& shape) {
        if (shape.size() == 1) return write_vector<std::int64_t>(path, shape);
        std::vector<std::int64_t> values(static_cast<std::size_t>(shape[0] * shape[1]));
        source_.values(std::as_writable_bytes(std::span(values)));
        writer().write(path, BasicView<const std::int64_t>{values.data(), shape[0], shape[1]}, layout());
    }

    ForeignFile& source_;
    std::string name_;
    std::map<std::string, std::string> root_;
    std::optional<hdf5::Writer> writer_;
};

}  // namespace

int run_import_hdf5(const Arguments& arguments) {
    std::string output;
    CommandLine line{
        .usage = "kvmem import hdf5 FILE -o FILE", .about = about_import_hdf5, .positional = {"layout", "file"}};
    line.options.add_options()("output,o", po::value(&output), "the file that is written");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const std::string source = required(values, "file", "an HDF5 file");
    require_option(!output.empty(), "output", "the name of a file");
    require_output(output, "", {source});
    ForeignFile file(source);
    Copy copy(file, source);
    for (Part part = file.next(); part != Part::end; part = file.next()) {
        if (part == Part::attribute)
            copy.attribute();
        else
            copy.dataset();
    }
    copy.writer().save(output);
    std::cout << output << ": written anew from " << source << "\n";
    return 0;
}

}  // namespace kvmem::apps
