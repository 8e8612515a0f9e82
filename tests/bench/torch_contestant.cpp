// The contestant torch, libtorch's C++ interface: see README.md.
#include <torch/torch.h>

#include "decode_data.hpp"
#include "recurrent_data.hpp"
#include "torch_tasks.hpp"

using bench::Case;

int main() {
    const auto variants = [](const Case& c) -> std::vector<std::string> {
        if (c.bf16) return {};
        if (bench::is_decoding(c)) return {c.causal ? "whole" : "cache"};
        if (c.kind == "attend") return {"matmul", "sdpa"};
        if (c.kind == "encoder" || c.kind == "seq2seq" || c.kind == "transformer" || bench::is_recurrent(c))
            return {"layer"};
        return {"bag", "bag-dense", "gather"};
    };
    const auto make = [](const Case& c, const std::string& variant) {
        at::set_num_threads(static_cast<int>(c.threads));
        if (bench::is_recurrent(c)) return bench::torch_recurrent(c);
        if (bench::is_decoding(c)) return bench::torch_decode(c);
        return c.kind == "attend" ? bench::torch_attention(c, variant) : bench::torch_training(c, variant);
    };
    const std::string version = std::to_string(TORCH_VERSION_MAJOR) + "." + std::to_string(TORCH_VERSION_MINOR) + "." +
                                std::to_string(TORCH_VERSION_PATCH);
    return bench::serve({"torch", version, variants, make});
}
