// Negatives of targets: what a user does not have in training.
#include "tasks/recommendation/negatives.hpp"

#include "support/ring_events.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

TEST_CASE("a negative may be what its user is validated and tested with", "[negatives]") {
    const EventsDataset data =
        test::ring_events(6, 8, 8);  // six of eight items in training, one for valid, one for test
    const Catalog catalog = catalog_of(data);
    std::vector<Window> windows;
    for (const Index target : data.events.marked(EventMark::train))
        windows.push_back({data.events.of_user(data.events.user_of(target)).first, target, target + 1});
    for (const bool redraw : {false, true}) {
        Rng rng(7);
        const TargetPairs pairs = target_pairs(data.events, windows, catalog, redraw, 1, rng);
        bool valid = false, test = false;
        for (std::size_t i = 0; i < windows.size(); ++i) {
            const Index last = data.events.of_user(data.events.user_of(windows[i].begin)).second - 1;
            const bool is_valid = pairs.negatives[i] == data.events.object[last - 1];
            const bool is_test = pairs.negatives[i] == data.events.object[last];
            CHECK((is_valid || is_test));
            valid |= is_valid;
            test |= is_test;
        }
        CHECK((valid && test));
    }
}
