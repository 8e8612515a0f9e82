#include "io/content_hash.hpp"
#include "io/hdf5/element_type.hpp"
#include "io/hdf5/file.hpp"
#include "io/hdf5/handle.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/hdf5.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace kvmem::hdf5 {

namespace {

// The memory in which HDF5 builds the file. HDF5 allocates it through callbacks and leaves it when it closes the file.
class Image {
  public:
    Image() = default;
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;
    ~Image() { std::free(bytes_); }

    std::span<const std::byte> first(std::size_t size) const { return {static_cast<std::byte*>(bytes_), size}; }

    H5FD_file_image_callbacks_t callbacks() {
        return {allocate, copy, reallocate, release, share, [](void*) -> herr_t { return 0; }, this};
    }

  private:
    static void* allocate(std::size_t size, H5FD_file_image_op_t op, void* self) {
        return reallocate(nullptr, size, op, self);
    }
    static void* reallocate(void*, std::size_t size, H5FD_file_image_op_t, void* self) {
        auto& image = *static_cast<Image*>(self);
        void* bytes = std::realloc(image.bytes_, size);
        if (bytes != nullptr) image.bytes_ = bytes;
        return bytes;
    }
    static void* copy(void* to, const void* from, std::size_t size, H5FD_file_image_op_t, void*) {
        return std::memcpy(to, from, size);
    }
    static herr_t release(void*, H5FD_file_image_op_t, void*) { return 0; }
    static void* share(void* self) { return self; }

    void* bytes_ = nullptr;
};

}  // namespace

struct Writer::Impl {
    Image image;
    Handle file;
    ContentHash hash;

    Impl();
    Handle object(const std::string& path);
    void make_parent(const std::string& path);
    void set_attribute(const std::string& path, const std::string& name, std::string_view text);
    void set_hashed_attribute(const std::string& path, const std::string& name, std::string_view text);
    std::span<const std::byte> close(const std::string& where);
    void write_dataset(const std::string& path, Element element, std::span<const hsize_t> shape,
                       std::span<const std::byte> values, Layout layout);
    template <class T>
    void write_matrix(const std::string& path, BasicView<const T> matrix, Layout layout) {
        const hsize_t shape[] = {static_cast<hsize_t>(matrix.rows), static_cast<hsize_t>(matrix.cols)};
        write_dataset(path, element_of<T>(), shape, std::as_bytes(matrix.span()), layout);
    }
    template <class T>
    void write_vector(const std::string& path, std::span<const T> values, Layout layout) {
        const hsize_t shape[] = {values.size()};
        write_dataset(path, element_of<T>(), shape, std::as_bytes(values), layout);
    }
};

static constexpr unsigned max_in_header = 65535;  // HDF5's upper bound

static hid_t hdf5_type_of(Element element) {
    // HDF5's names are macros that read variables, so the table cannot be constexpr.
    const hid_t types[] = {H5T_STD_I8LE,  H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE,  H5T_STD_U8LE,
                           H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE};
    return types[static_cast<int>(element)];
}

static Handle create_list(hid_t list_class) {
    return require_handle(H5Pcreate(list_class), "cannot set HDF5 up", "hdf5");
}

// Creation properties of an object. Without times, equal contents are equal bytes. All attributes are in the header,
// where HDF5 1.10 survives damage better than in its heaps and trees.
static Handle create_object_list(hid_t list_class) {
    Handle list = create_list(list_class);
    if (H5Pset_obj_track_times(list, false) < 0 || H5Pset_attr_phase_change(list, max_in_header, 0) < 0)
        fail("cannot set HDF5 up", "hdf5");
    return list;
}

// Creation properties of a file's root or of another group, with all its links in the header, too.
static Handle create_group_list(hid_t list_class) {
    Handle list = create_object_list(list_class);
    if (H5Pset_link_phase_change(list, max_in_header, 0) < 0) fail("cannot set HDF5 up", "hdf5");
    return list;
}

Writer::Impl::Impl() {
    const Handle access = create_list(H5P_FILE_ACCESS);
    H5FD_file_image_callbacks_t callbacks = image.callbacks();
    // The newest format of 1.10 has checksums on all its metadata.
    if (H5Pset_fapl_core(access, std::size_t{1} << 20, false) < 0 ||
        H5Pset_file_image_callbacks(access, &callbacks) < 0 ||
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 || H5Pset_alignment(access, 4096, 4096) < 0)
        fail("cannot set HDF5 up", "hdf5");
    // HDF5 first looks for a file of this name, and treats two of the same name as one file.
    const std::string unique = "/dev/null/" + std::to_string(static_cast<hid_t>(access));
    file = require_handle(H5Fcreate(unique.c_str(), H5F_ACC_TRUNC, create_group_list(H5P_FILE_CREATE), access),
                          "cannot make an HDF5 file in memory", "hdf5");
}

// The object of this path. If it is missing, it becomes a new group, and so do missing parents.
Handle Writer::Impl::object(const std::string& path) {
    Handle found(H5Oopen(file, path.c_str(), H5P_DEFAULT));
    if (found >= 0) return found;
    make_parent(path);
    return require_handle(H5Gcreate2(file, path.c_str(), H5P_DEFAULT, create_group_list(H5P_GROUP_CREATE), H5P_DEFAULT),
                          "cannot make a group", path);
}

// Makes the group of an object of this path, if it is missing.
void Writer::Impl::make_parent(const std::string& path) {
    if (const std::size_t end = path.rfind('/'); end != 0) object(path.substr(0, end));
}

void Writer::Impl::set_attribute(const std::string& path, const std::string& name, std::string_view text) {
    const std::string where = path + "@" + name;
    if (text.find('\0') != std::string_view::npos)
        throw Error({.what = "cannot write an attribute",
                     .expected = "a text without zero bytes",
                     .got = "one",
                     .where = where});
    const Handle owner = object(path);
    const Handle type = require_handle(H5Tcopy(H5T_C_S1), "cannot make a type", where);
    const Handle space = require_handle(H5Screate(H5S_SCALAR), "cannot make a space", where);
    // HDF5 has no strings of zero bytes. Padding zeros are dropped when the string is read.
    const std::string padded = text.empty() ? std::string(1, '\0') : std::string(text);
    if (H5Tset_size(type, padded.size()) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
        H5Tset_cset(type, H5T_CSET_UTF8) < 0)
        fail("cannot make a type", where);
    const Handle attribute = require_handle(H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                                            "cannot make an attribute", where);
    require_done(H5Awrite(attribute, type, padded.data()), "cannot write an attribute", where);
}

void Writer::Impl::set_hashed_attribute(const std::string& path, const std::string& name, std::string_view text) {
    for (int part = 1; part == 1 || !text.empty(); ++part) {
        const std::string part_of = part == 1 ? name : part_name(name, part);
        const std::string_view piece = text.substr(0, max_attribute_bytes);
        set_attribute(path, part_of, piece);
        hash.attribute(path, part_of, piece);
        text.remove_prefix(piece.size());
    }
}

static std::vector<hsize_t> chunk_shape(std::span<const hsize_t> shape) {
    constexpr hsize_t max = hsize_t{1} << 16;
    std::vector<hsize_t> chunk(shape.begin(), shape.end());
    chunk.back() = std::min(chunk.back(), max);
    if (chunk.size() == 2) chunk.front() = std::min(chunk.front(), max / chunk.back());
    return chunk;
}

static Handle dataset_layout(std::span<const hsize_t> shape, bool packed) {
    Handle layout = create_object_list(H5P_DATASET_CREATE);
    H5Pset_fill_time(layout, H5D_FILL_TIME_NEVER);
    if (!packed) return layout;
    const auto chunk = chunk_shape(shape);
    if (H5Pset_chunk(layout, static_cast<int>(chunk.size()), chunk.data()) < 0 || H5Pset_shuffle(layout) < 0 ||
        H5Pset_deflate(layout, 1) < 0 || H5Pset_fletcher32(layout) < 0)
        fail("cannot set a layout", "hdf5");
    return layout;
}

void Writer::Impl::write_dataset(const std::string& name, Element element, std::span<const hsize_t> shape,
                                 std::span<const std::byte> values, Layout layout) {
    const Lock lock;
    const std::string path = absolute(name);
    make_parent(path);
    const Handle space = require_handle(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                                        "cannot make a space", path);
    const bool packed = layout == Layout::packed && !values.empty();
    const Handle dataset = require_handle(H5Dcreate2(file, path.c_str(), hdf5_type_of(element), space, H5P_DEFAULT,
                                                     dataset_layout(shape, packed), H5P_DEFAULT),
                                          "cannot make a dataset", path);
    if (!values.empty())
        require_done(H5Dwrite(dataset, hdf5_type_of(element), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
                     "cannot write a dataset", path);
    const std::string digest = xxh3(values);
    set_attribute(path, "xxh3", digest);
    hash.dataset(path, name_of(element), shape_text(shape), digest);
}

Writer::Writer(std::string_view format, int version) {
    const Lock lock;
    auto impl = std::make_unique<Impl>();
    impl->set_hashed_attribute("/", "format", format);
    impl->set_hashed_attribute("/", "version", std::to_string(version));
    impl_ = std::move(impl);
}

Writer::~Writer() {
    const Lock lock;
    impl_.reset();
}

void Writer::attribute(const std::string& object, const std::string& name, std::string_view text) {
    const Lock lock;
    impl_->set_hashed_attribute(absolute(object), name, text);
}

void Writer::write(const std::string& dataset, std::span<const std::int32_t> values, Layout layout) {
    impl_->write_vector(dataset, values, layout);
}
void Writer::write(const std::string& dataset, std::span<const std::int64_t> values, Layout layout) {
    impl_->write_vector(dataset, values, layout);
}
void Writer::write(const std::string& dataset, std::span<const std::uint8_t> values, Layout layout) {
    impl_->write_vector(dataset, values, layout);
}
void Writer::write(const std::string& dataset, std::span<const double> values, Layout layout) {
    impl_->write_vector(dataset, values, layout);
}
void Writer::write(const std::string& dataset, ConstView matrix, Layout layout) {
    impl_->write_matrix(dataset, matrix, layout);
}
void Writer::write(const std::string& dataset, BasicView<const std::int64_t> matrix, Layout layout) {
    impl_->write_matrix(dataset, matrix, layout);
}

void Writer::write(const std::string& group, const Ragged<Token>& rows) {
    write(group + "/values", std::span<const Token>(rows.values));
    write(group + "/offsets", std::span<const Index>(rows.offsets));
}

void Writer::write(const std::string& group, std::span<const std::string> texts) {
    std::vector<std::uint8_t> bytes;
    std::vector<Index> offsets{0};
    for (const std::string& text : texts) {
        bytes.insert(bytes.end(), text.begin(), text.end());
        offsets.push_back(static_cast<Index>(bytes.size()));
    }
    write(group + "/bytes", std::span<const std::uint8_t>(bytes));
    write(group + "/offsets", std::span<const Index>(offsets));
}

// Writes the hash and closes the file. Returns its bytes. `where` names it in errors.
std::span<const std::byte> Writer::Impl::close(const std::string& where) {
    const Lock lock;
    if (file < 0) throw Error({.what = "saved twice", .where = "hdf5"});
    set_attribute("/", "hash", hash.digest());
    require_done(H5Fflush(file, H5F_SCOPE_GLOBAL), "cannot finish the file", where);
    const ssize_t size = require_done(H5Fget_file_image(file, nullptr, 0), "cannot finish the file", where);
    require_done(H5Fclose(file.release()), "cannot finish the file", where);
    return image.first(size);
}

void Writer::save(const std::filesystem::path& path) { replace_file(path, impl_->close(path.string())); }

}  // namespace kvmem::hdf5
