// What oneDNN computes beside attention.
#pragma once

#include "protocol.hpp"

namespace bench {

// Forward of an LSTM over sequences of one length.
std::unique_ptr<Task> onednn_lstm(const Case& c);

}  // namespace bench
