// kvmem synth shop: events that are made up.
#include "kvmem/tasks/recommendation/synth_shop.hpp"
#include "events.hpp"
#include "kvmem/version.hpp"
#include "output.hpp"

#include <algorithm>
#include <iostream>

namespace kvmem::apps {

static const char* const about_synth_shop =
    "Makes up the events of a shop (kvmem-events) and the true probability of each, given all events of the customer\n"
    "before. Prints how well the targets of test can be ranked at best. The same seed gives the same bytes.\n"
    "Effects, which --off switches off:\n\n"
    "  tastes         kinds of customers prefer categories      complements    what goes with a purchase, some days "
    "later\n"
    "  switching      the active taste changes, and returns     replenishment  consumables are bought again\n"
    "  brands         kinds prefer brands                       coupons        they lead to their category\n"
    "  prices         kinds prefer a level of prices            returns        purchases are returned\n"
    "  popularity     items lose it with their half-lives       sessions       search, view, cart, buy; off: buy\n"
    "  seasons        categories have peaks that return         noise          some choices are uniform\n"
    "  late-items     items are born during the time            late-users     customers come during the time";

static std::set<ShopEffect> effects_named(const std::string& list) {
    const auto names = choices(ShopEffect{});
    std::set<ShopEffect> effects;
    for (const std::string& name : split(list, ',')) {
        const auto at = std::ranges::find(names, name);
        require_option(at != names.end(), "off", joined(names).c_str());
        effects.insert(static_cast<ShopEffect>(at - names.begin()));
    }
    return effects;
}

int run_synth_shop(const Arguments& arguments) {
    SynthShop options;
    std::string off;
    CommandLine line{
        .usage = "kvmem synth shop --output FILE [options]", .about = about_synth_shop, .positional = {"kind"}};
    line.options.add_options()                                                               //
        ("output,o", po::value<std::string>(), "the data set to write")                      //
        ("seed", po::value(&options.seed)->default_value(1), "of every random choice")       //
        ("users", po::value(&options.users)->default_value(options.users), "customers")      //
        ("items", po::value(&options.items)->default_value(options.items), "items")          //
        ("days", po::value(&options.days)->default_value(options.days), "days of the shop")  //
        ("off", po::value(&off), "effects to switch off, as in seasons,coupons");
    add_split_options(line, "time");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const auto output = required(values, "output", "the data set to write");
    require_output(output, "kvmem-events", {});
    options.off = effects_named(off);
    const SplitOptions split = split_options(values);
    EventsDataset dataset = make_shop(options);
    dataset.info.generator = "kvmem " KVMEM_VERSION " synth shop --seed " + std::to_string(options.seed);
    for (const char* name : {"users", "items", "days"})
        if (!values[name].defaulted())
            dataset.info.generator += " --" + std::string(name) + " " + std::to_string(values[name].as<Index>());
    if (!off.empty()) dataset.info.generator += " --off " + off;
    const EventSplitReport report = split_events(dataset, split);
    save_events(dataset, output);
    std::cerr << output << ": " << plural(dataset.events.size(), "event") << " of "
              << plural(dataset.users.size(), "user") << "\n";
    tell_split(report);
    std::cerr << "best reachable on test:\n";
    for (const BestReachable& best : best_reachable(dataset, EventMark::test))
        std::cerr << "  " << best.action << std::string(best.action.size() < 8 ? 8 - best.action.size() : 0, ' ')
                  << "hit@10 " << formatted("%.4f", best.hit_at_10) << ", log loss " << formatted("%.4f", best.log_loss)
                  << ", " << plural(best.targets, "target") << "\n";
    return 0;
}

}  // namespace kvmem::apps
