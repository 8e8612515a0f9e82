// Messages in the wire format of protocol buffers. Not installed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kvmem::protobuf {

// A message that grows by a field with each call. A field has a number, which may come several times.
class Message {
  public:
    Message& integer(int field, std::int64_t value);
    Message& number(int field, float value);
    Message& number(int field, double value);
    Message& bytes(int field, std::string_view value);  // a text, or a message within this one
    Message& message(int field, const Message& value) { return bytes(field, value.wire()); }

    const std::string& wire() const { return wire_; }

  private:
    std::string wire_;
};

}  // namespace kvmem::protobuf
