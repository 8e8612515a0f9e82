// Attention, recurrent layers, decoding and training steps with libtorch. Each gives null for a case that is not its
// own.
#pragma once

#include "protocol.hpp"

namespace bench {

// variant: matmul or sdpa (forward by at::_scaled_dot_product_attention); gather or bag
// (nn::functional::embedding_bag).
std::unique_ptr<Task> torch_attention(const Case& c, const std::string& variant);
std::unique_ptr<Task> torch_recurrent(const Case& c);
std::unique_ptr<Task> torch_decode(const Case& c);
std::unique_ptr<Task> torch_training(const Case& c, const std::string& variant);

}  // namespace bench
