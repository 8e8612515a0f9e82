// The process in which the HDF5 library reads a file that may be hostile. It has limits of memory and time, writes no
// files, ends with its parent, and only ever writes to its standard output (foreign_hdf5.hpp).
#include "foreign_hdf5.hpp"

#include <hdf5.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

namespace kvmem::apps {

namespace {

// Sends parts to the parent, and ends the process when it is gone.
class Sender {
  public:
    void bytes(std::span<const std::byte> bytes) const {
        while (!bytes.empty()) {
            const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
            if (count <= 0) ::_exit(1);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }
    void number(std::uint64_t value) const { bytes(std::as_bytes(std::span(&value, 1))); }
    void text(std::string_view text) const {
        number(text.size());
        bytes(std::as_bytes(std::span(text)));
    }
    void part(Part part) const { bytes(std::as_bytes(std::span(&part, 1))); }
    void type(ForeignType type) const { bytes(std::as_bytes(std::span(&type, 1))); }
    [[noreturn]] void error(const std::string& expected, const std::string& got) const {
        if (in_values_)
            number(no_slab);
        else
            part(Part::error);
        text("this HDF5 file cannot be read");
        text(expected);
        text(got);
        ::_exit(1);
    }
    bool in_values_ = false;
};

Sender sender;

}  // namespace

static hid_t require(hid_t id, const char* what) {
    if (id < 0) sender.error(what, "none that the HDF5 library can read");
    return id;
}

// --- Limits ----------------------------------------------------------------------------------------------

// Another ten seconds of processor time from now on.
static void allow_more_time() {
    constexpr rlim_t seconds = 10;
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const rlimit limit{static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + seconds, RLIM_INFINITY};
    ::setrlimit(RLIMIT_CPU, &limit);
}

// Address and thread sanitizers reserve more addresses than any limit of ours.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static constexpr bool is_sanitized = true;
#elif defined(__has_feature)
static constexpr bool is_sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
static constexpr bool is_sanitized = false;
#endif

static void set_limits() {
    constexpr rlim_t memory = is_sanitized ? RLIM_INFINITY : rlim_t{2} << 30;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const auto& [resource, max] :
         {std::pair{RLIMIT_AS, memory}, {RLIMIT_FSIZE, rlim_t{0}}, {RLIMIT_CORE, rlim_t{0}}}) {
        const rlimit limit{max, max};
        ::setrlimit(resource, &limit);
    }
    allow_more_time();
}

// Nothing outside of the file is read, and no other code is loaded.
static hid_t open_alone(const std::string& path) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    H5open();
    H5Lunregister(H5L_TYPE_EXTERNAL);
    H5PLset_loading_state(0);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_locking(access, false, true);
    return require(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), "a whole HDF5 file");
}

// --- Values ----------------------------------------------------------------------------------------------

static bool lies_elsewhere(hid_t layout) {
    const H5D_layout_t kind = H5Pget_layout(layout);
    return kind == H5D_VIRTUAL || (kind == H5D_CONTIGUOUS && H5Pget_external_count(layout) != 0);
}

// Rows that are read at once: some megabytes of them, and whole chunks, so that each is unpacked once.
static hsize_t rows_at_once(hid_t layout, const std::vector<hsize_t>& shape, std::size_t element) {
    constexpr hsize_t room = hsize_t{8} << 20;
    const hsize_t row = shape.size() == 2 ? std::max<hsize_t>(shape[1], 1) * element : element;
    hsize_t chunk[2] = {1, 1};
    if (H5Pget_layout(layout) == H5D_CHUNKED) H5Pget_chunk(layout, static_cast<int>(shape.size()), chunk);
    const hsize_t rows = std::max<hsize_t>(room / row, 1), step = std::max<hsize_t>(chunk[0], 1);
    return rows < step ? step : rows / step * step;
}

// A number that does not fit what it becomes ends the read, but for infinite ones.
static H5T_conv_ret_t refuse_overflow(H5T_conv_except_t kind, hid_t, hid_t, void*, void*, void*) {
    const bool overflows = kind == H5T_CONV_EXCEPT_RANGE_HI || kind == H5T_CONV_EXCEPT_RANGE_LOW;
    return overflows ? H5T_CONV_ABORT : H5T_CONV_UNHANDLED;
}

static void send_values(hid_t dataset, hid_t layout, hid_t type, const std::vector<hsize_t>& shape) {
    const std::size_t element = H5Tget_size(type);
    const hid_t space = require(H5Dget_space(dataset), "a dataset's shape");
    const hsize_t at_once = rows_at_once(layout, shape, element);
    std::vector<std::byte> slab;
    const hid_t transfer = require(H5Pcreate(H5P_DATASET_XFER), "memory");
    require(H5Pset_type_conv_cb(transfer, refuse_overflow, nullptr), "memory");
    sender.in_values_ = true;
    for (hsize_t row = 0; row < shape[0]; row += at_once) {
        const std::vector<hsize_t> start = shape.size() == 2 ? std::vector<hsize_t>{row, 0} : std::vector{row};
        std::vector<hsize_t> count = shape;
        count[0] = std::min(at_once, shape[0] - row);
        hsize_t bytes = element;
        for (const hsize_t extent : count) bytes *= extent;
        if (bytes == 0) break;
        slab.resize(bytes);
        const hid_t memory = H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr);
        if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) < 0 ||
            H5Dread(dataset, type, memory, space, transfer, slab.data()) < 0)
            sender.error("values that can be read",
                         "damaged, missing or too large ones from row " + std::to_string(row) + " on");
        H5Sclose(memory);
        sender.number(bytes);
        sender.bytes(slab);
        allow_more_time();
    }
    sender.in_values_ = false;
    H5Pclose(transfer);
    H5Sclose(space);
}

// What the values become: integers of their size or of 64 bits, a matrix of floats or a vector of doubles.
static ForeignType type_of(hid_t dataset, std::size_t rank) {
    const hid_t type = require(H5Dget_type(dataset), "a dataset's type");
    const H5T_class_t kind = H5Tget_class(type);
    if (kind != H5T_INTEGER && kind != H5T_FLOAT) sender.error("integers or floating point numbers", "another type");
    if (kind == H5T_FLOAT) return rank == 2 ? ForeignType::float32 : ForeignType::float64;
    const std::size_t size = H5Tget_size(type);
    const bool is_signed = H5Tget_sign(type) != H5T_SGN_NONE;
    if (rank == 2) return ForeignType::int64;
    if (size == 1 && !is_signed) return ForeignType::uint8;
    return size < 4 || (size == 4 && is_signed) ? ForeignType::int32 : ForeignType::int64;
}

static double product(std::span<const hsize_t> extents) {
    double all = 1;
    for (const hsize_t extent : extents) all *= static_cast<double>(extent);
    return all;
}

// Values that nobody wrote read as zeros. A small file can claim any number of them, so most must be there.
static void require_written(hid_t dataset, hid_t layout, const std::vector<hsize_t>& shape, const std::string& path) {
    if (product(shape) > 0 && H5Dget_storage_size(dataset) == 0)
        sender.error("a dataset that was written", "none of its values in " + path);
    if (H5Pget_layout(layout) != H5D_CHUNKED) return;
    hsize_t chunk[2] = {1, 1}, chunks = 0;
    if (H5Pget_chunk(layout, 2, chunk) != std::ssize(shape)) sender.error("chunks of the dataset's rank", "others");
    const hid_t space = require(H5Dget_space(dataset), "a dataset's shape");
    require(H5Dget_num_chunks(dataset, space, &chunks), "chunks that can be counted");
    H5Sclose(space);
    const double written = static_cast<double>(chunks) * product(std::span(chunk).first(shape.size()));
    if (2 * written < product(shape))
        sender.error("a dataset that was written", "chunks for less than half of its values in " + path);
}

static void send_dataset(hid_t dataset, const std::string& path, bool needs_floats) {
    const hid_t space = require(H5Dget_space(dataset), "a dataset's shape");
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 1 || rank > 2 || (needs_floats && rank != 2))
        sender.error(needs_floats ? "two dimensions" : "one or two dimensions", std::to_string(rank) + " in " + path);
    std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space, shape.data(), nullptr);
    const ForeignType type = type_of(dataset, shape.size());
    if (needs_floats && type != ForeignType::float32) sender.error("floating point numbers", "integers in " + path);
    const hid_t layout = require(H5Dget_create_plist(dataset), "a dataset's layout");
    if (lies_elsewhere(layout)) sender.error("values in this file", "values in other files");
    require_written(dataset, layout, shape, path);
    sender.part(Part::dataset);
    sender.text(path);
    sender.type(type);
    sender.number(shape.size());
    for (const hsize_t extent : shape) sender.number(extent);
    const hid_t types[] = {H5T_NATIVE_INT32, H5T_NATIVE_INT64, H5T_NATIVE_UINT8, H5T_NATIVE_DOUBLE, H5T_NATIVE_FLOAT};
    send_values(dataset, layout, types[static_cast<int>(type)], shape);
    H5Pclose(layout);
    H5Sclose(space);
}

// --- Everything ------------------------------------------------------------------------------------------

static std::string fixed_text(hid_t attribute, hid_t type) {
    constexpr std::size_t max_bytes = std::size_t{16} << 20;
    std::string text(std::min(H5Tget_size(type), max_bytes), '\0');
    if (text.size() == max_bytes || H5Aread(attribute, type, text.data()) < 0)
        sender.error("attributes that can be read", "a damaged one, or one of 16 MiB");
    return text.substr(0, H5Tget_strpad(type) == H5T_STR_NULLTERM ? text.find('\0') : text.find_last_not_of('\0') + 1);
}

static std::string variable_text(hid_t attribute, hid_t type) {
    char* found = nullptr;
    const hid_t memory = H5Tcopy(H5T_C_S1);
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    if (H5Aread(attribute, memory, &found) < 0) sender.error("attributes that can be read", "a damaged one");
    return found != nullptr ? found : "";
}

static herr_t send_attribute(hid_t object, const char* name, const H5A_info_t*, void* path) {
    const hid_t attribute = require(H5Aopen(object, name, H5P_DEFAULT), "attributes that can be opened");
    const hid_t type = require(H5Aget_type(attribute), "attributes with a type");
    const hid_t space = require(H5Aget_space(attribute), "attributes with a shape");
    if (H5Sget_simple_extent_npoints(space) != 1) return 0;  // kvmem's formats have no others
    const H5T_class_t kind = H5Tget_class(type);
    std::string text;
    std::int64_t number = 0;
    if (kind == H5T_STRING)
        text = H5Tis_variable_str(type) > 0 ? variable_text(attribute, type) : fixed_text(attribute, type);
    else if (kind == H5T_INTEGER && H5Aread(attribute, H5T_NATIVE_INT64, &number) >= 0)
        text = std::to_string(number);
    else
        return 0;
    sender.part(Part::attribute);
    sender.text(*static_cast<const std::string*>(path));
    sender.text(name);
    sender.text(text.substr(0, text.find('\0')));
    return 0;
}

static herr_t send_object(hid_t root, const char* name, const H5O_info_t* info, void*) {
    std::string path = std::string(name) == "." ? "/" : "/" + std::string(name);
    const hid_t object = require(H5Oopen(root, name, H5P_DEFAULT), "objects that can be opened");
    if (info->type == H5O_TYPE_DATASET) send_dataset(object, path, false);
    hsize_t next = 0;
    require(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &next, send_attribute, &path),
            "attributes that can be listed");
    H5Oclose(object);
    return 0;
}

int run_foreign_reader(const std::vector<std::string>& arguments) {
    if (arguments.size() != 2) return 2;
    set_limits();
    const hid_t file = open_alone(arguments[0]);
    const std::string& name = arguments[1];
    if (name.empty())
        require(H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, send_object, nullptr, H5O_INFO_BASIC),
                "objects that can be listed");
    else
        send_dataset(require(H5Dopen2(file, name.c_str(), H5P_DEFAULT), ("a dataset " + name).c_str()), name, true);
    sender.part(Part::end);
    ::_exit(0);  // leaves out what the HDF5 library does at the end, which can crash, too
}

}  // namespace kvmem::apps
