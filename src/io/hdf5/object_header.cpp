#include "io/hdf5/object_header.hpp"

#include "io/hdf5/dense_storage.hpp"

#include <algorithm>

namespace kvmem::hdf5 {

static constexpr std::size_t max_messages = 65'536;

// The signature, version and flags, times, attribute limits, and the size of the first block.
struct Prefix {
    std::uint64_t block_size;  // up to the checksum, which is not counted
    std::size_t bytes;
    bool has_creation_order;
};

static Prefix prefix_of(std::span<const std::byte> head, const std::string& where) {
    enum : unsigned { size_width = 3, creation_order = 4, attribute_limits = 16, times = 32 };
    Cursor cursor(head, where);
    cursor.signature("OHDR", 2);
    const unsigned flags = cursor.u8();
    if ((flags & times) != 0) cursor.skip(16);
    if ((flags & attribute_limits) != 0) cursor.skip(4);
    const std::uint64_t size = cursor.number(std::size_t{1} << (flags & size_width));
    return {size, head.size() - cursor.left(), (flags & creation_order) != 0};
}

ObjectHeader::ObjectHeader(Metadata& metadata, std::uint64_t address, const std::string& where) {
    constexpr std::uint64_t max_prefix = 34;
    const Source& source = metadata.source();
    if (address >= source.size()) throw damaged(where, "an object inside the file", "an address beyond its end");
    const auto head = source.bytes(address, std::min(max_prefix, source.size() - address));
    const Prefix prefix = prefix_of(head, where);
    if (prefix.block_size > source.size()) throw damaged(where, "a header inside the file", "a larger one");
    has_creation_order_ = prefix.has_creation_order;
    std::vector<Block> continuations;
    const auto first = checked(metadata.read(address, prefix.bytes + prefix.block_size + 4, where), where);
    read_messages(first.subspan(prefix.bytes), continuations, where);
    for (std::size_t i = 0; i < continuations.size(); ++i) {
        const Block block = continuations[i];
        const auto bytes = checked(metadata.read(block.address, block.size, where), where);
        constexpr std::string_view signature = "OCHK";
        if (bytes.size() < 4 || std::memcmp(bytes.data(), signature.data(), 4) != 0)
            throw damaged(where, "the signature OCHK", "other bytes");
        read_messages(bytes.subspan(4), continuations, where);
    }
    read_dense(metadata, where);
}

void ObjectHeader::read_messages(std::span<const std::byte> bytes, std::vector<Block>& continuations,
                                 const std::string& where) {
    const std::size_t head = has_creation_order_ ? 6 : 4;
    Cursor cursor(bytes, where);
    while (cursor.left() >= head) {  // fewer bytes are a gap
        const auto type = static_cast<MessageType>(cursor.u8());
        const unsigned size = cursor.u16(), flags = cursor.u8();
        if (has_creation_order_) cursor.skip(2);
        const auto content = cursor.take(size);
        if (type == MessageType::nil) continue;
        if (type == MessageType::continuation) {
            Cursor target(content, where);
            const std::uint64_t address = target.u64();
            continuations.push_back({address, target.u64()});
            continue;
        }
        append({type, (flags & 2u) != 0, content}, where);
    }
}

void ObjectHeader::append(const Message& message, const std::string& where) {
    if (messages_.size() == max_messages) throw damaged(where, "at most 65536 messages in a header", "more");
    messages_.push_back(message);
}

void ObjectHeader::read_dense(Metadata& metadata, const std::string& where) {
    const auto read = [&](MessageType info, MessageType type, DenseStorage (*parse)(Cursor)) {
        const Message* found = find(info, where);
        if (found == nullptr) return;
        const DenseStorage storage = parse({found->bytes, where});
        if (storage.heap == no_address) return;
        for (const auto bytes : dense_messages(metadata, storage, where)) append({type, false, bytes}, where);
    };
    read(MessageType::link_info, MessageType::link, link_info_in);
    read(MessageType::attribute_info, MessageType::attribute, attribute_info_in);
}

const ObjectHeader::Message* ObjectHeader::find(MessageType type, const std::string& where) const {
    const auto found = std::ranges::find(messages_, type, &Message::type);
    if (found == messages_.end()) return nullptr;
    if (found->is_shared) throw foreign(where, "an object that is described in its own header", "a shared message");
    return &*found;
}

}  // namespace kvmem::hdf5
