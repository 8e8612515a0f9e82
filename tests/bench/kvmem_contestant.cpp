// The contestant kvmem: see README.md.
#include "kvmem_attention.hpp"
#include "kvmem_training.hpp"

using bench::Case;

int main() {
    const auto variants = [](const Case& c) -> std::vector<std::string> {
        if (c.kind == "attend")
            return bench::kvmem_can_attend(c) ? std::vector<std::string>{"attend"} : std::vector<std::string>{};
        return {"shards=8", "shards=2", "shards=1"};
    };
    const auto make = [](const Case& c, const std::string& variant) {
        return c.kind == "attend" ? bench::kvmem_attention(c)
                                  : bench::kvmem_training(c, std::stoll(variant.substr(variant.find('=') + 1)));
    };
    return bench::serve({"kvmem", KVMEM_VERSION, variants, make});
}
