#include "kvmem/tasks/sequences/models/transformer_settings.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

void TransformerSettings::check() const {
    require_option(width % heads == 0, "heads", "a divisor of the width");
    require_option(heads % std::max<Index>(key_heads, 1) == 0, "key_heads", "a divisor of the heads");
    require_option(positions != Positions::rotary || width / heads % 2 == 0, "heads",
                   "heads of an even width for rotary positions");
}

TransformerOptions TransformerSettings::options(Index layers) const {
    TransformerOptions options{.width = width, .inner = inner, .heads = heads, .layers = layers};
    options.key_heads = key_heads;
    options.positions = positions;
    options.max_positions = max_positions;
    options.max_distance = max_distance;
    options.norm_order = norm_order;
    options.norm = norm;
    options.feed_forward = feed_forward;
    options.softcap = softcap;
    options.dropout = dropout;
    options.attention_dropout = attention_dropout;
    return options;
}

}  // namespace kvmem
