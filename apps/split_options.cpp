// How events are divided, on the command line.
#include "events.hpp"

#include <algorithm>
#include <iostream>

namespace kvmem::apps {

void add_split_options(CommandLine& line, const char* default_rule) {
    line.options.add_options()  //
        ("split", po::value<std::string>()->default_value(default_rule),
         "time (at two moments for all users), last-basket, leave-last, or own (of the files)")              //
        ("valid-from", po::value<std::string>(), "time: the moment at which validation begins, 2011-11-10")  //
        ("test-from", po::value<std::string>(), "time: the moment at which the test begins")                 //
        ("valid-share", po::value<double>()->default_value(0.1, "0.1"),
         "time: share of the targets, without a moment")                                                          //
        ("test-share", po::value<double>()->default_value(0.1, "0.1"), "time: the same of the test")              //
        ("first-basket", "time: the targets of valid and test are each user's first basket in their time alone")  //
        ("targets", po::value<std::string>(),
         "actions that are targets, as in buy,cart; others are in histories alone");
}

SplitOptions split_options(const po::variables_map& values) {
    SplitOptions options;
    const auto& rule = values["split"].as<std::string>();
    const auto rules = choices(SplitRule{});
    const auto at = std::ranges::find(rules, rule);
    require_option(at != rules.end(), "split", "time, last-basket, leave-last or own");
    options.rule = static_cast<SplitRule>(at - rules.begin());
    for (const char* option : {"valid-from", "test-from", "valid-share", "test-share", "first-basket"})
        if (options.rule != SplitRule::time && values.count(option) && !values[option].defaulted())
            throw UsageError({.what = std::string("--") + option + " is an option of --split time", .got = rule});
    if (values.count("valid-from")) options.valid_from = moment(values["valid-from"].as<std::string>(), "valid-from");
    if (values.count("test-from")) options.test_from = moment(values["test-from"].as<std::string>(), "test-from");
    options.valid_share = values["valid-share"].as<double>();
    options.test_share = values["test-share"].as<double>();
    options.first_basket = values.count("first-basket") > 0;
    if (values.count("targets")) options.targets = split(values["targets"].as<std::string>(), ',');
    return options;
}

void tell_split(const EventSplitReport& report) {
    std::cerr << "targets: " << plural(report.train, "event") << " to train on, " << plural(report.valid, "event")
              << " of valid, " << plural(report.test, "event") << " of test";
    if (report.none > 0) std::cerr << "; " << plural(report.none, "event") << " in histories alone";
    std::cerr << "\n";
    const auto share = [&](Index part) {
        return percent(static_cast<double>(part) / static_cast<double>(std::max<Index>(report.valid + report.test, 1)));
    };
    if (report.before_training > 0)
        std::cerr << "leaks: " << share(report.before_training)
                  << " of the targets of valid and test are older than events that are trained on\n";
    if (report.tied > 0)
        std::cerr << "ties: " << share(report.tied)
                  << " of the targets of valid and test share their second with another event of the user\n";
}

}  // namespace kvmem::apps
