#include "io/npy.hpp"

#include "core/memory.hpp"
#include "io/half.hpp"
#include "io/inflate.hpp"
#include "io/text_source.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace kvmem {

static Error bad_npy(const std::string& name, const std::string& expected, const std::string& got) {
    return error_in(name, "these vectors cannot be read", expected, got);
}

// The header, a Python dictionary, from the value of this key on.
static std::string_view value_of(std::string_view header, std::string_view key, const std::string& name) {
    const std::size_t at = header.find(key);
    const std::size_t colon = at == header.npos ? at : header.find(':', at);
    if (colon == header.npos) throw bad_npy(name, "a header with " + std::string(key), "none");
    std::string_view rest = header.substr(colon + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return rest;
}

// The two numbers of "(3, 4)".
static std::pair<Index, Index> shape_of(std::string_view text, const std::string& name) {
    Index extent[2] = {};
    const char *at = text.data() + 1, *end = text.data() + text.size();
    bool fits = text.starts_with('(');
    for (int i = 0; i < 2 && fits; ++i) {
        const auto [next, error] = std::from_chars(at, end, extent[i]);
        fits = error == std::errc() && extent[i] >= 0 && next != end && *next == (i == 0 ? ',' : ')');
        at = next + 1;
        while (i == 0 && at < end && *at == ' ') ++at;
    }
    if (!fits) throw bad_npy(name, "two dimensions", std::string(text.substr(0, text.find(')') + 1)));
    return {extent[0], extent[1]};
}

namespace {

// How the numbers of an array lie.
struct Layout {
    Index rows, cols;
    bool by_columns;
    bool swapped;  // most significant byte first
};

}  // namespace

template <class T>
static Matrix numbers_of(std::string_view bytes, const Layout& layout, const std::string& name) {
    const auto [rows, cols, by_columns, swapped] = layout;
    const std::size_t numbers = bytes.size() / sizeof(T);
    if (cols > 0 && std::cmp_greater(rows, numbers / cols))
        throw bad_npy(name, "as many numbers as its header says", "fewer");
    if (std::cmp_not_equal(bytes.size(), rows * cols * sizeof(T)))
        throw bad_npy(name, "as many numbers as its header says", "more");
    Matrix m(rows, cols);
    for (Index i = 0; i < m.size(); ++i) {
        char raw[sizeof(T)];
        const Index from = by_columns ? i % cols * rows + i / cols : i;
        std::memcpy(raw, bytes.data() + from * static_cast<Index>(sizeof(T)), sizeof(T));
        if (swapped) std::ranges::reverse(raw);
        T x;
        std::memcpy(&x, raw, sizeof x);
        m.data()[i] = static_cast<Real>(x);
    }
    return m;
}

using ReadNumbers = Matrix (*)(std::string_view, const Layout&, const std::string&);

// The function for a type, such as "f4"; null for others.
static ReadNumbers reader_of(std::string_view type) {
    static constexpr std::pair<std::string_view, ReadNumbers> readers[] = {
        {"f2", numbers_of<Half>},          {"f4", numbers_of<float>},         {"f8", numbers_of<double>},
        {"i1", numbers_of<std::int8_t>},   {"i2", numbers_of<std::int16_t>},  {"i4", numbers_of<std::int32_t>},
        {"i8", numbers_of<std::int64_t>},  {"u1", numbers_of<std::uint8_t>},  {"u2", numbers_of<std::uint16_t>},
        {"u4", numbers_of<std::uint32_t>}, {"u8", numbers_of<std::uint64_t>}, {"b1", numbers_of<std::uint8_t>}};
    const auto found = std::ranges::find(readers, type, &std::pair<std::string_view, ReadNumbers>::first);
    return found == std::end(readers) ? nullptr : found->second;
}

// The little-endian number of `count` bytes at `at`.
static std::size_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
    std::size_t number = 0;
    for (std::size_t i = 0; i < count; ++i) number |= std::size_t{static_cast<unsigned char>(bytes[at + i])} << 8 * i;
    return number;
}

Matrix read_npy(std::string_view bytes, const std::string& name) {
    if (bytes.size() < 12 || !bytes.starts_with("\x93NUMPY")) throw bad_npy(name, "a .npy file", "other bytes");
    const char version = bytes[6];
    const std::size_t start = version == 1 ? 10 : 12, length = little_endian(bytes, 8, version == 1 ? 2 : 4);
    if (version < 1 || version > 3 || length > bytes.size() - start)
        throw bad_npy(name, "a header of version 1 to 3", "another");
    const std::string_view header = bytes.substr(start, length);
    const auto [rows, cols] = shape_of(value_of(header, "'shape'", name), name);
    const std::string_view descr = value_of(header, "'descr'", name);
    const bool has_order =
        descr.size() > 5 && descr[0] == '\'' && std::string_view("<>|=").find(descr[1]) != descr.npos;
    const ReadNumbers read = has_order && descr[4] == '\'' ? reader_of(descr.substr(2, 2)) : nullptr;
    if (!read)
        throw bad_npy(name, "floats of 2, 4 or 8 bytes, integers or truth values",
                      std::string(descr.substr(0, descr.find(','))));
    const bool by_columns = value_of(header, "'fortran_order'", name).starts_with("True");
    return read(bytes.substr(start + length), {rows, cols, by_columns, descr[1] == '>'}, name);
}

// --- zip

namespace {

struct Member {
    std::string name;
    std::string_view stored;
    bool deflated;
    std::size_t size;
};

}  // namespace

// The members that the directory at a zip file's end lists. Throws Error for one that cannot be read.
static std::vector<Member> members_of(std::string_view zip, const std::string& name) {
    constexpr std::size_t end_size = 22, entry_size = 46, local_size = 30;
    const Error damaged = bad_npy(name, "a whole zip file of arrays", "a damaged or cut one");
    const std::size_t end = zip.size() < end_size ? zip.npos : zip.rfind("PK\5\6", zip.size() - end_size);
    if (end == zip.npos) throw damaged;
    std::size_t at = little_endian(zip, end + 16, 4);
    std::vector<Member> members;
    for (std::size_t left = little_endian(zip, end + 10, 2); left > 0; --left) {
        if (at > end || end - at < entry_size || !zip.substr(at).starts_with("PK\1\2")) throw damaged;
        const std::size_t method = little_endian(zip, at + 10, 2), stored = little_endian(zip, at + 20, 4),
                          size = little_endian(zip, at + 24, 4), name_size = little_endian(zip, at + 28, 2),
                          local = little_endian(zip, at + 42, 4);
        if (name_size > end - at - entry_size || local > end || end - local < local_size) throw damaged;
        const std::size_t data =
            local + local_size + little_endian(zip, local + 26, 2) + little_endian(zip, local + 28, 2);
        if (data > end || end - data < stored || (method != 0 && method != 8)) throw damaged;
        members.push_back(
            {std::string(zip.substr(at + entry_size, name_size)), zip.substr(data, stored), method == 8, size});
        at += entry_size + name_size + little_endian(zip, at + 30, 2) + little_endian(zip, at + 32, 2);
    }
    return members;
}

Matrix read_npz(std::string_view bytes, const std::string& array, const std::string& name) {
    const std::vector<Member> members = members_of(bytes, name);
    std::string names;
    const Member* found = members.size() == 1 ? &members.front() : nullptr;
    for (const Member& member : members) {
        const std::string stem = member.name.substr(0, member.name.rfind(".npy"));
        names += (names.empty() ? "" : ", ") + stem;
        if (stem == array) found = &member;
    }
    if (!found) throw error_in(name, "no such array in the file", "one of " + names, array);
    const std::string where = name + ": " + found->name;
    if (!found->deflated) return read_npy(found->stored, where);
    return read_npy(inflate(found->stored, Deflated::raw, std::min(found->size, detail::half_of_memory()), where),
                    where);
}

}  // namespace kvmem
