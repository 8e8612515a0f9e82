#include "kvmem/tasks/sequences/models/transformer_settings.hpp"

#include "kvmem/core/error.hpp"

namespace kvmem {

void TransformerSettings::check() const {
    require_option(width % heads == 0, "heads", "a divisor of the width");
    require_option(positions != Positions::rotary || width / heads % 2 == 0, "heads",
                   "heads of an even width for rotary positions");
}

TransformerOptions TransformerSettings::options(Index layers) const {
    TransformerOptions options{.width = width, .inner = inner, .heads = heads, .layers = layers};
    options.positions = positions;
    options.feed_forward = feed_forward;
    options.dropout = dropout;
    return options;
}

}  // namespace kvmem
