// The contestant kvmem: see README.md.
#include "decode_data.hpp"
#include "kvmem/version.hpp"
#include "kvmem_attention.hpp"
#include "kvmem_decode.hpp"
#include "kvmem_recurrent.hpp"
#include "kvmem_training.hpp"
#include "recurrent_data.hpp"

using bench::Case;

int main() {
    const auto variants = [](const Case& c) -> std::vector<std::string> {
        if (c.kind == "attend")
            return bench::kvmem_can_attend(c) ? std::vector<std::string>{"attend"} : std::vector<std::string>{};
        if (bench::is_recurrent(c)) return {"layer"};
        if (bench::is_decoding(c)) return {"packed"};
        return {"1x1", "1x4", "1x16", "2x1", "2x4", "2x8"};  // tapes x parts
    };
    const auto make = [](const Case& c, const std::string& variant) {
        if (c.kind == "attend") return bench::kvmem_attention(c);
        if (bench::is_recurrent(c)) return bench::kvmem_recurrent(c);
        if (bench::is_decoding(c)) return bench::kvmem_decode(c);
        return bench::kvmem_training(c, {std::stoll(variant), std::stoll(variant.substr(variant.find('x') + 1))});
    };
    return bench::serve({"kvmem", KVMEM_VERSION, variants, make});
}
