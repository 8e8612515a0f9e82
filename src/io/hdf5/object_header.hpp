// An object's header (HDF5 file format 3.0, IV.A.1.b): the messages that say what a group or dataset is.
#pragma once

#include "io/hdf5/metadata.hpp"

namespace kvmem::hdf5 {

enum class MessageType : std::uint8_t {
    nil = 0x00,
    dataspace = 0x01,
    link_info = 0x02,
    datatype = 0x03,
    link = 0x06,
    external_files = 0x07,
    layout = 0x08,
    filters = 0x0b,
    attribute = 0x0c,
    continuation = 0x10,
    symbol_table = 0x11,
    attribute_info = 0x15,
};

class ObjectHeader {
  public:
    // Reads the header at `address` with all its continuations, and links and attributes that are elsewhere. Verifies
    // their checksums. Throws Error.
    ObjectHeader(Metadata& metadata, std::uint64_t address, const std::string& where);

    struct Message {
        MessageType type;
        bool is_shared;  // its bytes say where the message is
        std::span<const std::byte> bytes;
    };
    // In the order of the file. Their bytes live as long as the metadata.
    const std::vector<Message>& messages() const { return messages_; }
    // The first message of this type, or nullptr. Throws Error when its contents are shared with other objects.
    const Message* find(MessageType type, const std::string& where) const;

  private:
    struct Block {
        std::uint64_t address, size;
    };
    void read_messages(std::span<const std::byte> bytes, std::vector<Block>& continuations, const std::string& where);
    void read_dense(Metadata& metadata, const std::string& where);
    void append(const Message& message, const std::string& where);

    std::vector<Message> messages_;
    bool has_creation_order_ = false;
};

}  // namespace kvmem::hdf5
