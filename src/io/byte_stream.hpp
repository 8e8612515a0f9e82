// Values as bytes in little-endian order, for messages between processes of one version. Not installed.
//
// A type lists its members once, in `template <class Stream> void transfer(Stream& stream, OneOf<T> auto& value)`
// beside it, for both directions: stream(value.a, value.b).
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/core/types.hpp"

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace kvmem {

template <class T>
concept PlainNumber = std::is_arithmetic_v<T> || std::is_enum_v<T>;

// Of which a vector holds the bytes of a message.
template <class T>
concept CopiedNumber = PlainNumber<T> && !std::same_as<T, bool>;

// The largest count of anything that a message may tell. Sums of the shards' counts do not overflow.
inline constexpr Index max_count = Index{1} << 40;

// T, which may be const.
template <class U, class T>
concept OneOf = std::same_as<std::remove_const_t<U>, T>;

class ByteWriter {
  public:
    template <class... T>
    void operator()(const T&... values) {
        (put(values), ...);
    }
    std::string bytes{};

  private:
    template <class T>
    void put(const T& value) {
        static_assert(std::endian::native == std::endian::little);
        if constexpr (PlainNumber<T>)
            bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
        else
            transfer(*this, value);
    }
    void put(const std::string& text) {
        put(std::ssize(text));
        bytes += text;
    }
    template <class T>
    void put(const std::vector<T>& values) {
        put(std::ssize(values));
        if constexpr (CopiedNumber<T>)
            bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
        else
            for (const T& value : values) put(value);
    }
    template <class A, class B>
    void put(const std::pair<A, B>& both) {
        put(both.first);
        put(both.second);
    }
};

// Reads what a writer wrote, without trust. Functions throw Error, with `where`, for bytes that end too early.
class ByteReader {
  public:
    // The bytes must outlive the reader.
    ByteReader(std::string_view bytes, std::string where) : rest_(bytes), where_(std::move(where)) {}

    template <class... T>
    void operator()(T&... values) {
        (get(values), ...);
    }
    void require_end() const {
        if (!rest_.empty()) fail("no more bytes", std::to_string(rest_.size()));
    }
    // Throws Error unless this is a count.
    void require_count(Index number) const {
        if (number < 0 || number > max_count)
            fail("a count from 0 to " + std::to_string(max_count), std::to_string(number));
    }
    [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
        throw Error({.what = "a message of a shard cannot be read",
                     .expected = expected,
                     .got = got,
                     .where = where_,
                     .hint = "start all processes with the same version"});
    }

  private:
    std::string_view take(std::size_t size) {
        if (size > rest_.size()) fail(std::to_string(size) + " more bytes", std::to_string(rest_.size()));
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    // The number of elements, of which each takes so many bytes at least: a forged one allocates no more than the
    // message is long.
    std::size_t count(std::size_t element = 1) {
        Index size = 0;
        get(size);
        const Index most = std::ssize(rest_) / static_cast<Index>(element);
        if (size < 0 || size > most) fail("at most " + std::to_string(most), std::to_string(size));
        return static_cast<std::size_t>(size);
    }
    template <class T>
    void get(T& value) {
        if constexpr (std::same_as<T, bool>) {
            value = take(1)[0] != 0;
        } else if constexpr (PlainNumber<T>) {
            std::memcpy(&value, take(sizeof value).data(), sizeof value);
        } else {
            transfer(*this, value);
        }
    }
    void get(std::string& text) { text = take(count()); }
    template <class T>
    void get(std::vector<T>& values) {
        values.clear();
        if constexpr (CopiedNumber<T>) {
            const std::size_t size = count(sizeof(T));
            values.resize(size);
            if (size > 0) std::memcpy(values.data(), take(size * sizeof(T)).data(), size * sizeof(T));
        } else {
            for (std::size_t left = count(); left > 0; --left) get(values.emplace_back());
        }
    }
    template <class A, class B>
    void get(std::pair<A, B>& both) {
        get(both.first);
        get(both.second);
    }

    std::string_view rest_;
    std::string where_;
};

}  // namespace kvmem
